"""Inertial intervals that have to be integrated anew."""

from vio._jit import kernel
from vio.events import AT


@kernel
def mark_stale_intervals(motion, bias, calibration, integrated_at, order, limits, marks, counts):
    """Mark the intervals whose linear correction reaches too far, by the slot they end in.

    Args:
        motion, bias, calibration: of Slots. integrated_at: `bias` of Preintegrated.
        order: (n,) int64 slots in time order.
        limits: (6 + n,) how far bias and calibration may be from where they were integrated.
        marks: (S,) uint8 out. counts: of Work.

    Returns:
        intervals marked.
    """
    before, intervals, marked = -1, 0, 0
    for s in order:
        if motion[s] == 0:
            continue
        if before >= 0:
            row, far = motion[s] - 1, False
            for k in range(6):
                far |= abs(bias[before, k] - integrated_at[row, k]) > limits[k]
            for k in range(calibration.shape[0]):
                far |= abs(calibration[k] - integrated_at[row, 6 + k]) > limits[6 + k]
            marks[s] = far
            marked += far
            intervals += 1
        before = s
    counts[AT.stale_slots] += order.shape[0]
    counts[AT.stale_intervals] += intervals
    return marked
