"""What leaves the sequencer, when, and what is counted instead."""

from collections import Counter

import numpy as np
import pytest

from vio.sync import Sequencer
from vio.types import Camera, CameraImage, CameraModel, ImuSample, Rig

MS = 10**6
T0 = 1_403_636_579_758_555_392


def rig(mono=False, offset_s=0.0):
    params = np.array([50.0, 50.0, 32.0, 24.0, 0, 0, 0, 0])
    camera = Camera(CameraModel.PINHOLE_RADTAN, 64, 48, params, np.eye(4))
    return Rig(camera, None if mono else camera, time_offset_s=offset_s)


def imu(ms, gyro=(0.0, 0.0, 0.0), accel=(0.0, 0.0, 9.81)):
    return ImuSample(T0 + round(ms * MS), np.array(gyro), np.array(accel))


def image(ms, cam=0, content=True):
    pixels = np.full((4, 6), cam, np.uint8) if content else None
    return CameraImage(T0 + round(ms * MS), cam, pixels)


def feed(sequencer, measurements, flush=True):
    frames = []
    for measurement in measurements:
        sequencer.push(measurement)
        while (released := sequencer.pop()) is not None:
            frames.append(released)
    return frames + (sequencer.flush() if flush else [])


def recording(frames=10, begin_ms=0, jitter=0.0):
    """IMU at 200 Hz from 10 ms before, stereo at 20 Hz, as one list a sensor."""
    samples = [imu(begin_ms - 10 + 5 * k) for k in range(frames * 10 + 5)]
    left = [image(begin_ms + 50 * k, 0) for k in range(frames)]
    right = [image(begin_ms + 50 * k + jitter, 1) for k in range(frames)]
    return samples, left, right


def in_order(*streams):
    def key(m):
        return m.t_ns, m.cam if isinstance(m, CameraImage) else -1

    return sorted((m for s in streams for m in s), key=key)


def summary(frames):
    return [
        (f.index, f.t_ns, f.cam0 is not None, f.cam1 is not None, i["t_ns"].tolist())
        for f, i in frames
    ]


def stamps_ms(released):
    return [(t - T0) / MS for t in released[1]["t_ns"].tolist()]


def test_a_frame_leaves_once_both_images_and_imu_past_it_are_in():
    sequencer = Sequencer(rig())
    assert feed(sequencer, [imu(0), image(1), image(1, 1), imu(0.9)], flush=False) == []
    sequencer.push(imu(1))
    frame, samples = sequencer.pop()
    assert (frame.index, frame.t_ns) == (0, T0 + MS)
    assert frame.cam0[0, 0] == 0 and frame.cam1[0, 0] == 1
    assert stamps_ms((frame, samples)) == [0, 0.9, 1]
    assert sequencer.pop() is None and sequencer.counts == Counter()


def test_imu_is_handed_out_once_and_up_to_the_first_sample_past_the_frame():
    frames = feed(
        Sequencer(rig()), in_order([imu(4 * k) for k in range(20)], [image(9), image(21)])
    )
    assert [stamps_ms(f) for f in frames] == [[0, 4, 8, 12], [16, 20, 24]]


def test_a_frame_covered_by_what_has_left_comes_with_no_imu():
    frames = feed(Sequencer(rig(mono=True)), [imu(0), image(5), imu(100), image(50), imu(105)])
    assert [stamps_ms(f) for f in frames] == [[0, 100], []]


def test_time_offset_moves_the_imu_that_is_waited_for():
    sequencer = Sequencer(rig(mono=True, offset_s=0.01))
    assert feed(sequencer, [imu(0), image(5), imu(10)], flush=False) == []
    sequencer.push(imu(15))
    frame, samples = sequencer.pop()
    assert frame.t_ns == T0 + 5 * MS and len(samples) == 3


def test_an_offset_found_in_flight_holds_frames_back():
    """To half a period; one the other way lets none leave earlier."""
    sequencer = Sequencer(rig(mono=True))
    sequencer.expect_late(0.012)
    assert feed(sequencer, [imu(0), image(5), imu(5), imu(10)], flush=False) == []
    sequencer.push(imu(15))
    assert len(sequencer.pop()[1]) == 4
    sequencer.expect_late(-0.05)
    sequencer.push(image(20))
    assert sequencer.pop() is None
    sequencer.push(imu(20))
    assert sequencer.pop() is not None


def test_a_late_clock_loses_no_frame_at_the_end():
    sequencer = Sequencer(rig(mono=True))
    sequencer.expect_late(0.05)
    assert feed(sequencer, [imu(0), image(5), imu(5)], flush=False) == []
    assert len(sequencer.flush()) == 1 and not sequencer.counts["uncovered_frame"]


def test_pairs_match_within_the_tolerance_only():
    samples, left, right = recording(jitter=1.9)
    frames = feed(Sequencer(rig()), in_order(samples, left, right))
    assert len(frames) == 10 and all(f.cam1 is not None for f, _ in frames)
    samples, left, right = recording(jitter=2.1)
    sequencer = Sequencer(rig())
    frames = feed(sequencer, in_order(samples, left, right))
    assert len(frames) == 10 and all(f.cam1 is None for f, _ in frames)
    assert sequencer.counts == {"lone_left": 10, "lone_right": 10}


def test_lone_left_leaves_when_a_newer_right_comes():
    samples, left, right = recording(3)
    sequencer = Sequencer(rig())
    frames = feed(sequencer, in_order(samples, left, right[:1] + right[2:]))
    assert [f.cam1 is not None for f, _ in frames] == [True, False, True]
    assert sequencer.counts == {"lone_left": 1}


def test_lone_left_leaves_at_once_with_a_newer_right():
    sequencer = Sequencer(rig())
    assert feed(sequencer, [imu(0), image(5), imu(5), imu(10)], flush=False) == []
    sequencer.push(image(55, 1))
    frame, _ = sequencer.pop()
    assert frame.t_ns == T0 + 5 * MS and frame.cam1 is None


def test_lone_left_leaves_when_the_imu_has_run_past_the_wait():
    sequencer = Sequencer(rig(), max_wait_s=0.1)
    assert feed(sequencer, [imu(0), image(5), imu(6), imu(105)], flush=False) == []
    sequencer.push(imu(106))
    frame, _ = sequencer.pop()
    assert frame.cam1 is None and sequencer.counts["lone_left"] == 1
    sequencer.push(image(5, 1))
    assert sequencer.pop() is None and sequencer.counts["late_image"] == 1


def test_lone_right_is_dropped():
    samples, left, right = recording(3)
    sequencer = Sequencer(rig())
    frames = feed(sequencer, in_order(samples, left[:1] + left[2:], right))
    assert [f.cam1 is not None for f, _ in frames] == [True, True]
    assert sequencer.counts == {"lone_right": 1}


def test_flush_releases_what_waits_for_a_right_image_but_nothing_uncovered():
    sequencer = Sequencer(rig())
    frames = feed(sequencer, [imu(0), imu(5), image(5), imu(10), image(55)])
    assert [f.t_ns for f, _ in frames] == [T0 + 5 * MS]
    assert sequencer.counts == {"lone_left": 1, "uncovered_frame": 1}


def test_mono_ignores_the_right_camera():
    samples, left, right = recording(4)
    for sequencer in (Sequencer(rig(), mono=True), Sequencer(rig(mono=True))):
        frames = feed(sequencer, in_order(samples, left, right))
        assert len(frames) == 4 and all(f.cam1 is None for f, _ in frames)
        assert sequencer.counts == Counter()


def test_corrupt_images_keep_their_frame():
    samples, left, right = recording(3)
    left[1], right[2] = image(50, 0, content=False), image(100, 1, content=False)
    sequencer = Sequencer(rig())
    frames = feed(sequencer, in_order(samples, left, right))
    assert [(f.cam0 is None, f.cam1 is None) for f, _ in frames] == [
        (False, False),
        (True, False),
        (False, True),
    ]
    assert sequencer.counts == {"corrupt_cam0": 1, "corrupt_cam1": 1}


def test_late_duplicate_and_backward_measurements_are_dropped_and_counted():
    sequencer = Sequencer(rig(mono=True))
    stream = [imu(0), imu(0), imu(10), imu(5), image(5), imu(12), image(5), image(3)]
    stream += [image(50), image(40), imu(55), image(30)]
    frames = feed(sequencer, stream)
    assert [f.t_ns for f, _ in frames] == [T0 + 5 * MS, T0 + 50 * MS]
    assert sequencer.counts == {
        "duplicate_imu": 1,
        "backward_imu": 1,
        "duplicate_image": 1,
        "late_image": 2,
        "backward_image": 1,
        "imu_gap": 2,
    }


def test_nan_saturation_and_gaps_of_the_imu_are_counted():
    sequencer = Sequencer(rig(mono=True), gyro_limit=8.0, accel_limit=150.0)
    stream = [imu(0), imu(5, gyro=(np.nan, 0, 0)), imu(7), imu(14.9, gyro=(0, -8, 0))]
    stream += [imu(20, accel=(0, 0, 151)), imu(60), imu(65), image(64)]
    [(_, samples)] = feed(sequencer, stream)
    assert len(samples) == 6 and np.isfinite(samples["gyro"]).all()
    assert sequencer.counts == {"nan_imu": 1, "saturated_imu": 2, "imu_gap": 2}
    assert sequencer.longest_gap_s == pytest.approx(0.04)


def test_frames_before_the_first_imu_sample_are_dropped():
    samples, left, right = recording(4)
    sequencer = Sequencer(rig())
    frames = feed(sequencer, in_order([s for s in samples if s.t_ns > T0 + 60 * MS], left, right))
    assert [f.t_ns for f, _ in frames] == [T0 + 100 * MS, T0 + 150 * MS]
    assert sequencer.counts == {"frame_before_imu": 2}


def test_queues_are_bounded():
    sequencer = Sequencer(rig(), max_images=4, max_imu=6)
    feed(sequencer, [image(50 * k) for k in range(10)], flush=False)
    feed(sequencer, [image(50 * k, 1) for k in range(10)], flush=False)
    assert sequencer.counts == {"overflow_image": 12}
    sequencer = Sequencer(rig(), max_images=4, max_imu=6)
    feed(sequencer, [imu(5 * k) for k in range(10)], flush=False)
    assert sequencer.counts == {"overflow_imu": 4}


def shuffled(streams, rng, skew_ms):
    """Each stream in its own order, arriving with delays of up to `skew_ms`."""
    arrivals = []
    for number, stream in enumerate(streams):
        clock = 0
        for m in stream:
            clock = max(clock, m.t_ns + int(rng.uniform(0, skew_ms) * MS))
            arrivals.append((clock, number, m.t_ns, m))
    return [m for *_, m in sorted(arrivals, key=lambda a: a[:3])]


@pytest.mark.parametrize("seed", range(20))
def test_interleaving_does_not_matter(seed):
    samples, left, right = recording(30, jitter=0.5)
    samples = samples[:100] + samples[120:]
    del left[7], right[15], right[20], right[21]
    right.insert(10, right[9])
    left[12] = image(left[12].t_ns * 1e-6 - T0 * 1e-6, content=False)
    streams = samples, left, right
    calm, rough = Sequencer(rig()), Sequencer(rig())
    expected = summary(feed(calm, in_order(*streams)))
    rng = np.random.default_rng(seed)
    assert summary(feed(rough, shuffled(streams, rng, skew_ms=90))) == expected
    assert rough.counts == calm.counts
    assert len(expected) == 29


@pytest.mark.parametrize("seed", range(10))
def test_a_loop_of_the_recording_is_a_jump_and_starts_over(seed):
    first, again = recording(60), recording(60)
    rng = np.random.default_rng(seed)
    sequencer = Sequencer(rig())
    jumps, frames = [], []
    # both rounds in one arrival order: the second arrives 3.2 s later with the stamps of the first
    arrivals = []
    for lap, streams in enumerate((first, again)):
        for number, stream in enumerate(streams):
            clock = 0
            for m in stream:
                clock = max(clock, m.t_ns + lap * 3200 * MS + int(rng.uniform(0, 80) * MS))
                arrivals.append((clock, number, lap, m.t_ns, m))
    for *_, m in sorted(arrivals, key=lambda a: (a[0], a[1], a[2], a[3])):
        sequencer.push(m)
        if sequencer.jumped_back():
            jumps.append(len(frames))
        while (released := sequencer.pop()) is not None:
            frames.append(released)
    assert jumps == [60] and sequencer.counts["jumped_back"] == 1
    assert len(frames) == 120 and frames[119][0].index == 119
    once = [f[1:] for f in summary(frames[:60])]
    assert once == [f[1:] for f in summary(frames[60:])]


def test_a_stray_stamp_in_the_past_is_no_jump():
    samples, left, right = recording(40)
    stream = in_order(samples, left, right)
    stream.insert(200, imu(-5000))
    stream.insert(250, image(-5000))
    sequencer = Sequencer(rig())
    frames = feed(sequencer, stream)
    assert len(frames) == 40 and not sequencer.jumped_back()
    assert sequencer.counts == {"backward_imu": 1, "late_image": 1}


def test_a_stray_imu_stamp_before_any_image_is_no_jump():
    sequencer = Sequencer(rig())
    feed(sequencer, [imu(0), imu(5), imu(-5000), imu(10)])
    assert not sequencer.jumped_back() and sequencer.counts == {"backward_imu": 1}


def test_one_stamp_far_in_the_future_does_not_end_the_run():
    samples, left, right = recording(40)
    stream = in_order(samples, left, right)
    stream.insert(200, imu(10**7))
    sequencer = Sequencer(rig())
    frames = feed(sequencer, stream)
    assert sequencer.jumped_back() and frames[-1][0].t_ns == left[-1].t_ns
    assert len(frames) >= 38
