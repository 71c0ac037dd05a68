"""Inertial intervals that have to be integrated anew."""

from vio._jit import kernel
from vio.events import AT


@kernel
def mark_stale_intervals(tables, order, limits):
    """Mark in `work.factor` the intervals whose linear correction reaches too far, by their end.

    Args:
        tables: Tables. order: (n,) int64 slots in time order.
        limits: (6 + n,) how far bias and calibration may be from where they were integrated.

    Returns:
        intervals marked.
    """
    slots, pre, work = tables.slots, tables.pre, tables.work
    before, intervals, marked = -1, 0, 0
    for s in order:
        if slots.motion[s] == 0:
            continue
        if before >= 0:
            row, far = slots.motion[s] - 1, False
            for k in range(6):
                far |= abs(slots.bias[before, k] - pre.bias[row, k]) > limits[k]
            for k in range(slots.calibration.shape[0]):
                far |= abs(slots.calibration[k] - pre.bias[row, 6 + k]) > limits[6 + k]
            work.factor[s] = far
            marked += far
            intervals += 1
        before = s
    work.counts[AT.stale_slots] += order.shape[0]
    work.counts[AT.stale_intervals] += intervals
    return marked
