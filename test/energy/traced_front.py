"""As `traced.py`, for the kernels of the front end and the camera."""

import numpy as np
import pytest
from energy.runs import plan as make_plan
from energy.trace import Trace
from energy.traced import as_uses, check
from images import basis, lanes, pixels, regions
from world import EQUIDISTANT, RADTAN

from vio.config import Config, FrontendConfig
from vio.energy.stages import codec as codec_model
from vio.energy.stages import frontend as model
from vio.frontend import codec, detect, encode, features, klt, outliers, patch, predict, stereo
from vio.geometry import camera

W, H, N = 96, 80, 6
FORMATS = {
    "packed": {"finest_bits": 1, "second_bits": 2, "coarse_bits": 4, "template_bits": 4},
    "fine": {"finest_bits": 2, "second_bits": 4, "coarse_bits": 1, "template_bits": 8},
    "raw": {"finest_bits": 8, "second_bits": 8, "coarse_bits": 8, "template_bits": 8},
}
R, P = np.eye(3), np.array([-0.11, 0.0, 0.0])
F = np.float32


def sizes(name="packed", size=(W, H), n=N, reduce=1):
    """A Plan of small images: only the sizes the front end's models look at."""
    from dataclasses import replace

    config = Config(
        frontend=replace(FrontendConfig(), max_features=n, reduce=reduce, levels=4, **FORMATS[name])
    )
    return make_plan(config, size)


def image(seed=0, size=(W, H)):
    y, x = np.mgrid[: size[1], : size[0]]
    rng = np.random.default_rng(seed)
    a = rng.uniform(0.2, 0.5, 4)
    wave = np.sin(a[0] * x) * np.cos(a[1] * y) + np.sin(a[2] * x + a[3] * y)
    return (128 + 50 * wave + rng.normal(0, 2, wave.shape)).clip(0, 255).astype(np.uint8)


def bits(plan):
    return tuple(plan.level_bits)


def stream(trace, plan, cam=0):
    """Arrays of `receive`, logging."""
    kinds = {"lines": "u1", "rings": "u1", "decoded": "u1", "line": "u2", "residual": "i2",
             "mixed": "i2", "ranges": "u1", "scale": "u4"}  # fmt: skip
    shapes = {k: plan.shapes[f"stream.{k}"] for k in kinds}
    make = trace.array if trace else lambda name, values: values
    return [make(f"stream.{k}", np.zeros(shapes[k], kinds[k])) for k in kinds]


def compressed(plan, seed=0):
    """(data, table) of an image, not logged."""
    table, size = codec.layout(plan.height, plan.width, bits(plan))
    data = np.zeros(size, np.uint8)
    shot = image(seed, (plan.width, plan.height)).astype(np.int64)
    encode.receive(shot, plan.reduce, data, table, *wide(plan))
    return data, table


def wide(plan):
    """Line buffers of Python-sized integers: without the compiler small ones would overflow."""
    return [a.astype(np.int64) if a.dtype.kind in "iu" else a for a in stream(None, plan)]


@pytest.mark.parametrize("size, reduce", [((W, H), 1), ((101, 75), 1), ((203, 150), 2)])
@pytest.mark.parametrize("name", FORMATS)
def test_receive(name, size, reduce):
    plan, trace = sizes(name, size, reduce=reduce), Trace()
    table, n = codec.layout(plan.height, plan.width, bits(plan))
    shot = trace.array("image0", image(1, size))
    encode.receive(
        shot, plan.reduce, trace.array("frame", np.zeros(n, np.uint8)), table, *stream(trace, plan)
    )
    check(trace, as_uses(codec_model.receive(plan, 0)), {"cam0": 1})


def scratch(trace):
    arrays = {"regions": regions(), "patch": pixels(), "basis": basis(), "lanes": lanes()}
    return [trace.array(f"front.{name}", a) for name, a in arrays.items()]


def stored_templates(plan, data, table, uv):
    """(N, L, B) templates, and how often each event happened."""
    out = np.zeros((len(uv), 4, patch.template_bytes(plan.template_bits)), np.uint8)
    return out, take(plan, data, table, uv, np.ones(len(uv), np.uint8), out, scratch(Trace()))


def take(plan, data, table, uv, wanted, out, s):
    """Events of `klt.take_templates`."""
    counts = klt.take_templates(data, table, uv, wanted, plan.template_bits, *s[:2], out)
    names = ("templates", "templates_cleared", "templates_left", "template_blocks",
             "template_blocks0", "template_blocks1")  # fmt: skip
    return dict(zip(names, counts)) | {"template_calls": 1}


UV = np.array([[40.3, 38.6], [52.1, 41.2], [30.7, 44.9], [60.0, 35.5], [np.nan, np.nan], [3, 3]], F)


@pytest.mark.parametrize("name", FORMATS)
def test_templates(name):
    plan, trace = sizes(name), Trace()
    data, table = compressed(plan)
    out = np.zeros((N, 4, patch.template_bytes(plan.template_bits)), np.uint8)
    arrays = (
        trace.array("frame", data), table, trace.array("track.uv0", UV),
        trace.array("front.wanted", np.array([1, 1, 1, 0, 0, 1], np.uint8)),
        trace.array("track.template", out),
    )  # fmt: skip
    events = take(plan, *arrays, scratch(trace)) | {"template_wanted": 4, "stale_checks": 1}
    assert events["templates_left"] == 1 and events["templates"] > 4
    klt.mark_stale(
        trace.array("track.id", np.arange(N, dtype=np.int32) - 1),
        trace.array("track.warp", np.tile(np.eye(2, dtype=F), (N, 1, 1))),
        trace.array("track.score", np.linspace(0, 1, N, dtype=F)), 0.5,
        trace.array("front.wanted", np.zeros(N, np.uint8)),
    )  # fmt: skip
    check(trace, as_uses(model.templates(plan)), events)


@pytest.mark.parametrize("name", FORMATS)
def test_align(name):
    plan, trace = sizes(name), Trace()
    data, table = compressed(plan)
    stored, _ = stored_templates(plan, data, table, UV[:4])
    stored = np.concatenate([stored, stored[:2]])
    warps = np.tile(np.eye(2, dtype=F), (N, 1, 1))
    warps[2] *= F(1.2)  # bent
    warps[3] *= 3.5  # too large to follow
    uv = UV + F(0.7)
    s = scratch(trace)
    out = klt.align(
        trace.array("frame", data), table, trace.array("track.template", stored),
        plan.template_bits, trace.array("front.warp_next", warps), trace.array("front.uv_next", uv),
        trace.array("front.first_level", np.full(N, 2, np.int8)), 0,
        np.array([10, 0.02, 0.5, 1.0], F), *s, trace.array("track.score", np.zeros(N, F)),
    )  # fmt: skip
    loads, blocks, blocks0, blocks1, levels, iterations, bent, found, given, tried = out
    assert given == 5 and found > 0 and tried == given - 1 and loads > 0 and blocks0 > 0
    assert 0 < bent < iterations
    events = dict(klt_blocks=blocks, klt_blocks0=blocks0, klt_blocks1=blocks1)
    events |= dict(klt_levels=levels, klt_iterations=iterations, klt_found=found)
    events |= dict(klt_bent=bent)
    events |= dict(klt_given=given, klt_tried=tried, cam0=1)
    rows = model.align(plan, "klt", 0, "track.score", "front.uv_next")
    check(trace, as_uses(rows), events)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_search(level):
    plan, trace = sizes(), Trace()
    plan.search_level = level
    data, table = compressed(plan)
    uv = UV[[0, 1, 2, 3, 0, 1]]
    stored, _ = stored_templates(plan, data, table, uv)
    wanted = np.array([1, 0, 1, 1, 1, 0], np.uint8)
    params = np.array([60.0, 60, 48, 40, 0, 0, 0, 0])
    s = scratch(trace)
    tried, _, blocks, blocks0, blocks1, matched = stereo.search_epipolar(
        trace.array("frame", data), table, level, trace.array("track.template", stored),
        plan.template_bits, 0, params, 0, params, R, P, trace.array("track.uv0", uv),
        trace.array("front.wanted", wanted), 0.5, *s,
        trace.array("track.inv_depth", np.zeros(N, F)),
    )  # fmt: skip
    assert tried > 0 and matched > 0
    events = dict(search_hypotheses=tried, search_blocks=blocks, search_blocks0=blocks0)
    events |= dict(search_blocks1=blocks1, search_found=matched, search_wanted=4, search_calls=1)
    check(trace, as_uses(model.search(plan)), events)


@pytest.mark.parametrize("name", FORMATS)
def test_detect(name):
    plan, trace = sizes(name, (W, H), 12), Trace()
    data, table = compressed(plan)
    rows, cols = plan.shapes["front.occupied"]
    cell = max(8, int((W // 2 * (H // 2) / (1.15 * 12)) ** 0.5))
    occupied = (np.arange(rows * cols) % 3 == 0).astype(np.uint8).reshape(rows, cols)
    kinds = {"rows": "u1", "ring": "i2", "sums": "i4"}
    s = [
        trace.array(f"front.{k}", np.zeros(plan.shapes[f"front.{k}"], t)) for k, t in kinds.items()
    ]
    kinds = {"cell_xy": (rows * cols, 2), "cell_score": (rows * cols,)}
    cells = [trace.array(f"front.{k}", np.zeros(size, F)) for k, size in kinds.items()]
    scored, found = detect.detect(
        trace.array("frame", data), table, 1, cell, trace.array("front.occupied", occupied),
        300.0, 6, *s, trace.array("stream.scale", np.zeros(W // 2, F)), *cells,
    )  # fmt: skip
    y = np.arange(6, H // 2 - 6) // cell
    free = int((occupied == 0).sum(axis=1)[y].sum())
    events = dict(detect_scans=1, detect_px=scored, detect_found=found, detect_rows=free)
    assert 0 < found < rows * cols
    events |= fill(trace, plan, cell, cells, occupied)
    check(trace, as_uses(model.detect(plan)), events)


def fill(trace, plan, cell, cells, occupied):
    """Events of `detect.occupy` and `detect.choose` with two features in the table of twelve."""
    table = np.full((12, 2), np.nan, F)
    table[[1, 2]] = [[40, 30], [70, 50]]
    uv = trace.array("track.uv0", table)
    detect.occupy(uv, cell, trace.array("front.occupied", occupied.copy()))
    order = np.argsort(-cells[1].values, kind="stable")
    added, looked, held, tests, used = detect.choose(
        cells[0], cells[1], order, cell, uv, trace.array("front.wanted", np.zeros(12, np.uint8))
    )
    assert 0 < added < held and used > 0
    events = dict(detect_live=2, detect_looked=looked, detect_held=held, detect_tests=tests)
    return events | dict(detect_used=used, detect_added=added)


CAMERAS = [(0, RADTAN), (1, EQUIDISTANT)]
PLACES = np.array([[300, 200], [380, 260], [500, 100], [np.nan, np.nan], [250, 300], [420, 333]], F)


def test_points():
    """Transfer, undistortion and triangulation."""
    trace, k = Trace(), N
    uv, depth = trace.array("track.uv0", PLACES.copy()), np.array([0.2, 0, 0.5, 0, 0.1, 0.3], F)
    rho, warp = trace.array("track.inv_depth", depth), np.tile(np.eye(2, dtype=F), (k, 1, 1))
    out = trace.array("front.uv_next", np.zeros((k, 2), F))
    bent = trace.array("front.warp_next", np.zeros((k, 2, 2), F))
    pair = (*CAMERAS[0], *CAMERAS[1], R, P)
    given, n = predict.transfer(*pair, uv, rho, trace.array("track.warp", warp), out, bent)
    rays = trace.array("front.rays_b", np.zeros((k, 2)))
    assert (
        camera.undistort(*CAMERAS[0], uv, rays, trace.array("front.weights", np.zeros(k, F))) == 5
    )
    there = out.values.copy()
    there[1] += 20  # off its epipolar line
    there[2] = np.nan
    right = trace.array("track.uv1", there)
    _, tested, refused = predict.inverse_depth(*pair, uv, right, 1.5, 0.3, rho)
    assert (given, n, tested) == (5, 5, 4) and 0 < refused < 4
    events = dict(transfer_calls=1, transfer_given=5, predicted=n, undistort_calls=1)
    events |= dict(undistort_given=5, inverse_calls=1, inverse_given=5, stereo_tested=tested)
    events |= dict(stereo_refused=refused)
    rows = model.transfer(k) + model.undistort(k) + model.inverse_depth(k)
    check(trace, as_uses(rows), events)


def test_moved():
    trace, rng, n = Trace(), np.random.default_rng(0), 9
    rays = {k: rng.uniform(-0.5, 0.5, (n, 2)).astype(F) for k in "abk"}
    rays["a"][2], rays["b"][3] = np.nan, np.nan
    names = {"a": "front.rays_a", "b": "front.rays_b", "k": "track.ray_key"}
    a, b, key = (trace.array(names[k], rays[k]) for k in "abk")
    seen = predict.count_moved(a, b, R, 0.2)[0]
    shared = predict.count_moved(key, b, R, 0.2)[0]
    assert (seen, shared) == (n - 2, n - 1)
    events = dict(still_checks=1, still_seen=seen, key_checks=1, key_seen=shared)
    check(trace, as_uses(model.moved(n)), events)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ransac(seed):
    rng, n, trace = np.random.default_rng(seed), 20, Trace()
    a, rho = rng.uniform(-0.5, 0.5, (n, 2)), rng.uniform(0, 0.5, n)
    rho[:4] = 0.0  # far away: they do not move
    b = a + rho[:, None] * [0.1, 0.03]
    b[10:13] += rng.uniform(-0.1, 0.1, (3, 2))
    a[15], b[16] = np.nan, np.nan
    out = outliers.ransac_translation(
        trace.array("front.rays_a", a), trace.array("front.rays_b", b), R, 0.003, 20,
        np.array([seed * 977 + 1], np.uint64), trace.array("front.normals", np.zeros((n, 4))),
        trace.array("front.inlier", np.zeros(n, np.uint8)),
    )  # fmt: skip
    tried, inliers, moving, tests, given, both = out
    events = dict(ransac_hypotheses=tried, ransac_inliers=inliers, ransac_moving=moving, cam0=1)
    events |= dict(ransac_tests=tests, ransac_given=given, ransac_valid=both)
    assert (given, both) == (n - 1, n - 2)
    check(trace, as_uses(model.ransac(n)), events)


def test_table_of_features():
    trace, rng = Trace(), np.random.default_rng(0)

    def logged(name, *shape, kind=F):
        return trace.array(name, rng.uniform(0, 9, (N, *shape)).astype(kind))

    ids, age = logged("track.id", kind=np.int32), logged("track.age", kind=np.int16)
    places = ids, *(logged(f"track.{name}", 2) for name in ("uv0", "uv1", "ray_key"))
    warp, score = logged("track.warp", 2, 2), trace.array("track.score", np.eye(N, 1, -2)[:, 0])
    known = np.array([ids.values[1], -7, ids.values[4]], np.int64)
    depths = logged("track.inv_depth")
    taken = features.take_depths(ids, known, np.ones(3, F), depths)
    assert taken == 2
    score.values[[0, 3, 4]] = 0.9
    then = logged("front.uv_next", 2), logged("front.warp_next", 2, 2)
    features.settle(score, *then, *places, warp)
    inlier = np.ones(N, np.uint8)
    inlier[1], inlier[5] = 0, 0
    features.retain(trace.array("front.inlier", inlier), *places)
    wanted = trace.array("front.wanted", np.array([1, 0, 2, 1, 0, 0][:N], np.uint8))
    features.renew(wanted, *places, warp, score)
    out = np.zeros(N, np.int64), np.zeros(N, np.int32), np.zeros((N, 2), F), np.zeros((N, 2), F)
    n = features.hand_on(ids, age, *places[1:3], 1, *out)
    assert n == 3
    events = dict(cam0=1, klt_found=4, ransac_inliers=N - 2, template_calls=1, template_wanted=3)
    check(
        trace,
        as_uses(model.table(N)),
        events | dict(templates_left=1, handed_on=n, depths_taken=taken),
    )
