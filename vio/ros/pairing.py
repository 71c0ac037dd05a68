"""Tracks and IMU intervals of the same frame, whichever comes first; pure."""

from collections import Counter, deque

import numpy as np

from vio.ros import packing
from vio.types import IMU_DTYPE


class Pairing:
    """`tracks` and `interval` take values of the records; `ready` gives what belongs together.

    Both links are reliable and in order, so a newer interval shows that one is lost, and after
    `patience` waiting frames it is certain that none comes: the frame then goes without IMU,
    which the window sees as a gap. Samples of an interval without a frame go with the next one.

    Attributes:
        counts: `lost_interval`, `lost_tracks`.
    """

    def __init__(self, patience: int = 10):
        self.patience, self.counts = patience, Counter()
        self.frames, self.intervals = deque(), deque()

    def tracks(self, values: dict):
        """Take a record of tracks."""
        if self.frames and values["t_ns"] <= self.frames[-1]["t_ns"]:
            self.frames.clear()  # time has jumped back, or the tracker has
        self.frames.append(values)

    def interval(self, values: dict):
        """Take a record of an IMU interval."""
        if self.intervals and values["t1_ns"] <= self.intervals[-1]["t1_ns"]:
            self.intervals.clear()
        self.intervals.append(values)

    def ready(self):
        """Yield (values of tracks, (N,) IMU_DTYPE samples since the frame before)."""
        while self.frames:
            t_ns = self.frames[0]["t_ns"]
            samples = [np.zeros(0, IMU_DTYPE)]
            newest = self.intervals[-1]["t1_ns"] if self.intervals else None
            complete = newest is not None and newest >= t_ns
            if not complete and len(self.frames) <= self.patience:
                return
            found = False
            while self.intervals and self.intervals[0]["t1_ns"] <= t_ns:
                values = self.intervals.popleft()
                found = values["t1_ns"] == t_ns
                self.counts["lost_tracks"] += not found
                samples.append(packing.samples_of(values))
            self.counts["lost_interval"] += not found
            yield self.frames.popleft(), np.concatenate(samples)
