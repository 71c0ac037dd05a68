"""The front end on rendered images of a wall: tracks that stay on the same point of it."""

from dataclasses import replace

import numpy as np
import pytest
from textures import Flight, texture, to_u8, wall_flight
from world import FRAME_NS, IMU_NS, T0_NS, Motion, imu_samples

from vio import events
from vio.config import Config
from vio.frontend.frontend import Frontend
from vio.imu.buffer import ImuBuffer
from vio.memory.arena import Arena
from vio.odometry import ledger
from vio.types import Estimate, Feedback, Status, StereoFrame

FRAMES = 14


def tally():
    return events.Tally()


def frontend(rig, config=None):
    config = config or Config()
    arena = Arena(ledger(rig, config))
    imu = ImuBuffer(rig.imu, config.imu, 0.0, arena, arena["slots.calibration"])
    return Frontend(rig, config, imu, arena), imu


@pytest.fixture(scope="module")
def flight():
    return wall_flight()


def follow(flight, spoil=None):
    """Tracks of every frame, without any feedback from a window."""
    front, imu = frontend(flight.rig)
    out = []
    for frame, samples in zip(flight.frames[:FRAMES], flight.imu):
        imu.append(samples)
        out.append(front.process(spoil(frame) if spoil else frame, None, tally()))
    return out


@pytest.fixture(scope="module")
def tracks(flight):
    return follow(flight)


def test_tracks_stay_on_their_point(flight, tracks):
    """Where a feature was first seen on the wall is where it still is, a few frames on."""
    home, errors = {}, []
    for k, t in enumerate(tracks):
        spots = flight.on_wall(flight.rig.cam0, k * 0.05, t.uv0)
        for ident, spot in zip(t.ids, spots):
            if ident in home:
                errors.append(np.hypot(*(spot - home[ident])))
            home.setdefault(ident, spot)
    # one pixel is 4 m / 229 = 17 mm on the wall
    assert len(errors) > 500
    assert np.median(errors) < 0.004 and np.quantile(errors, 0.95) < 0.02


def test_ids_persist(tracks):
    counts = [t.ids.size for t in tracks]
    assert min(counts) > 60
    assert tracks[0].keyframe and not all(t.keyframe for t in tracks[1:])
    for a, b in zip(tracks, tracks[1:]):
        kept = np.isin(a.ids, b.ids).mean()
        assert kept > 0.8
        assert np.unique(b.ids).size == b.ids.size
        if not b.keyframe:
            assert np.isin(b.ids, a.ids).all(), "only keyframes start features"
        both = np.isin(b.ids, a.ids)
        age = dict(zip(a.ids, a.ages))
        assert all(n == age[i] + 1 for i, n in zip(b.ids[both], b.ages[both]))
        assert not b.ages[~both].any()


def test_features_are_spread(flight, tracks):
    uv = tracks[0].uv0
    cam = flight.rig.cam0
    cells = np.histogram2d(*uv.T, bins=(4, 3), range=((0, cam.width), (0, cam.height)))[0]
    assert cells.min() >= 4
    apart = np.abs(uv[:, None] - uv[None]).max(axis=2) + 1e6 * np.eye(len(uv))
    assert apart.min() > 4


def test_stereo_matches_see_the_same_point(flight, tracks):
    for k, t in enumerate(tracks):
        matched = ~np.isnan(t.uv1[:, 0])
        assert matched.mean() > 0.6
        left = flight.on_wall(flight.rig.cam0, k * 0.05, t.uv0[matched])
        right = flight.on_wall(flight.rig.cam1, k * 0.05, t.uv1[matched])
        error = np.hypot(*(left - right).T)
        assert np.median(error) < 0.005 and np.quantile(error, 0.95) < 0.03


def test_other_right_image_gives_no_matches(flight):
    """Another scene in cam1: the correlation and the epipolar gate leave next to nothing."""
    shape = flight.frames[0].cam1.shape
    other = np.ascontiguousarray(to_u8(texture(512, 1.2, seed=9))[: shape[0], : shape[1]])
    out = follow(flight, lambda f: StereoFrame(f.index, f.t_ns, f.cam0, other))
    assert min(t.ids.size for t in out) > 60, "the left image is not to blame"
    assert np.mean([np.mean(~np.isnan(t.uv1[:, 0])) for t in out]) < 0.1


def test_shifted_right_image_is_refused(flight):
    """Matches 6 px across their epipolar lines correlate well and must be dropped."""

    def spoil(frame):
        return StereoFrame(frame.index, frame.t_ns, frame.cam0, np.roll(frame.cam1, 6, axis=0))

    out = follow(flight, spoil)
    assert np.mean([np.mean(~np.isnan(t.uv1[:, 0])) for t in out]) < 0.1


def test_missing_images(flight):
    def spoil(frame):
        cam0 = None if frame.index == 5 else frame.cam0
        return StereoFrame(frame.index, frame.t_ns, cam0, None if frame.index == 8 else frame.cam1)

    out = follow(flight, spoil)
    assert out[5].ids.size == 0 and not out[5].image and not out[5].stereo
    assert np.isin(out[4].ids, out[6].ids).mean() > 0.7, "features wait for the next image"
    assert out[8].image and not out[8].stereo and np.isnan(out[8].uv1).all()
    assert out[9].stereo and np.mean(~np.isnan(out[9].uv1[:, 0])) > 0.6


@pytest.mark.parametrize("every", [1, 4])
def test_cam1_is_looked_at_in_keyframes_and_every_so_often(flight, every):
    """While the motion is known; until then in every frame. What is passed over is counted."""
    config = replace(Config(), frontend=replace(Config().frontend, stereo_every=every))
    front, imu = frontend(flight.rig, config)
    none = np.zeros(0, np.int64), np.zeros(0, np.float32)
    pixels, last, alone = flight.frames[0].cam0.size, None, 0
    for frame, samples in zip(flight.frames[:FRAMES], flight.imu):
        imu.append(samples)
        known = last and Feedback(estimate_at(flight.motion, frame.t_ns - FRAME_NS), *none)
        count = tally()
        last = front.process(frame, known, count)
        alone += 1
        looks = not known or last.keyframe or alone == every
        alone = 0 if looks else alone
        assert last.stereo, "the image was there"
        assert (np.mean(~np.isnan(last.uv1[:, 0])) > 0.6) == looks
        seen = tuple(count.values[events.INDEX[f"{what}_px"]] for what in ("sensor", "passed"))
        assert seen == ((2 * pixels, 0) if looks else (pixels, pixels))


def test_two_runs_are_equal(flight, tracks):
    for a, b in zip(tracks, follow(flight)):
        for name in ("ids", "ages", "uv0", "uv1"):
            assert getattr(a, name).tobytes() == getattr(b, name).tobytes()


def estimate_at(motion, t_ns, status=Status.TRACKING):
    t, zero = (t_ns - T0_NS) * 1e-9, np.zeros(3)
    return Estimate(t_ns, motion.R(t), motion.p(t), motion.v(t), zero, zero, np.eye(15), status)


def cam_motion(rig, motion, t0, t1):
    """(R, p) of cam0 at t0 in cam0 at t1."""

    def T(t):
        out = np.eye(4)
        out[:3, :3], out[:3, 3] = motion.R(t), motion.p(t)
        return out @ rig.cam0.T_imu_cam

    M = np.linalg.inv(T(t1)) @ T(t0)
    return M[:3, :3], M[:3, 3]


@pytest.fixture
def ready(flight):
    """A front end that has tracked the frame at T0, and IMU for a second."""
    front, imu = frontend(flight.rig)
    imu.append(imu_samples(Motion(), 1.0)[0])
    front.process(flight.frames[0], None, tally())
    return front


def feedback(estimate):
    return Feedback(estimate, np.array([3, 5]), np.array([0.5, 0.25], np.float32))


def test_first_frame_predicts_nothing(flight):
    front, _ = frontend(flight.rig)
    p = front.predict(T0_NS, None, tally())
    np.testing.assert_array_equal(p.R_cam_prev, np.eye(3))
    assert not p.confident and not p.p_cam_prev.any() and p.ids.size == 0


def test_rotation_alone_without_feedback(flight, ready):
    p = ready.predict(T0_NS + FRAME_NS, None, tally())
    R, _ = cam_motion(flight.rig, Motion(), 0.0, 0.05)
    np.testing.assert_allclose(p.R_cam_prev, R, atol=1e-5)
    assert not p.confident and not p.p_cam_prev.any()


def test_full_motion_with_feedback(flight, ready):
    fb = feedback(estimate_at(Motion(), T0_NS))
    p = ready.predict(T0_NS + FRAME_NS, fb, tally())
    R, t = cam_motion(flight.rig, Motion(), 0.0, 0.05)
    np.testing.assert_allclose(p.R_cam_prev, R, atol=1e-5)
    np.testing.assert_allclose(p.p_cam_prev, t, atol=1e-4)
    assert p.confident
    np.testing.assert_array_equal(p.ids, fb.ids)


def test_motion_spans_frames_without_an_image(flight, ready):
    motion = Motion()
    first, second = estimate_at(motion, T0_NS), estimate_at(motion, T0_NS + FRAME_NS)
    blank = StereoFrame(1, T0_NS + FRAME_NS, None, None)
    assert ready.process(blank, feedback(first), tally()).ids.size == 0
    p = ready.predict(T0_NS + 2 * FRAME_NS, feedback(second), tally())
    R, t = cam_motion(flight.rig, motion, 0.0, 0.1)
    np.testing.assert_allclose(p.R_cam_prev, R, atol=1e-5)
    np.testing.assert_allclose(p.p_cam_prev, t, atol=1e-4)
    assert p.confident


def test_lost_estimate_is_not_used(flight, ready):
    """Usable, then a frame without an image, on which the window is lost."""
    motion = Motion()
    blank = StereoFrame(1, T0_NS + FRAME_NS, None, None)
    ready.process(blank, feedback(estimate_at(motion, T0_NS)), tally())
    gone = Estimate(
        T0_NS + FRAME_NS, np.eye(3), np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3),
        1e8 * np.eye(15), Status.LOST,
    )  # fmt: skip
    p = ready.predict(T0_NS + 2 * FRAME_NS, feedback(gone), tally())
    R, _ = cam_motion(flight.rig, motion, 0.0, 0.1)
    np.testing.assert_allclose(p.R_cam_prev, R, atol=1e-3)
    assert not p.confident


@pytest.mark.parametrize("rate", [34.0, 6.0], ids=["at its end", "wrong"])
def test_tracks_outlive_a_wrong_gyro(flight, rate):
    """Told by the sensor's range, or by the pictures alone."""
    front, imu = frontend(flight.rig)
    last, kept = None, []
    none = np.zeros(0, np.int64), np.zeros(0, np.float32)
    for frame, samples in zip(flight.frames[:FRAMES], flight.imu):
        samples = samples.copy()
        if 8 <= frame.index < 11:
            samples["gyro"][:, 0] = rate
        imu.append(samples)
        known = last and Feedback(estimate_at(flight.motion, frame.t_ns - FRAME_NS), *none)
        tracks = front.process(frame, known, tally())
        if last:
            kept.append(np.isin(last.ids, tracks.ids).mean())
        last = tracks
    assert min(kept) > 0.7


def test_rest_is_noticed():
    still = Flight(10, speed=0.0)
    front, imu = frontend(still.rig)
    assert IMU_NS * 10 == FRAME_NS
    for frame, samples in zip(still.frames, still.imu):
        imu.append(samples)
        out = front.process(frame, None, tally())
    assert out.still and not out.keyframe
