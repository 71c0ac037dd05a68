"""Front end: pyramid, corners, templates, alignment, stereo search, outliers."""

from vio.energy.actions import Op, Work
from vio.energy.memory import indexed, resident, reuse_rows, sequential, window_gather

PATCH, TEMPLATE, REGION, BASIS = 64, 100, 24 * 24, 3 * 64


def uses(plan) -> list:
    """Accesses of every front-end stage."""
    out = []
    for cam in range(plan.cameras):
        out += pyramid(plan, cam)
    out += detect(plan)
    for stage, kind, cam in (("track", "klt", 0), ("stereo", "stereo", 1)):
        if cam < plan.cameras:
            out += align(stage, kind, cam)
    if plan.cameras == 2:
        out += search(plan)
    return out + templates(plan) + points()


def pyramid(plan, cam) -> list:
    """`pyramid.halve`, level by level."""
    out, width, height, below = [], plan.width, plan.height, f"image{cam}"
    for level in range(1, plan.levels):
        w, h = width // 2, height // 2
        event, line = f"cam{cam}", plan.size("front.line")
        reads, unique = 4 * h * width, 2 * h * width
        taps, fills = h * (2 + 4 * w), h * (width + 2)
        out += [
            reuse_rows("pyramid", below, event, reads=reads, rows=4, row=width, unique=unique),
            resident("pyramid", "front.line", event, reads=taps, writes=fills, size=line),
            sequential("pyramid", f"pyramid{cam}.{level}", event, writes=w * h),
        ]
        width, height, below = w, h, f"pyramid{cam}.{level}"
    return out


def detect(plan) -> list:
    """`detect.detect` on level 1 of cam0."""
    w, h = plan.width // 2, plan.height // 2
    ring, sums = plan.size("front.ring"), plan.size("front.sums")
    cells = plan.size("front.occupied")
    each, inner = "detect_scans", (w - 2) * (h - 2)
    return [
        reuse_rows("detect", "pyramid0.1", each, reads=4 * inner, rows=3, row=w, unique=w * h),
        resident("detect", "front.ring", each, reads=3 * inner, writes=ring + 3 * inner, size=ring),
        resident("detect", "front.sums", each, reads=3 * inner, writes=sums + 3 * inner, size=sums),
        resident("detect", "front.sums", "detect_px", reads=15, size=sums),
        indexed("detect", "front.occupied", each, reads=cells),
        indexed("detect", "front.cell_score", each, reads=2 * cells, writes=2 * cells),
        indexed("detect", "front.cell_xy", "detect_found", writes=6, record=2),
    ]


def align(stage, kind, cam) -> list:
    """`klt.align`; all levels are billed as gathers from level 0's memory."""
    region, turn = f"{kind}_regions", f"{kind}_iterations"
    return [
        window_gather(stage, f"image{cam}", region, reads=REGION, side=24),
        resident(stage, "front.region", region, writes=REGION, size=REGION),
        sequential(stage, "track.template", region, reads=5 * PATCH, repeat=3.2),
        resident(stage, "front.basis", region, reads=8 * PATCH, writes=8 * PATCH, size=BASIS),
        resident(stage, "front.region", turn, reads=4 * PATCH, size=REGION),
        resident(stage, "front.basis", turn, reads=BASIS, size=BASIS),
    ]


def search(plan) -> list:
    """`stereo.search_epipolar` on a coarse level of cam1."""
    level = plan.search_level
    image = f"pyramid1.{level}" if level else "image1"
    return [
        window_gather("search", image, "search_regions", reads=REGION, side=24),
        resident("search", "front.region", "search_regions", writes=REGION, size=REGION),
        resident("search", "front.region", "search_hypotheses", reads=4 * PATCH, size=REGION),
        resident("search", "front.basis", "search_hypotheses", reads=BASIS, size=BASIS),
    ]


def templates(plan) -> list:
    """`klt.take_template`."""
    return [
        window_gather("templates", "image0", "templates", reads=4 * TEMPLATE, side=11),
        sequential("templates", "track.template", "templates", writes=TEMPLATE),
    ]


def points() -> list:
    """Prediction, undistortion and RANSAC: a few numbers per feature."""
    return [
        indexed("predict", "track.uv0", "predicted", reads=2, record=2),
        indexed("predict", "front.uv_next", "predicted", writes=2, record=2),
        indexed("predict", "track.warp", "predicted", reads=4, record=4),
        indexed("predict", "front.warp_next", "predicted", writes=4, record=4),
        indexed("predict", "calibration", "predicted", reads=60, record=8),
        indexed("undistort", "front.rays_b", "unprojected", writes=2, record=2),
        indexed("undistort", "calibration", "unprojected", reads=40, record=8),
        indexed("ransac", "front.normals", "ransac_tests", reads=4, record=4),
        indexed("ransac", "front.rays_b", "ransac_tests", reads=2, record=2),
    ]


def work(plan) -> list:
    """Arithmetic per event, from the inner loops."""
    a32, m32, d32 = Op.ADD_F32, Op.MUL_F32, Op.DIV_F32
    a64, m64, d64 = Op.ADD_F64, Op.MUL_F64, Op.DIV_F64
    out = [
        # 4 taps twice over, x3 as shift and add: 2 columns and 1 row per output pixel
        Work("pyramid", "pyramid_px", {Op.ADD_I16: 3 * 4 + 2}),
        Work("detect", "detect_scans", {
            Op.ADD_I16: 2 * (plan.pixels // 4), Op.MUL_I32: 3 * (plan.pixels // 4),
            Op.ADD_I32: 6 * (plan.pixels // 4)}),
        Work("detect", "detect_px", {Op.ADD_I32: 12, m32: 2, a32: 4, d32: 1}),
        Work("templates", "templates", {m32: 6 * TEMPLATE, a32: 7 * TEMPLATE}),
        Work("predict", "predicted", {m64: 200, a64: 180, d64: 15}),
        Work("undistort", "unprojected", {m64: 150, a64: 120, d64: 5}),
        Work("ransac", "ransac_tests", {m64: 8, a64: 8, d64: 1, Op.SQRT_F64: 1}),
    ]  # fmt: skip
    basis = {m32: 12 * PATCH, a32: 14 * PATCH}
    patch = {m32: 7 * PATCH, a32: 15 * PATCH}
    for stage, kind in (("track", "klt"), ("stereo", "stereo")):
        out.append(Work(stage, f"{kind}_regions", basis))
        out.append(Work(stage, f"{kind}_iterations", patch | {d32: 4, Op.SQRT_F32: 1}))
    out.append(Work("search", "search_hypotheses", patch | {d32: 2, Op.SQRT_F32: 1}))
    return out
