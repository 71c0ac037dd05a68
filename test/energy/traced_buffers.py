"""Traces through a simulated buffer: what the declared patterns say a buffer saves."""

import numpy as np
import pytest
import tables
from energy.trace import Trace, buffered
from energy.traced import case, traced
from energy.traced_front import compressed, image, scratch, sizes, stored_templates, stream, take
from images import basis, lanes, regions
from tables import P

from vio.energy.rows import uses
from vio.energy.stages import frontend as model
from vio.frontend import codec, encode, klt, patch
from vio.window import residual_vision

F = np.float32


def test_a_line_buffer_of_a_window_reads_every_row_once():
    """The image stream: with the declared line buffers no row of the image comes twice."""
    plan, trace = sizes(), Trace(addresses=True)
    table, n = codec.layout(plan.height, plan.width, tuple(plan.level_bits))
    shot = trace.array("image0", image())
    encode.receive(
        shot, plan.reduce, trace.array("frame", np.zeros(n, np.uint8)), table, *stream(trace, plan)
    )
    width, pixels = plan.width, plan.pixels
    assert buffered(trace.log, "image0", 0 + width, width) == pixels, "a stream: one row is enough"
    # The ring of 16 rows, kept whole, is read from nowhere else: it is written before it is read.
    room = plan.size("stream.lines")
    first = {}
    for name, at, write in trace.log:
        first.setdefault((name, at), write)
    streams = [key for key in first if key[0].startswith("stream.") and key[0] != "stream.line"]
    assert all(first[key] for key in streams)
    assert buffered(trace.log, "stream.lines", room) == 0 < buffered(trace.log, "stream.lines", 400)


@pytest.mark.parametrize("tensor", ["front.regions", "front.basis", "front.patch", "front.lanes"])
def test_a_patch_buffer_of_its_size_is_all_a_patch_needs(tensor):
    """Alignment: below the declared size something passes; from it on nothing is read twice."""
    plan, trace = sizes(), Trace(addresses=True)
    data, table = compressed(plan)
    uv = np.array([[40.3, 38.6], [52.1, 41.2], [30.7, 44.9], [60.0, 35.5]] * 2, F)[:6]
    stored, _ = stored_templates(plan, data, table, uv)
    s = scratch(trace)
    warps = np.tile(F(1.8) * np.eye(2, dtype=F), (6, 1, 1))  # stretched: regions are large
    warps[3:] = np.eye(2)
    klt.align(
        data, table, stored, plan.template_bits, warps, uv + F(0.4), np.full(6, 2, np.int8), 0,
        np.array([10, 0.02, 0.5, 1.0], F), *s, np.zeros(6, F),
    )  # fmt: skip
    room = plan.size(tensor)
    assert buffered(trace.log, tensor, room) == 0
    assert buffered(trace.log, tensor, room // 4) > 0
    for use in uses(
        "track", model.align(plan, "klt", 0, "track.score", "front.uv_next"), model.patterns(plan)
    ):
        if use.tensor == tensor:
            assert use.beyond(room) == (0, 0)
            if tensor != "front.regions":  # its rows of samples need less
                assert use.beyond(room // 4) == (use.reads, use.writes)


def test_along_a_row_of_samples_a_pixel_is_read_three_times_running():
    plan, trace, s = sizes(), Trace(addresses=True), [basis(), lanes()]
    region = trace.array("front.regions", regions()[0])
    patch.project_patch(region, F(9.3), F(8.8), F(1.05), F(0.1), F(-0.1), F(0.9), *s)
    how = model.patterns(plan)["front.regions"]
    use = how("track", "front.regions", "klt_iterations", reads=len(trace.log), writes=0)
    assert use.reads == 9 * 64
    for room in (7, 8, 20):
        assert use.beyond(room) == (buffered(trace.log, "front.regions", room), 0)
    bent = how("track", "front.regions", "klt_bent", reads=-5 * 64, writes=0)
    assert bent.beyond(8)[0] + use.beyond(8)[0] == 4 * 64


@pytest.mark.parametrize("name", ["packed", "raw"])
def test_a_word_of_a_frame_holds_as_much_of_a_patch_as_declared(name):
    plan = sizes(name)
    data, table = compressed(plan)
    found = []
    for level, x, y in [(0, 40.3, 38.6), (0, 61.0, 50.2), (1, 20.1, 19.3), (1, 30.2, 25.9)]:
        trace = Trace(addresses=True)
        frame = trace.array("frame", data)
        box = klt.box_around(table, level, F(x), F(y), F(4), F(4))
        codec.load_region(frame, table, level, box, codec.NOTHING, regions())
        read = [at for _, at, _ in trace.log]
        found.append(len(read) / len({at // 8 for at in read}))
    assert model.SIDE_BY_SIDE == pytest.approx(np.mean(found), rel=0.25), found


@pytest.mark.parametrize("tensor", ["work.folds", "work.root", "work.gain", "work.panel"])
def test_scratch_of_a_landmark_never_leaves_its_buffer(tensor):
    """What `linearise` works in is written before it is read, and fits where it is kept."""
    t, trace = case(3), Trace(addresses=True)
    s = traced(t)[1]
    s.work = trace.group("work", t.work)
    residual_vision.linearise(tables.gathered(s).tables, P["inv_sigma"], P["limit"])
    room = getattr(t.work, tensor.partition(".")[2]).size
    assert buffered(trace.log, tensor, room) == 0 < buffered(trace.log, tensor, room // 8)


def test_every_arena_buffer_that_is_read_was_written():
    """One frame through stream and alignment, from an arena of noise."""
    plan, trace = sizes(), Trace(addresses=True)
    table, n = codec.layout(plan.height, plan.width, tuple(plan.level_bits))
    data = trace.array("frame", np.random.default_rng(0).integers(0, 256, n).astype(np.uint8))
    encode.receive(image(), plan.reduce, data, table, *stream(trace, plan))
    s = scratch(trace)
    out = np.zeros((1, 3, patch.template_bytes(plan.template_bits)), np.uint8)
    stored, uv = trace.array("track.template", out), np.array([[40.3, 38.6]], F)
    take(plan, data, table, uv, np.ones(1, np.uint8), stored, s)
    for level in range(3):
        patch.unpack_template(stored[0, level], plan.template_bits, s[1])
        patch.steepest_descent(s[1], s[2], s[3])
    written, early = set(), []
    for name, at, write in trace.log:
        if write:
            written.add((name, at))
        elif (name, at) not in written:
            early.append((name, at))
    # A nibble is set by reading its byte, whose other half is not written yet: nothing else.
    assert {name for name, _ in early} <= {"frame"}
