"""Runs the odometry on the synthetic wall; as a script it prints what a fresh process gets."""

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


def main():
    root = Path(__file__).resolve().parent
    sys.path[:0] = [str(root), str(root.parent)]
    from textures import wall_flight

    from vio.config import Config
    from vio.odometry import Odometry

    flight = wall_flight()
    odometry = Odometry(flight.rig, Config())
    odometry.warm_up()
    warm = signatures()
    found, _ = digest(odometry, flight)
    late = [name for name, n in signatures().items() if n != warm[name]]
    print(json.dumps({"digest": found, "signatures": signatures(), "late": late}))


if __name__ == "__main__":
    main()
