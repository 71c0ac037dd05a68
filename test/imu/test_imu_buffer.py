"""The IMU buffer: overflow, spans, the camera's clock, rest."""

import numpy as np
import pytest
from naive import rest as naive
from world import IMU_NS, T0_NS, Motion, imu_samples

from vio import events
from vio.config import ImuConfig, MemoryConfig
from vio.imu import buffer, rest
from vio.imu.preintegrate import preintegrated_array
from vio.memory.arena import Arena
from vio.types import ImuModel

CONFIG = ImuConfig(buffer_samples=60)
SAMPLES, _ = imu_samples(Motion(), 1.0)


def make(offset=0.0, bits=32, capacity=60):
    config = ImuConfig(buffer_samples=capacity)
    ledger = buffer.buffers(config, MemoryConfig(inertial_bits=bits))
    return buffer.ImuBuffer(ImuModel(), config, offset, Arena(ledger))


def tally():
    return events.Tally()


def content(imu):
    return {name: getattr(imu.samples, name)[: imu.count] for name in ("t_ns", "gyro", "accel")}


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("chunk", [1, 7, 58])
def test_overflow_keeps_the_newest(chunk, bits):
    imu = make(bits=bits)
    for at in range(0, 200, chunk):
        imu.append(SAMPLES[at : min(at + chunk, 200)])
    assert imu.count == 60
    for name, column in content(imu).items():
        np.testing.assert_array_equal(column, SAMPLES[140:200][name].astype(column.dtype))
        assert name == "t_ns" or column.itemsize * 8 == bits


def test_a_pause_of_the_cameras_is_covered_by_pairs():
    """Up to twice what fits is kept, and the motion over all of it."""
    whole, imu = make(capacity=200), make()
    whole.append(SAMPLES[:113])
    imu.append(SAMPLES[:10])
    imu.append(SAMPLES[10:113])
    t = SAMPLES["t_ns"]
    assert imu.count == 60 and imu.covers(t[9])
    kept = content(imu)["t_ns"]
    np.testing.assert_array_equal(kept[:3], [t[8], t[9], (t[10] + t[11]) // 2])
    np.testing.assert_array_equal(kept[-13:], t[100:113])
    counts, a, b = tally(), preintegrated_array(1), preintegrated_array(1)
    whole.preintegrate(t[9], t[112], np.zeros(6), a, 0, tally())
    imu.preintegrate(t[9], t[112], np.zeros(6), b, 0, counts)
    assert dict(zip(events.NAMES, counts.counts))["imu_gaps"] == 0
    assert np.abs(a.p[0] - b.p[0]).max() < 1e-3 and np.abs(a.R[0] - b.R[0]).max() < 1e-4
    assert np.abs(a.p[0]).max() > 0.1


def test_nothing_new_changes_nothing():
    imu = make()
    imu.append(SAMPLES[:5])
    imu.append(SAMPLES[:0])
    np.testing.assert_array_equal(content(imu)["t_ns"], SAMPLES["t_ns"][:5])


def test_span_reaches_one_beyond_each_end():
    imu = make()
    imu.append(SAMPLES[:20])
    t = SAMPLES["t_ns"]
    assert imu.span(t[3], t[7]) == (3, 7)
    assert imu.span(t[3] + 1, t[7] + 1) == (3, 8)
    assert imu.span(t[3] - 1, t[7] - 1) == (2, 7)
    assert imu.span(t[0] - 10 * IMU_NS, t[19] + 10 * IMU_NS) == (0, 19)


def test_stamps_are_in_the_cameras_clock():
    imu = make(offset=0.007)  # t_imu = t_cam + 7 ms
    imu.append(SAMPLES[:20])
    np.testing.assert_array_equal(content(imu)["t_ns"], SAMPLES["t_ns"][:20] - 7_000_000)
    imu.append(SAMPLES[20:70])
    np.testing.assert_array_equal(content(imu)["t_ns"], SAMPLES["t_ns"][10:70] - 7_000_000)


def test_preintegrates_its_samples_and_tallies():
    imu, out, counts = make(), preintegrated_array(1), tally()
    imu.append(np.delete(SAMPLES[:40], slice(20, 26)))
    imu.preintegrate(SAMPLES["t_ns"][10], SAMPLES["t_ns"][35], np.zeros(6), out, 0, counts)
    assert out.dt[0] == pytest.approx(25 * 0.005)
    named = dict(zip(events.NAMES, counts.counts))
    assert (named["imu_samples"], named["imu_gaps"], named["imu_saturated"]) == (19, 1, 0)


@pytest.mark.parametrize("first, last", [(0, 39), (7, 12)])
def test_spread_against_twin(first, last):
    samples = np.random.default_rng(3).normal([0, 50, -3], [1, 0.1, 2], (40, 3))
    assert rest.spread(samples, first, last) == pytest.approx(naive.spread(samples, first, last))


def test_quiet_only_when_nothing_moves():
    rng = np.random.default_rng(0)
    resting, _ = imu_samples(Motion(0.0), 1.0, rng)
    late = T0_NS + 40 * IMU_NS
    imu = make()
    assert not imu.quiet(late, events.Tally()), "an empty buffer is not quiet"
    imu.append(resting[:61])
    assert imu.quiet(late, events.Tally())
    imu.reset()
    imu.append(imu_samples(Motion(4.0), 1.0)[0][:61])
    assert not imu.quiet(late, events.Tally())
    imu.reset()
    shaken = resting[:61].copy()
    shaken["accel"][50:, 0] += 2.0
    imu.append(shaken)
    assert not imu.quiet(late, events.Tally())
