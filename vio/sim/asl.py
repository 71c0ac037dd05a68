"""EuRoC's ASL text files: sensor.yaml and data.csv of cameras, IMU and ground truth."""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from vio.sim.trajectory import Motion
from vio.types import Camera, ImuModel, Rig

CAMERA_YAML = """\
sensor_type: camera
comment: simulated
T_BS:
  cols: 4
  rows: 4
  data: {T}
rate_hz: {rate:g}
resolution: [{width}, {height}]
camera_model: pinhole
intrinsics: {intrinsics}
distortion_model: radial-tangential
distortion_coefficients: {distortion}
"""

IMU_YAML = """\
sensor_type: imu
comment: simulated
T_BS:
  cols: 4
  rows: 4
  data: {T}
rate_hz: {rate:g}
gyroscope_noise_density: {m.gyro_noise_density:.6e}
gyroscope_random_walk: {m.gyro_random_walk:.6e}
accelerometer_noise_density: {m.accel_noise_density:.6e}
accelerometer_random_walk: {m.accel_random_walk:.6e}
"""

IMU_HEADER = (
    "#timestamp [ns],w_RS_S_x [rad s^-1],w_RS_S_y [rad s^-1],w_RS_S_z [rad s^-1],"
    "a_RS_S_x [m s^-2],a_RS_S_y [m s^-2],a_RS_S_z [m s^-2]"
)
TRUTH_HEADER = (
    "#timestamp, p_RS_R_x [m], p_RS_R_y [m], p_RS_R_z [m], q_RS_w [], q_RS_x [], q_RS_y [], "
    "q_RS_z [], v_RS_R_x [m s^-1], v_RS_R_y [m s^-1], v_RS_R_z [m s^-1], "
    "b_w_RS_S_x [rad s^-1], b_w_RS_S_y [rad s^-1], b_w_RS_S_z [rad s^-1], "
    "b_a_RS_S_x [m s^-2], b_a_RS_S_y [m s^-2], b_a_RS_S_z [m s^-2]"
)


def write_cameras(folder: Path, rig: Rig, frame_ns: np.ndarray) -> None:
    """sensor.yaml and data.csv of both cameras, and body.yaml."""
    names = "".join(f"{t},{t}.png\n" for t in frame_ns)
    for cam, camera in enumerate((rig.cam0, rig.cam1)):
        place = folder / f"mav0/cam{cam}"
        (place / "data.csv").write_text("#timestamp [ns],filename\n" + names)
        (place / "sensor.yaml").write_text(camera_yaml(camera))
    (folder / "mav0/body.yaml").write_text("sensor_type: visual-inertial\ncomment: simulated\n")


def camera_yaml(camera: Camera) -> str:
    """Text of a camera's sensor.yaml."""
    params = camera.params.tolist()
    return CAMERA_YAML.format(
        T=camera.T_imu_cam.ravel().tolist(),
        rate=camera.rate_hz,
        width=camera.width,
        height=camera.height,
        intrinsics=params[:4],
        distortion=params[4:],
    )


def write_imu(folder: Path, imu: np.ndarray, model: ImuModel) -> None:
    """sensor.yaml and data.csv of samples (N,) IMU_DTYPE."""
    place = folder / "mav0/imu0"
    T = np.eye(4).ravel().tolist()
    (place / "sensor.yaml").write_text(IMU_YAML.format(T=T, rate=model.rate_hz, m=model))
    write_csv(place / "data.csv", IMU_HEADER, imu["t_ns"], np.hstack([imu["gyro"], imu["accel"]]))


def write_truth(folder: Path, t_ns: np.ndarray, motion: Motion, bias: np.ndarray) -> None:
    """The 17 ground-truth columns: bias (N, 6) gyro then accel, NaN where unknown."""
    quat = Rotation.from_matrix(motion.R_world_imu).as_quat()
    flips = np.where((quat[1:] * quat[:-1]).sum(1) < 0, -1.0, 1.0)
    quat[1:] *= np.cumprod(flips)[:, None]
    values = np.hstack([motion.p_world_imu, quat[:, [3, 0, 1, 2]], motion.v_world_imu, bias])
    place = folder / "mav0/state_groundtruth_estimate0"
    write_csv(place / "data.csv", TRUTH_HEADER, t_ns, values)


def write_csv(path: Path, header: str, t_ns, values) -> None:
    """Stamps as integers, values (N, k) with ten digits."""
    lines = [header]
    for t, row in zip(t_ns.tolist(), values.tolist()):
        lines.append(",".join([str(t), *(f"{value:.10g}" for value in row)]))
    path.write_text("\n".join(lines) + "\n")
