"""The state a frame is predicted to have, before its image is looked at."""

from vio._jit import kernel
from vio.events import AT
from vio.geometry import so3


@kernel
def advance(tables, last, slot, gravity):
    """State of `slot` from that of slot `last` and the interval preintegrated between them.

    Source: Forster et al., "On-Manifold Preintegration", TRO 2017, equation 26 without noise.

    Args:
        tables: Tables; the interval is in row `slot` of `pre`. gravity: m/s^2.
    """
    slots, pre = tables.slots, tables.pre
    dt, R, v = pre.dt[slot], slots.R[last], slots.v[last]
    so3.multiply(R, pre.R[slot], slots.R[slot])
    for a in range(3):
        fall = -gravity * dt if a == 2 else 0.0
        moved, sped = 0.0, 0.0
        for k in range(3):
            moved += R[a, k] * pre.p[slot, k]
            sped += R[a, k] * pre.v[slot, k]
        slots.p[slot, a] = slots.p[last, a] + v[a] * dt + 0.5 * fall * dt + moved
        slots.v[slot, a] = v[a] + fall + sped
    for k in range(6):
        slots.bias[slot, k] = slots.bias[last, k]
    tables.work.counts[AT.advances] += 1
