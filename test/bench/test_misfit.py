"""The wrapper that makes a calibration wrong."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from world import rig

from vio.bench.misfit import Misfit, turned
from vio.types import CameraImage, ImuSample


def recording():
    zero = np.zeros(3)
    items = [ImuSample(0, zero, zero), CameraImage(5, 0, None), ImuSample(10, zero, zero)]
    return SimpleNamespace(rig=rig(), name="r", measurements=lambda start, end: iter(items))


def test_only_the_imu_is_late():
    wrong = Misfit(recording(), offset_s=2e-9)
    assert [m.t_ns for m in wrong.measurements()] == [2, 5, 12]
    assert wrong.name == "r"


@pytest.mark.parametrize("cams", [(0, 1), (1,)])
def test_cameras_are_said_to_be_elsewhere(cams):
    wrong = Misfit(recording(), turn_deg=(1.0, 0, 0), shift_m=(0, 0.01, 0), cams=cams)
    for cam in (0, 1):
        said, true = (getattr(r, f"cam{cam}").T_imu_cam for r in (wrong.rig, rig()))
        angle = np.degrees(Rotation.from_matrix(said[:3, :3] @ true[:3, :3].T).magnitude())
        assert angle == pytest.approx(1.0 if cam in cams else 0.0, abs=1e-9)
        assert (said == true).all() == (cam not in cams)


def test_turned_is_a_rotation():
    w = [3.0, -2.0, 1.0]
    np.testing.assert_allclose(turned(w), Rotation.from_rotvec(w, degrees=True).as_matrix())
