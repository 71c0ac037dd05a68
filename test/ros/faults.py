"""What a robot may go through over real DDS, and what then has to be true.

Each case plays a recording with something missing, and ends in recovery with the right words in
/diagnostics. `test_dds.py` plays a small rendered flight, `flights.py` whole real ones.
"""

import os
import re
import signal

import numpy as np

from vio.eval.metrics import evaluate
from vio.eval.trajectory import Trajectory, from_truth
from vio.ros import session
from vio.types import CameraImage, ImuSample

FROM_S = 3.0
"""When things begin to go wrong, into the recording."""
SPLIT_ROLES = "window_optimizer", "feature_tracker"


def cam(item, index=None):
    return isinstance(item, CameraImage) and index in (None, item.cam)


class Flight:
    """A stack, the node that feeds it, and a recording."""

    def __init__(self, stack, feeder, dataset, measurements, rate):
        self.stack, self.feeder, self.dataset = stack, feeder, dataset
        self.measurements, self.rate = measurements, rate
        composed = set(stack.running) == set(session.COMPOSED)
        self.head, self.intake = ("vio_node",) * 2 if composed else SPLIT_ROLES

    def play(self, keep=lambda item, s: True, rate=None, **options):
        first = self.measurements[0].t_ns
        whole = lambda item: keep(item, (item.t_ns - first) * 1e-9)  # noqa: E731
        self.feeder.play(self.measurements, rate or self.rate, whole, **options)

    def ate(self, since_s=0.0):
        """RMSE [m] of the poses after `since_s` into the recording, aligned."""
        t_ns, p = self.feeder.known()
        late = t_ns >= self.dataset.camera_stamps_ns[0] + since_s * 1e9
        quats = np.array([self.feeder.poses[t][2] for t in t_ns[late]])
        poses = Trajectory(t_ns[late], p[late], quats)
        return evaluate(poses, from_truth(self.dataset.truth))["ate_rmse_m"]

    def ends_well(self):
        """The last frames of the recording have a pose."""
        t_ns, _ = self.feeder.known()
        assert len(t_ns) and t_ns[-1] >= self.measurements[-1].t_ns - 4 * 50_000_000, (
            self.stack.logs()
        )

    def says(self, pattern, node=None):
        """Something like `pattern` is or soon will be in /diagnostics."""
        self.feeder.wait(
            lambda: any(
                re.search(pattern, text) and node in (None, name)
                for name, _, text in list(self.feeder.messages)
            ),
            3.0,
        )

    def counts(self, name):
        """What the node that hears the cameras has counted under `name`."""
        return int(self.feeder.health.get(self.intake, {}).get(name, 0))

    def counted(self, name, more_than=0):
        """The count is or soon will be above a number."""
        self.feeder.wait(lambda: self.counts(name) > more_than, 3.0)


def camera_stops_for_two_seconds(flight):
    # slow enough that /diagnostics comes at least once while it lasts
    flight.play(lambda m, s: not (cam(m) and FROM_S < s < FROM_S + 2), rate=min(flight.rate, 1.1))
    flight.ends_well()
    flight.says("cam0/image_raw: silent")
    assert flight.ate() < 0.05  # over all of it: the IMU bridges what was not seen


def one_camera_dies(flight):
    flight.play(lambda m, s: not (cam(m, 1) and s > FROM_S))
    flight.ends_well()
    flight.says("degraded", flight.head)
    flight.says("cam1/image_raw: silent")
    assert flight.ate() < 0.05


def imu_stops_for_half_a_second(flight):
    gaps = flight.counts("imu_gap")
    flight.play(lambda m, s: not (isinstance(m, ImuSample) and FROM_S < s < FROM_S + 0.5))
    flight.ends_well()
    flight.counted("imu_gap", gaps)
    assert flight.ate(FROM_S + 2) < 0.05


def images_are_dropped_at_random(flight):
    lone, chance = flight.counts("lone_left"), np.random.default_rng(5)
    flight.play(lambda m, s: not cam(m) or chance.random() > 0.05)
    flight.ends_well()
    flight.counted("lone_left", lone)
    assert flight.ate() < 0.05


def stamps_jump_back(flight):
    """A bag in a loop: ten seconds back, or what a shorter recording has."""
    jumps = flight.counts("jumped_back")
    flight.play(lambda m, s: s < 12)
    flight.play(lambda m, s: s > 2)
    flight.ends_well()
    flight.counted("jumped_back", jumps)
    assert flight.ate() < 0.05


def reset_in_flight(flight):
    answers, feeder = [], flight.feeder
    flight.play(at={FROM_S + 1: lambda: answers.append(feeder.reset(flight.head).success)})
    flight.ends_well()
    flags = [feeder.poses[t][0] for t in sorted(feeder.poses)]
    assert answers == [True] and False in flags[60:] and flags[-1]  # lost on purpose, and back
    assert flight.ate(FROM_S + 2) < 0.05


def nodes_are_killed_and_started_again(flight):
    """One after the other, each in flight, until the stack has a pose again."""
    stack, feeder = flight.stack, flight.feeder
    for name in list(stack.running):

        def kill(name=name):
            process = stack.running[name]
            os.kill(process.popen.pid, signal.SIGKILL)
            process.popen.wait()
            feeder.health.clear()
            stack.start(name)

        up = []

        def back(name=name, up=up):
            if name in feeder.health and not up:
                up.append(len(feeder.poses))
            fresh = list(feeder.poses.values())[up[0] :] if up else []
            return len(fresh) > 10 and all(good for good, *_ in fresh[-5:])

        for at in {0.5: kill}, {}, {}:  # a busy machine may need more than one lap to start a node
            up.clear()
            flight.play(rate=1.0, at=at, until=back)
            if back():
                break
        assert back(), f"{name}\n{stack.logs()}"


CASES = (
    camera_stops_for_two_seconds,
    one_camera_dies,
    imu_stops_for_half_a_second,
    images_are_dropped_at_random,
    stamps_jump_back,
    reset_in_flight,
    nodes_are_killed_and_started_again,
)
