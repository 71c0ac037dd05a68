"""Calibration files to a Rig: EuRoC's sensor.yaml trees and Kalibr's camchain and imu yaml.

EuRoC's T_BS maps sensor to body, so T_imu_cam = inv(T_BS of the imu) T_BS of the camera.
Kalibr's T_cam_imu maps imu to camera, so T_imu_cam is its inverse.
"""

import logging
from pathlib import Path

import numpy as np

from vio.io.yamlfile import Node
from vio.types import Camera, CameraModel, ImuModel, Rig, VioError

log = logging.getLogger(__name__)

_MODELS = {
    "radtan": CameraModel.PINHOLE_RADTAN,
    "radial-tangential": CameraModel.PINHOLE_RADTAN,
    "plumb_bob": CameraModel.PINHOLE_RADTAN,
    "equidistant": CameraModel.PINHOLE_EQUIDISTANT,
}


def load_rig(path, *, mono: bool = False) -> Rig:
    """Load the calibration of a rig.

    Args:
        path: EuRoC folder (with or without mav0/), a folder with a Kalibr camchain*.yaml, or
            that file; Kalibr's imu*.yaml is looked for beside it.
        mono: leave the right camera aside.

    Returns:
        The rig; IMU noise is EuRoC's where no imu yaml is given.

    Raises:
        VioError: naming file, key and cure: missing files or keys, an unsupported camera model,
            a matrix that is no rigid transformation, sizes or densities that make no sense.
    """
    found = find_calibration(Path(path))
    if found is None:
        raise VioError(
            f"{path}: no calibration; expected cam0/sensor.yaml (EuRoC) or camchain-imucam.yaml "
            "(Kalibr) there, or name one with --calibration"
        )
    return kalibr_rig(found, mono) if found.is_file() else euroc_rig(found, mono)


def find_calibration(path: Path) -> Path | None:
    """The EuRoC folder or the Kalibr file that `path`, a file or a folder, stands for."""
    if path.is_file():
        return path
    for folder in (path / "mav0", path):
        if (folder / "cam0" / "sensor.yaml").is_file():
            return folder
    chains = sorted(path.glob("*camchain*.yaml"), key=lambda p: ("imucam" not in p.name, p.name))
    return chains[0] if chains else None


def euroc_rig(folder: Path, mono: bool) -> Rig:
    """The rig of an EuRoC tree: cam0/, cam1/, imu0/, each with sensor.yaml."""
    T_imu_body = np.linalg.inv(read_extrinsics(folder / "imu0" / "sensor.yaml"))
    cameras = []
    for name in ("cam0",) if mono else ("cam0", "cam1"):
        node = Node.read(folder / name / "sensor.yaml")
        cameras.append(read_camera(node, T_imu_body @ node.transform("T_BS")))
    return Rig(cameras[0], None if mono else cameras[1], read_imu(folder / "imu0" / "sensor.yaml"))


def kalibr_rig(path: Path, mono: bool) -> Rig:
    """The rig of a Kalibr camera chain, with the imu yaml beside it if there is one."""
    chain = Node.read(path)
    if not mono and "cam1" not in chain:
        raise VioError(f"{path}: has no 'cam1'; use --mono to run on cam0 alone")
    cameras, shifts, T_cam_imu = [], [], None
    for name in ("cam0",) if mono else ("cam0", "cam1"):
        node = chain.child(name)
        if "T_cam_imu" in node:
            T_cam_imu = node.transform("T_cam_imu")
        elif T_cam_imu is not None and "T_cn_cnm1" in node:
            T_cam_imu = node.transform("T_cn_cnm1") @ T_cam_imu
        else:
            raise VioError(
                f"{path}: '{name}.T_cam_imu' is missing; give the camchain-imucam.yaml that "
                "kalibr_calibrate_imu_camera writes"
            )
        cameras.append(read_camera(node, np.linalg.inv(T_cam_imu)))
        shifts.append(node.number("timeshift_cam_imu", 0.0))
    if max(shifts) - min(shifts) > 1e-3:
        log.warning("%s: cameras differ in timeshift_cam_imu; the one of cam0 is used", path)
    found = sorted(p for p in path.parent.glob("*imu*.yaml") if "cam" not in p.name)
    return Rig(cameras[0], None if mono else cameras[1], read_imu(*found[:1]), shifts[0])


def read_camera(node: Node, T_imu_cam: np.ndarray) -> Camera:
    """A pinhole camera; EuRoC and Kalibr agree on the names of everything but extrinsics."""
    model = node.text("camera_model")
    if model != "pinhole":
        raise node.error("camera_model", f"'{model}' is not supported; calibrate as pinhole")
    distortion = node.text("distortion_model")
    if distortion != "none" and distortion not in _MODELS:
        raise node.error(
            "distortion_model", f"'{distortion}' is not supported; use radtan or equidistant"
        )
    params = np.zeros(8)
    params[:4] = node.numbers("intrinsics", 4)
    if distortion != "none":
        params[4:] = node.numbers("distortion_coeffs", 4, "distortion_coefficients")
    width, height = node.numbers("resolution", 2)
    if min(width, height) < 1 or width % 1 or height % 1:
        raise node.error("resolution", f"[{width:g}, {height:g}] is no image size in pixels")
    fx, fy, cx, cy = params[:4]
    if min(fx, fy) <= 0 or not (0 < cx < width and 0 < cy < height):
        raise node.error(
            "intrinsics", f"fx fy cx cy = {params[:4].tolist()} do not suit {width:g}x{height:g} px"
        )
    rate_hz = node.number("rate_hz", Camera.__dataclass_fields__["rate_hz"].default)
    if rate_hz <= 0:
        raise node.error("rate_hz", f"{rate_hz:g} is no rate; give the frames per second")
    kind = _MODELS.get(distortion, CameraModel.PINHOLE_RADTAN)
    return Camera(kind, int(width), int(height), params, T_imu_cam, rate_hz)


def read_imu(path: Path | None = None) -> ImuModel:
    """Noise and rate from EuRoC's imu0/sensor.yaml or Kalibr's imu.yaml; defaults without one."""
    if path is None or not path.is_file():
        log.warning("%s: no imu yaml; the IMU noise of EuRoC is used", path or "calibration")
        return ImuModel()
    node = Node.read(path)
    if "imu0" in node:  # as in Kalibr's results
        node = node.child("imu0")
    keys = (
        "gyroscope_noise_density",
        "gyroscope_random_walk",
        "accelerometer_noise_density",
        "accelerometer_random_walk",
        "update_rate" if "update_rate" in node else "rate_hz",
    )
    values = [node.number(key) for key in keys]
    for key, value in zip(keys, values, strict=True):
        if value <= 0:
            raise node.error(key, f"{value:g} must be above zero; copy it from the data sheet")
    return ImuModel(*values)


def read_extrinsics(path: Path) -> np.ndarray:
    """T_BS (4, 4), sensor to body, of an EuRoC sensor.yaml; identity where it is not given."""
    if not path.is_file():
        return np.eye(4)
    node = Node.read(path)
    return node.transform("T_BS") if "T_BS" in node else np.eye(4)
