"""Which wrong calibrations are tried, and what counts as found."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from world import rig

from vio.bench.miscalibrated import CASES, LATE, PLACES, QUICK, SHIFTS_M, judge, wrong

DATASET = SimpleNamespace(rig=rig(), name="r")


@pytest.mark.parametrize("case", PLACES)
def test_a_place_is_wrong_by_a_degree_or_some_centimetres(case):
    cams, what, k = PLACES[case]
    said = wrong(DATASET, case).rig
    for cam in (0, 1):
        now, true = (getattr(r, f"cam{cam}").T_imu_cam for r in (said, rig()))
        step = np.linalg.inv(true) @ now if len(cams) == 1 else now @ np.linalg.inv(true)
        turn = Rotation.from_matrix(step[:3, :3]).as_rotvec(degrees=True)
        here = np.eye(3)[k] * (cam in cams)
        np.testing.assert_allclose(turn, here * ("turned" in what), atol=1e-9)
        np.testing.assert_allclose(step[:3, 3], here * SHIFTS_M.get(what, 0.0), atol=1e-12)


@pytest.mark.parametrize("case", ["imu turned y", "imu shifted x", "imu turned and shifted z"])
def test_the_right_estimate_leaves_nothing(case):
    said = wrong(DATASET, case)
    T = said.rig.cam0.T_imu_cam @ np.linalg.inv(DATASET.rig.cam0.T_imu_cam)
    turn = Rotation.from_matrix(T[:3, :3]).as_rotvec()
    right = np.concatenate([[0.0], turn, T[:3, 3]])
    for x, notice, passed in ((right, "", True), (0 * right, "", False), (0 * right, "look", True)):
        found = judge(DATASET, said, case, SimpleNamespace(calibration=x, notice=notice))
        assert found.passed == passed
        assert (found.turn_error_deg + found.shift_error_m < 1e-6) == (x is right)


def test_a_camera_can_only_be_told_of():
    assert set(QUICK) <= set(CASES)
    silent = SimpleNamespace(calibration=np.zeros(7), notice="")
    found = judge(DATASET, wrong(DATASET, "cam1 turned z"), "cam1 turned z", silent)
    assert found.turn_error_deg is None and not found.passed


@pytest.mark.parametrize("case", LATE)
def test_a_clock_has_to_be_found_to_a_millisecond(case):
    said = wrong(DATASET, case)
    assert said.offset_ns == round(LATE[case] * 1e9)
    for error, passed in ((0.9e-3, True), (1.1e-3, False)):
        last = SimpleNamespace(calibration=None, time_offset_s=LATE[case] + error, notice="")
        found = judge(DATASET, said, case, last)
        assert found.passed == passed and found.late_error_s == pytest.approx(error)
