"""Front end: the image stream, corners, templates, alignment, stereo search, outliers."""

from vio.energy.actions import Op, Work
from vio.energy.memory import line_buffer, resident, reused, sequential
from vio.energy.rows import Rows, of_its_size, record
from vio.energy.rows import uses as made
from vio.energy.stages import codec

PATCH, TEMPLATE = 64, 100
BASIS, PIXELS, LANES, WIDE = "front.basis", "front.patch", "front.lanes", 8
SIDE_BY_SIDE = 5
"""Bytes of a patch, packed or raw, that a word of eight bytes of a frame holds."""


def prepare(event, bits) -> Rows:
    """`unpack_template` and `steepest_descent`."""
    r = Rows(event).add("track.template", TEMPLATE if bits == 8 else 2 + TEMPLATE // 2)
    r.add(PIXELS, 5 * PATCH + 1, TEMPLATE).add(BASIS, 3 * PATCH, 6 * PATCH)
    return r.add(LANES, 9 * (PATCH + WIDE), 9 * (PATCH + WIDE))


def project(event) -> Rows:
    """`project_patch`."""
    r = Rows(event).add("front.regions", 9 * PATCH).add(BASIS, 3 * PATCH)
    return r.add(LANES, 5 * (PATCH + WIDE), 5 * (PATCH + WIDE))


def bent(event) -> Rows:
    """`project_bent` instead: four pixels a sample, and sums in registers."""
    r = Rows(event).add("front.regions", -5 * PATCH)
    return r.add(LANES, -5 * (PATCH + WIDE), -5 * (PATCH + WIDE))


def samples(plan):
    """Pattern of the decoded pixels: along a row of samples each pixel is read three times running.

    Of the nine pixels about a sample the next one needs six; two more come before their turn.
    """
    whole = plan.size("front.regions")
    fresh = WIDE * (9 + 3 * (WIDE - 1))

    def make(stage, tensor, event, *, reads, writes):
        if not event.endswith(("iterations", "hypotheses", "bent")):
            return resident(stage, tensor, event, reads=reads, writes=writes, size=whole)
        passed = 4 * PATCH - fresh if event.endswith("bent") else fresh
        steps = ((8, passed, 0), (whole, 0, 0))
        return reused(stage, tensor, event, reads=reads, run=whole, steps=steps)

    return make


def align(plan, kind, cam, score, uv) -> list:
    """`klt.align`, events of the name `kind`."""
    n = plan.shapes["track.id"][0]
    return [
        *codec.load(plan, f"{kind}_blocks"),
        Rows(f"cam{cam}").add(score, 0, n).add(uv, 2 * n),
        Rows(f"{kind}_given").add("front.warp_next", 4).add(uv, 0, 2),
        Rows(f"{kind}_tried").add("front.first_level", 1),
        prepare(f"{kind}_levels", plan.template_bits),
        project(f"{kind}_iterations"),
        bent(f"{kind}_bent"),
        Rows(f"{kind}_found").add(uv, 0, 2).add(score, 0, 1),
    ]


def search(plan) -> list:
    """`stereo.search_epipolar`."""
    n = plan.shapes["track.id"][0]
    return [
        *codec.load(plan, "search_blocks"),
        Rows("search_calls").add("front.wanted", n),
        Rows("search_wanted").add("track.uv0", 2),
        prepare("search_wanted", plan.template_bits),
        project("search_hypotheses"),
        Rows("search_found").add("track.inv_depth", 0, 1),
    ]


def templates(plan) -> list:
    """`klt.mark_stale` and `klt.take_templates`."""
    n, wanted, uv = plan.shapes["track.id"][0], "front.wanted", "track.uv0"
    store = TEMPLATE if plan.template_bits == 8 else 2 + TEMPLATE // 2
    stale = Rows("stale_checks").add("track.id", n).add("track.warp", 4 * n)
    r = Rows("templates").add("front.regions", 6 * TEMPLATE).add(PIXELS, TEMPLATE, TEMPLATE)
    return [
        *codec.load(plan, "template_blocks"),
        stale.add("track.score", n).add(wanted, 0, n),
        Rows("template_calls").add(wanted, n),
        Rows("template_wanted").add(uv, 2),
        r.add("track.template", 0, store),
        Rows("templates_cleared").add("track.template", 0, store),
        Rows("templates_left").add(wanted, 0, 1),
    ]


def detect(plan) -> list:
    """`detect.detect` on level 1 of cam0."""
    frame, border = codec.Frame(plan), 6
    w, h = frame.size[1]
    rows, cols = plan.shapes["front.occupied"]
    ring, sums = plan.size("front.ring"), plan.size("front.sums")
    inner, cells, scans = (w - 2) * (h - 2), rows * cols, h - 2
    scanned = h - 2 * border
    r = Rows("detect_scans").add(codec.DATA, frame.line_reads(1), 0, h)
    r.add("front.rows", 4 * inner, w * h).add("front.ring", 12 * w * scans, ring + 2 * inner)
    r.add("front.sums", 6 * w * scans, sums + 6 * w * scans).add("front.occupied", scanned * cols)
    r.add("front.cell_score", cells, 2 * cells)
    cell = Rows("detect_rows").add("front.cell_score", 1, 1).add("front.cell_xy", 2, 2)
    pixel = Rows("detect_px").add("front.sums", 15).add("stream.scale", 1, 1)
    return [r, cell, pixel, Rows("detect_found").add("front.cell_score", 0, -1), *fill(plan)]


def fill(plan) -> list:
    """`detect.occupy` and `detect.choose`."""
    n, uv = plan.shapes["track.id"][0], "track.uv0"
    scan = Rows("detect_scans").add("front.occupied", 0, plan.size("front.occupied"))
    return [
        scan.add(uv, 2 * n).add("front.wanted", 0, n),
        Rows("detect_live").add(uv, 2).add("front.occupied", 0, 1),
        Rows("detect_looked").add("front.cell_score", 1).add(uv, 2),
        Rows("detect_held").add("front.cell_xy", 2),
        Rows("detect_tests").add(uv, 2),
        Rows("detect_used").add(uv, 2),
        Rows("detect_added").add(uv, 0, 2).add("front.wanted", 0, 1),
    ]


def transfer(n) -> list:
    """`predict.transfer`."""
    uv, out = "track.uv0", "front.uv_next"
    return [
        Rows("transfer_calls").add(out, 0, 2 * n).add(uv, 2 * n),
        Rows("transfer_given").add(uv, 2).add("track.inv_depth", 1),
        Rows("predicted").add("track.warp", 4).add("front.warp_next", 0, 4).add(out, 0, 2),
    ]


def undistort(n, rays="front.rays_b") -> list:
    """`camera.undistort`; the front end's tables of rays are billed as one."""
    uv, weights = "track.uv0", "front.weights"
    first = Rows("undistort_calls").add(rays, 0, 2 * n).add(weights, 0, n).add(uv, 2 * n)
    return [first, Rows("undistort_given").add(uv, 2).add(rays, 0, 2).add(weights, 0, 1)]


def inverse_depth(n) -> list:
    """`predict.inverse_depth`."""
    return [
        Rows("inverse_calls").add("track.uv0", 2 * n),
        Rows("inverse_given").add("track.uv1", 2),
        Rows("stereo_tested").add("track.uv0", 2).add("track.uv1", 2).add("track.inv_depth", 0, 1),
        Rows("stereo_refused").add("track.uv1", 0, 2).add("track.inv_depth", 0, -1),
    ]


def moved(n) -> list:
    """`predict.count_moved`, against the last frame and the last keyframe."""
    a, b, key = "front.rays_a", "front.rays_b", "track.ray_key"
    return [
        Rows("still_checks").add(a, n).add(b, n),
        Rows("still_seen").add(a, 1).add(b, 1),
        Rows("key_checks").add(key, n).add(b, n),
        Rows("key_seen").add(key, 1).add(b, 1),
    ]


def ransac(n) -> list:
    """`outliers.ransac_translation`, where every pair drawn spans a direction."""
    inlier, normals, a, b = "front.inlier", "front.normals", "front.rays_a", "front.rays_b"
    # Still features are marked at once, moving ones if they fit: valid - moving + fitting
    # = inliers, all of them marked once more at the end.
    return [
        Rows("cam0").add(inlier, n, n).add(a, 2 * n),
        Rows("ransac_given").add(b, 2),
        Rows("ransac_valid").add(a, 2).add(b, 2).add(normals, -1),
        Rows("ransac_moving").add(normals, 1, 4),
        Rows("ransac_inliers").add(normals, 1).add(inlier, 0, 2),
        Rows("ransac_hypotheses").add(normals, 12),
        Rows("ransac_tests").add(normals, 4).add(b, 2),
    ]


def freed(event, times) -> Rows:
    """`features.free`: rows of the table emptied, so many with each event."""
    r = Rows(event).add("track.id", 0, times)
    for name in ("uv0", "uv1", "ray_key"):
        r.add(f"track.{name}", 0, 2 * times)
    return r


def table(n) -> list:
    """`features.take_depths`, `settle`, `retain`, `renew`, `hand_on`: what is not kept is freed."""
    wanted, warp, uv = "front.wanted", "track.warp", "front.uv_next"
    found = freed("klt_found", -1).add("track.uv0", 0, 2).add(warp, 0, 4)
    out = Rows("handed_on").add("track.age", 3, 1).add("track.uv0", 2).add("track.uv1", 2)
    return [
        freed("cam0", 2 * n).add("track.score", n).add("front.inlier", n).add("track.id", 2 * n),
        Rows("depths_taken").add("track.inv_depth", 0, 1),
        found.add(uv, 2).add("front.warp_next", 4),
        freed("ransac_inliers", -1),
        Rows("template_calls").add(wanted, 2 * n),
        Rows("template_wanted").add(wanted, -1).add(warp, 0, 4).add("track.score", 0, 1),
        freed("templates_left", 1).add(wanted, 1).add(warp, 0, -4).add("track.score", 0, -1),
        out.add("track.id", 1),
    ]


def patterns(plan) -> dict:
    """How each tensor is walked."""
    scratch, lines = of_its_size(plan, resident), of_its_size(plan, line_buffer)
    out = {name: scratch for name in plan.tensors if name.startswith("front.")}
    out |= {name: lines for name in plan.tensors if name.startswith("stream.")}
    points = ("rays_a", "rays_b", "uv_next", "cell_xy")
    out |= {f"front.{name}": record(2) for name in points}
    out |= {
        "front.regions": samples(plan),
        "front.warp_next": record(4),
        "front.normals": record(4),
        "front.weights": record(1),
    }
    out |= {"track.uv0": record(2), "track.uv1": record(2), "track.warp": record(4)}
    return out | {"track.template": record(plan.shapes["track.template"][2])}


def model(plan) -> dict:
    """Stage -> rows of the front end."""
    n = plan.shapes["track.id"][0]
    out = {
        "receive": [row for cam in range(plan.cameras) for row in codec.receive(plan, cam)],
        "predict": transfer(n), "undistort": undistort(n),
        "track": align(plan, "klt", 0, "track.score", "front.uv_next"),
        "ransac": ransac(n) + moved(n),
        "detect": detect(plan), "templates": templates(plan), "features": table(n),
    }  # fmt: skip
    if plan.cameras == 2:
        out["search"] = search(plan)
        out["stereo"] = align(plan, "stereo", 1, "front.score1", "track.uv1") + inverse_depth(n)
    return out


def uses(plan) -> list:
    """Accesses of every front-end stage."""
    how = patterns(plan)
    streams = {f"image{cam}": sequential for cam in range(plan.cameras)}
    out = []
    for stage, rows in model(plan).items():
        # Rows of a frame are written and scanned in order; patches of it are read at any place.
        frames = sequential if stage in ("receive", "detect") else record(SIDE_BY_SIDE)
        out += made(stage, rows, how | streams | {codec.DATA: frames})
    return out


def work(plan) -> list:
    """Arithmetic per event, from the inner loops; a comparison counts as an addition."""
    a16, a32, m32, d32 = Op.ADD_I16, Op.ADD_F32, Op.MUL_F32, Op.DIV_F32
    a64, m64, d64, r64 = Op.ADD_F64, Op.MUL_F64, Op.DIV_F64, Op.SQRT_F64
    w, h = plan.width // 2, plan.height // 2
    receive = {
        Op.ADD_I16: 3 * 4 + 2,  # 4 taps both ways, x3 as shift and add: two columns, a row
        Op.ADD_I8: 6 + 4, Op.MUL_I32: 2,  # range of a block, codes and what they stand for
    }  # fmt: skip
    decoded = {m32: 16, a32: 16, Op.ADD_I32: 32}
    out = [
        Work("receive", "pyramid_px", receive),
        Work("receive", "sensor_px", {a16: 8 + 3}),  # level above interpolated, taken off, signed
        Work(
            "detect", "detect_scans", {a16: 2 * w * h, Op.MUL_I32: 6 * w * h, Op.ADD_I32: 6 * w * h}
        ),
        Work("detect", "detect_px", {Op.ADD_I32: 12, m32: 2, a32: 4, d32: 1}),
        Work("templates", "template_blocks", decoded),
        Work("templates", "templates", {m32: 4 * TEMPLATE, a32: 9 * TEMPLATE}),
        Work("predict", "predicted", {m64: 200, a64: 180, d64: 15}),
        Work("undistort", "unprojected", {m64: 150, a64: 120, d64: 5}),
        Work("ransac", "still_seen", {m64: 8, a64: 9, d64: 2}),
        Work("ransac", "key_seen", {m64: 8, a64: 9, d64: 2}),
        Work("ransac", "ransac_tests", {m64: 8, a64: 8, d64: 1, r64: 1}),
    ]
    basis = {m32: 10 * PATCH + TEMPLATE, a32: 17 * PATCH + TEMPLATE}
    patch = {m32: 9 * PATCH, a32: 17 * PATCH}
    for stage, kind in (("track", "klt"), ("stereo", "stereo")):
        out.append(Work(stage, f"{kind}_levels", basis))
        out.append(Work(stage, f"{kind}_blocks", decoded))
        out.append(Work(stage, f"{kind}_blocks0", {m32: 4 * 16, a32: 3 * 16}))
        out.append(Work(stage, f"{kind}_iterations", patch | {d32: 5, Op.SQRT_F32: 1}))
    out.append(Work("search", "search_wanted", basis))
    out.append(Work("search", "search_blocks", decoded))
    out.append(Work("search", "search_hypotheses", patch | {d32: 2, Op.SQRT_F32: 1}))
    return out
