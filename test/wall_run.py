"""Runs the odometry on the synthetic wall; as a script it prints what a fresh process gets."""

import dis
import inspect
import json
import sys
from pathlib import Path


def digest(odometry, flight):
    """Bytes of every estimate, event and track of one run, as hex of a hash."""
    import hashlib

    h = hashlib.sha256()
    for frame, samples in zip(flight.frames, flight.imu):
        result = odometry.process(frame, samples)
        e, t = result.estimate, result.tracks
        for a in (
            e.R_world_imu, e.p_world_imu, e.v_world_imu, e.bias_gyro, e.bias_accel, e.cov,
            t.ids, t.ages, t.uv0, t.uv1, result.events,
        ):  # fmt: skip
            h.update(a.tobytes())
        h.update(bytes([int(e.status), result.is_keyframe]))
    return h.hexdigest(), result


def signatures():
    """{kernel: number of compiled signatures}."""
    from vio import _jit

    return {f"{k.__module__}.{k.__name__}": len(k.signatures) for k in _jit.KERNELS}


def called_from_python():
    """{kernel} that functions of the odometry which are none call by name."""
    from vio import _jit

    kernels, found = {id(k): k for k in _jit.KERNELS}, set()
    for name, module in list(sys.modules.items()):
        if not name.startswith(("vio.frontend", "vio.imu", "vio.window", "vio.geometry")):
            continue
        known = vars(module)
        for code in codes(module):
            value = None
            for step in dis.get_instructions(code):
                loads = step.argval if isinstance(step.argval, str) else ""
                value = vars(value).get(loads) if inspect.ismodule(value) else known.get(loads)
                found |= {kernels[id(value)]} if id(value) in kernels else set()
    return found


def codes(module):
    """Code of the functions and methods of a module, and of what is nested in them."""
    here = [v for v in vars(module).values() if getattr(v, "__module__", "") == module.__name__]
    inside = [v for c in here if inspect.isclass(c) for v in vars(c).values()]
    inside = [v.fget if isinstance(v, property) else v for v in inside]
    todo = [f.__code__ for f in here + inside if inspect.isfunction(f)]
    while todo:
        code = todo.pop()
        todo += filter(inspect.iscode, code.co_consts)
        yield code


def main():
    root = Path(__file__).resolve().parent
    sys.path[:0] = [str(root), str(root.parent)]
    from textures import wall_flight

    from vio.config import Config
    from vio.odometry import Odometry

    flight = wall_flight()
    odometry = Odometry(flight.rig, Config())
    odometry.warm_up()
    warm, cold = signatures(), [k for k in called_from_python() if not k.signatures]
    found, _ = digest(odometry, flight)
    late = [name for name, n in signatures().items() if n != warm[name]]
    late += [f"{k.__module__}.{k.__name__}" for k in cold]
    print(json.dumps({"digest": found, "signatures": signatures(), "late": late}))


if __name__ == "__main__":
    main()
