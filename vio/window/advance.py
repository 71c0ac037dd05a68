"""The state a frame is predicted to have, before its image is looked at."""

from vio._jit import kernel
from vio.events import AT
from vio.geometry import so3


@kernel
def advance(slots, pre, counts, last, slot, gravity):
    """State of `slot` from that of slot `last` and the interval preintegrated between them.

    Source: Forster et al., "On-Manifold Preintegration", TRO 2017, equation 26 without noise.

    Args:
        slots: Slots. pre: Preintegrated. counts: of Work. gravity: m/s^2.
    """
    row = slots.motion[slot] - 1
    dt, R, v = pre.dt[row], slots.R[last], slots.v[last]
    so3.multiply(R, pre.R[row], slots.R[slot])
    for a in range(3):
        fall = -gravity * dt if a == 2 else 0.0
        moved, sped = 0.0, 0.0
        for k in range(3):
            moved += R[a, k] * pre.p[row, k]
            sped += R[a, k] * pre.v[row, k]
        slots.p[slot, a] = slots.p[last, a] + v[a] * dt + 0.5 * fall * dt + moved
        slots.v[slot, a] = v[a] + fall + sped
    for k in range(6):
        slots.bias[slot, k] = slots.bias[last, k]
    counts[AT.advances] += 1
