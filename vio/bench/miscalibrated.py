"""Wrong calibrations: are they corrected in flight, or at least told of?

Each is of a degree, a centimetre (an imu also of five), of both, or of some milliseconds. Corrected
means an estimate within 0.2 degrees, 4 mm and 1 ms of the truth, told means a notice, both by the
end of the first half minute.
"""

from dataclasses import asdict, dataclass

import numpy as np

from vio.bench.misfit import Misfit, turned
from vio.bench.section import Section
from vio.config import Config
from vio.io.open import open_dataset
from vio.odometry import Odometry
from vio.replay import frames
from vio.sync import Sequencer
from vio.warm import warm_up

SECONDS = 30.0
TURN_DEG = 1.0
SHIFTS_M = {"shifted": 0.01, "turned and shifted": 0.01, "misplaced": 0.05}
MAX_TURN_DEG, MAX_SHIFT_M, MAX_LATE_S = 0.2, 0.004, 1e-3
LATE = {f"imu {ms:+d} ms late": 1e-3 * ms for ms in (-50, -20, -5, 5, 20, 50)}
PLACES = {
    f"{who} {what} {axis}": (cams, what, k)
    for who, cams in (("cam0", (0,)), ("cam1", (1,)), ("imu", (0, 1)))
    for what in ("turned", "shifted", "turned and shifted")
    for k, axis in enumerate("xyz")
} | {f"imu misplaced {axis}": ((0, 1), "misplaced", k) for k, axis in enumerate("xyz")}
"""Axes are those of the camera, x along the baseline; for the imu its own."""
CASES = (*PLACES, *LATE)
QUICK = ("cam1 turned z", "cam1 shifted x", "imu turned y", "imu +50 ms late")


@dataclass(frozen=True)
class Finding:
    """What became of one wrong calibration.

    Attributes:
        recording, case: which.
        notice: the last one.
        turn_error_deg, shift_error_m: what is left of an imu's wrong place, None of other cases.
        late_error_s: what is left of its clock's offset, None of other cases.
        passed: corrected or told.
    """

    recording: str
    case: str
    notice: str
    turn_error_deg: float | None
    shift_error_m: float | None
    late_error_s: float | None
    passed: bool


def wrong(dataset, case: str) -> Misfit:
    """The dataset with a wrong calibration."""
    if case in LATE:
        return Misfit(dataset, offset_s=LATE[case])
    cams, what, k = PLACES[case]
    T = getattr(dataset.rig, f"cam{cams[0]}").T_imu_cam
    axis = np.eye(3)[k] if len(cams) == 2 else T[:3, k]
    turn, shift = TURN_DEG * axis * ("turned" in what), SHIFTS_M.get(what, 0.0) * axis
    if len(cams) == 1:  # about its own centre
        shift = shift + T[:3, 3] - turned(turn) @ T[:3, 3]
    return Misfit(dataset, turn_deg=turn, shift_m=shift, cams=cams)


def try_calibrations(folder, config: Config, names=None) -> list[dict]:
    """Findings of wrong calibrations over the begin of a recording, as plain values.

    Args:
        names: cases; None for all.
    """
    dataset, out = open_dataset(folder), []
    first_ns = int(dataset.camera_stamps_ns[0])
    section = Section(dataset, first_ns - 10**9, first_ns + round(SECONDS * 1e9))
    for case in names or CASES:
        said = wrong(section, case)
        odometry = Odometry(said.rig, config)
        warm_up(odometry)
        sequencer = Sequencer(said.rig, False)
        for frame, imu in frames(said, sequencer, None, None):
            last = odometry.process(frame, imu).estimate
            sequencer.expect_late(last.time_offset_s)
        out.append(asdict(judge(section, said, case, last)))
    return out


def judge(dataset, said, case: str, last) -> Finding:
    """What the last estimate says of a case."""
    turn = shift = late = None
    found = False
    if case in LATE:
        late = abs(last.time_offset_s - LATE[case])
        found = late < MAX_LATE_S
    elif case.startswith("imu"):
        T = said.rig.cam0.T_imu_cam @ np.linalg.inv(dataset.rig.cam0.T_imu_cam)
        x = np.zeros(7)
        x[: last.calibration.size] = last.calibration
        left = turned(np.degrees(x[1:4])).T @ T[:3, :3]
        turn = float(np.degrees(np.arccos(np.clip((np.trace(left) - 1) / 2, -1, 1))))
        shift = float(np.linalg.norm(x[4:] - T[:3, 3]))
        found = turn < MAX_TURN_DEG and shift < MAX_SHIFT_M
    passed = bool(found or last.notice)
    return Finding(dataset.name, case, last.notice, turn, shift, late, passed)
