"""Sensor messages to frames: conversion, checks, counts; pure, no thread and no ROS context.

What leaves depends on stamps alone (vio/sync.py), so the same data gives the same frames here as
in `vio run`.
"""

import time
from collections import Counter, defaultdict, deque

import numpy as np

from vio.ros import convert
from vio.sync import Sequencer
from vio.types import CameraImage, VioError

MAX_ARRIVALS = 200
PAUSE_NS = 500_000_000
STUB = np.zeros((1, 1), np.uint8)


class Intake:
    """Takes messages, gives (StereoFrame, imu), and remembers what came of each input.

    Args:
        rig, settings: of the node. images: whether it sees images, or only their stamps.

    Attributes:
        counts: messages by input and what was refused here; the Sequencer counts the rest.
        problems: input -> what is wrong with its messages, in words.
        last: input -> (stamp [ns], wall time [s]) of its newest message.
        arrivals: stamp of a left image -> when it came [s].
        stamps: input -> stamps of its newest messages [ns].
    """

    def __init__(self, rig, settings, images: bool = True):
        self.rig, self.settings, self.images = rig, settings, images
        self.cameras = rig.cameras
        self.counts = Counter()
        self.problems, self.last = {}, {}
        self.stamps = defaultdict(lambda: deque(maxlen=100))
        self.arrivals = {}
        self.paused = False
        self.sequencer = self.new_sequencer()

    def new_sequencer(self) -> Sequencer:
        """An empty one."""
        return Sequencer(self.rig, not self.images, max_wait_s=self.settings.max_wait_s)

    def heard(self, name: str, t_ns: int) -> bool:
        """Count a message of input `name`; whether it is wanted now."""
        self.counts[f"{name}_received"] += 1
        self.last[name] = t_ns, time.monotonic()
        stamps = self.stamps[name]
        if stamps and not 0 <= t_ns - stamps[-1] < PAUSE_NS:
            stamps.clear()  # after a pause or a jump the rate is a new one
        stamps.append(t_ns)
        if self.paused:
            self.counts["dropped_paused"] += 1
        return not self.paused

    def image(self, message, cam: int, topic: str):
        """Take an Image of camera `cam`."""
        name = f"cam{cam}"
        if not self.heard(name, convert.to_ns(message.header.stamp)):
            return
        try:
            image = convert.camera_image(message, cam, topic)
        except VioError as error:
            self.refuse(name, str(error))
            return
        camera, pixels = self.cameras[cam], image.image
        if pixels is not None and pixels.shape != (camera.height, camera.width):
            height, width = pixels.shape
            self.refuse(
                name,
                f"topic {topic}: images are {width}x{height} but the calibration is for "
                f"{camera.width}x{camera.height}; set `calibration` to the one of this camera",
            )
            return
        self.problems.pop(name, None)
        if cam == 0:
            self.arrived(image.t_ns, name)
        self.sequencer.push(image)

    def arrived(self, t_ns: int, name: str):
        """Remember when the newest message of an input came, by the frame it belongs to."""
        self.arrivals[t_ns] = self.last[name][1]
        if len(self.arrivals) > MAX_ARRIVALS:
            del self.arrivals[next(iter(self.arrivals))]

    def imu(self, message):
        """Take an Imu message; returns its sample, or None while paused."""
        sample = convert.imu_sample(message)
        if not self.heard("imu", sample.t_ns):
            return None
        self.sequencer.push(sample)
        return sample

    def stub(self, t_ns: int):
        """A frame of which only the stamp is known, for a node that sees no images."""
        if self.heard("tracks", t_ns):
            self.sequencer.push(CameraImage(t_ns, 0, STUB))

    def refuse(self, name: str, problem: str):
        """Drop a message that cannot be used."""
        self.counts[f"{name}_refused"] += 1
        self.problems[name] = problem

    def jumped(self) -> bool:
        """Whether time has jumped back; ask after each message, before `frames`."""
        return self.sequencer.jumped_back()

    def frames(self):
        """Yield the frames that are complete."""
        while (item := self.sequencer.pop()) is not None:
            yield item

    def restart(self):
        """Forget what waits, as after a pause."""
        self.counts.update(self.sequencer.counts)
        self.sequencer = self.new_sequencer()

    def totals(self) -> Counter:
        """All counts, of this class and of the Sequencer."""
        return self.counts + self.sequencer.counts
