"""One face for every recording: what sensors, what truth, and its measurements in time order.

A reader loads the IMU and the stamps at once, they are small; images are read one by one as
`measurements` is drawn from.
"""

import heapq
import logging
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from vio.types import CameraImage, ImuSample, Rig, VioError

MAX_UNCOVERED_S = 0.2

log = logging.getLogger(__name__)


class Dataset:
    """A recording. Readers fill the fields and define `read_images`.

    Attributes:
        path: where it lies, for messages.
        name: short name for result folders.
        rig: its calibration; `cam1` is None when opened as mono.
        truth: (N,) TRUTH_DTYPE, or None.
        imu: (N,) IMU_DTYPE, strictly increasing stamps.
        stamps_ns: one (N,) int64 array for each camera in use, strictly increasing.
        faults: what was wrong with the data: `corrupt_image`, `missing_image`,
            `duplicate_image`, `duplicate_imu`, `reordered_imu`, `reordered_image`. Images are
            counted, once each, as they are read.
        prefetch: images decoded ahead in one thread.
    """

    def __init__(self, path: Path, name: str, rig: Rig):
        self.path = path
        self.name = name
        self.rig = rig
        self.truth: np.ndarray | None = None
        self.imu: np.ndarray | None = None
        self.stamps_ns: list[np.ndarray] = []
        self.faults: Counter = Counter()
        self.prefetch = 0
        self._faulty: set = set()

    @property
    def camera_stamps_ns(self) -> np.ndarray:
        """(N,) int64 stamps of the left camera."""
        return self.stamps_ns[0]

    def read_images(self, wanted: list[tuple[int, int]]) -> Iterator[CameraImage]:
        """Yield the images (t_ns, cam) of the ordered list `wanted`, in its order."""
        raise NotImplementedError

    def measurements(
        self, start_ns: int | None = None, end_ns: int | None = None
    ) -> Iterator[ImuSample | CameraImage]:
        """Everything measured, in order of time stamp; IMU first, then cam0, at equal stamps.

        Args:
            start_ns: stamp of the first image, inclusive.
            end_ns: stamp of the last image, inclusive.

        Yields:
            Images within the span and the IMU samples that enclose it. `image` is None where
            the file is damaged or missing.

        Raises:
            VioError: a camera without image in the span, IMU that does not cover it (both at
                once, not at the first draw), or an image that does not fit the calibration.
        """
        first = -(2**62) if start_ns is None else int(start_ns)
        last = 2**62 if end_ns is None else int(end_ns)
        wanted = sorted(
            (t, cam)
            for cam, stamps in enumerate(self.stamps_ns)
            for t in stamps[(stamps >= first) & (stamps <= last)].tolist()
        )
        lefts = [t for t, cam in wanted if cam == 0]
        if not lefts:
            raise VioError(
                f"{self.path}: no left image in the span asked for; the recording has "
                f"{len(self.camera_stamps_ns)} from {self.camera_stamps_ns[0]} ns "
                f"to {self.camera_stamps_ns[-1]} ns"
            )
        stereo = len(self.stamps_ns) > 1
        if stereo and not any(cam == 1 and lefts[0] <= t <= lefts[-1] for t, cam in wanted):
            raise VioError(
                f"{self.path}: no right image between the left ones of {lefts[0]} and {lefts[-1]} "
                f"ns; the recording has them from {self.stamps_ns[1][0]} to "
                f"{self.stamps_ns[1][-1]} ns; use --mono to run on cam0 alone"
            )
        self._check_covered(wanted[0][0], wanted[-1][0])
        imu = self.imu
        if start_ns is not None or end_ns is not None:
            imu = self._enclosing(wanted[0][0], wanted[-1][0])
        return self._merged(imu, wanted)

    def _merged(self, imu, wanted):
        images = self.read_images(wanted)
        if self.prefetch:
            images = read_ahead(images, self.prefetch)
        return heapq.merge(
            images,
            (ImuSample(int(row["t_ns"]), row["gyro"], row["accel"]) for row in imu),
            key=lambda m: (m.t_ns, m.cam if isinstance(m, CameraImage) else -1),
        )

    def _enclosing(self, first_ns: int, last_ns: int) -> np.ndarray:
        """IMU from the last sample before the first image to the first one after the last."""
        shift = round(self.rig.time_offset_s * 1e9)
        begin = np.searchsorted(self.imu["t_ns"], first_ns + min(shift, 0), "right") - 1
        end = np.searchsorted(self.imu["t_ns"], last_ns + max(shift, 0), "left") + 1
        return self.imu[max(begin, 0) : end]

    def _check_covered(self, first_ns: int, last_ns: int) -> None:
        shift = round(self.rig.time_offset_s * 1e9)
        imu_first, imu_last = int(self.imu["t_ns"][0]) - shift, int(self.imu["t_ns"][-1]) - shift
        if imu_first > last_ns or imu_last < first_ns:
            raise VioError(
                f"{self.path}: IMU ({imu_first} to {imu_last} ns) and images ({first_ns} to "
                f"{last_ns} ns) do not overlap in time; are they of one recording and one clock?"
            )
        missing_s = (last_ns - imu_last) * 1e-9
        if missing_s > MAX_UNCOVERED_S:
            covered = (imu_last - first_ns) // 10**8 / 10
            raise VioError(
                f"{self.path}: the IMU ends {missing_s:.2f} s before the images; "
                f"use --seconds {covered:.1f} to run the part it covers"
            )

    def note_fault(self, kind: str, t_ns: int, cam: int, where) -> None:
        """Count and log the fault of one image, once however often it is read."""
        if (kind, t_ns, cam) not in self._faulty:
            self._faulty.add((kind, t_ns, cam))
            self.faults[kind] += 1
            log.warning("%s: %s", where, kind.replace("_", " "))

    def check_size(self, image: np.ndarray, cam: int, where) -> None:
        """Raise VioError unless an image has the size of its camera's calibration."""
        camera = self.rig.cam1 if cam else self.rig.cam0
        height, width = image.shape
        if (width, height) != (camera.width, camera.height):
            raise VioError(
                f"{where}: the image is {width}x{height} but cam{cam} is calibrated for "
                f"{camera.width}x{camera.height}; give the calibration of this camera"
            )


def read_ahead(items: Iterator, depth: int) -> Iterator:
    """The same items in the same order, up to `depth` of them made ahead in one thread."""
    with ThreadPoolExecutor(1) as worker:
        ahead = deque(worker.submit(next, items, None) for _ in range(depth))
        while (item := ahead.popleft().result()) is not None:
            ahead.append(worker.submit(next, items, None))
            yield item
