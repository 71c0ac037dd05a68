"""A program that flies a clip of decoded frames and tells what it took; see `clip.py`.

It runs in a process of its own so that a checkout can be compared with another one, a simulated
processor can count, and nothing else in the process disturbs. It uses no more of the package
than `load` and `Odometry`, which every version has.

    python timed.py CLIP FRAMES SETTINGS...     (a setting with `=` is one, else a YAML file)
"""

import json
import pickle
import resource
import sys
import time


def main(clip: str, frames: str, *settings: str):
    """Fly the first `frames` frames; figures as JSON on standard output."""
    from vio.config import load
    from vio.odometry import Odometry

    with open(clip, "rb") as file:
        rig, items = pickle.load(file)
    files = [s for s in settings if "=" not in s]
    config = load(files, [s for s in settings if "=" in s])
    odometry = Odometry(rig, config)
    odometry.warm_up()
    frame_ns, stages = [], {}
    for frame, imu in items[: int(frames)]:
        before = time.thread_time_ns()
        result = odometry.process(frame, imu)
        frame_ns.append(time.thread_time_ns() - before)
        for name, value in result.timings_ns.items():
            stages.setdefault(name, []).append(value)
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracked = int(result.estimate.status) in (1, 2) if frame_ns else None
    told = {"frame_ns": frame_ns, "stages_ns": stages, "peak_kb": peak_kb, "tracked": tracked}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    sys.path.pop(0)  # the modules beside this file are not meant to be found
    main(*sys.argv[1:])
