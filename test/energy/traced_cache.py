"""Modelled traffic behind a cache against a simulated one, for two kernels, within a quarter."""

import numpy as np
import pytest
import tables
from energy.cache import Cache, replay
from energy.runs import plan as make_plan
from energy.trace import Trace
from energy.traced_front import image, sizes, stream

from vio.energy.actions import Level
from vio.energy.memory import LevelSpec, Tensor, map_uses
from vio.energy.stages import frontend, solver
from vio.frontend import codec, encode
from vio.window import solve

LINE, WAYS = 64, 8


def modelled(uses, plan, counts, size):
    """Bytes the model moves behind a cache of `size` bytes."""
    near = LevelSpec(Level.L1, 8 * size, 64, 8 * LINE)
    far = LevelSpec(Level.L2, np.inf, 64, 8 * LINE, keeps=True)
    homes = dict.fromkeys(plan.tensors, Level.L2)
    accesses = map_uses(uses, plan.tensors, (near, far), homes)
    behind = [a for a in accesses if a.level is Level.L2]
    return sum(a.accesses * a.bits / 8 * counts.get(a.event, 0) for a in behind)


@pytest.mark.parametrize("n, size", [(61, 4096), (61, 32768), (91, 4096), (91, 65536)])
def test_solver(n, size):
    """A triangle streaming past the panel that is kept, and the whole triangle kept."""
    rng, trace, plan = np.random.default_rng(n), Trace(addresses=True), make_plan()
    A = rng.normal(size=(n, n))
    arrays = {"system.H": tables.pack(A @ A.T + n * np.eye(n)), "system.b": np.ones(n)}
    arrays |= {"system.d": np.zeros(n), "work.panel": np.zeros(3 * n)}
    for name, values in arrays.items():
        plan.tensors[name] = Tensor(name, values.size, 64.0)
    logged = {name[-1]: trace.array(name, values) for name, values in arrays.items()}
    solve.solve(type("System", (), logged), n, 0, 1e-9, logged["l"])
    simulated = replay(trace.log, dict.fromkeys(arrays, 8), Cache(size, LINE, WAYS))
    uses = [use for use in solver.model(plan) if not use.event.startswith("cov")]
    counts = {"solve_dim": n, "solve_dim2": n**2, "solve_dim3": n**3, "solves": 1}
    counts |= {"solve_free": n, "solve_free2": n**2}
    assert modelled(uses, plan, counts, size) == pytest.approx(simulated, rel=0.25)


@pytest.mark.parametrize("name", ["packed", "raw"])
def test_receive(name):
    """An image streamed through line buffers that stay in the cache."""
    plan, trace = sizes(name, (192, 160)), Trace(addresses=True)
    table, n = codec.layout(plan.height, plan.width, tuple(plan.level_bits))
    shot = trace.array("image0", image(0, (192, 160)))
    encode.receive(
        shot, plan.reduce, trace.array("frame", np.zeros(n, np.uint8)), table, *stream(trace, plan)
    )
    itemsize = {key: int(plan.tensors[key].bits // 8) for key in trace.counts}
    simulated = replay(trace.log, itemsize, Cache(16384, LINE, WAYS), scratch="stream.")
    uses = [use for use in frontend.uses(plan) if use.stage == "receive"]
    assert modelled(uses, plan, {"cam0": 1}, 16384) == pytest.approx(simulated, rel=0.25)
