"""The simulated robot: EuRoC's visual-inertial sensor, cameras and IMU."""

import numpy as np

from vio.types import Camera, CameraModel, ImuModel, Rig

WIDTH, HEIGHT, CAMERA_HZ = 752, 480, 20.0

CAM0 = (458.654, 457.296, 367.215, 248.375, -0.28340811, 0.07395907, 0.00019359, 1.76187114e-05)
CAM1 = (457.587, 456.134, 379.999, 255.238, -0.28368365, 0.07451284, -0.00010473, -3.555907e-05)
"""fx fy cx cy [px], k1 k2 p1 p2 of the two cameras."""

T_IMU_CAM0 = (
    (0.0148655429818, -0.999880929698, 0.00414029679422, -0.0216401454975),
    (0.999557249008, 0.0149672133247, 0.025715529948, -0.064676986768),
    (-0.0257744366974, 0.00375618835797, 0.999660727178, 0.00981073058949),
    (0.0, 0.0, 0.0, 1.0),
)
T_IMU_CAM1 = (
    (0.0125552670891, -0.999755099723, 0.0182237714554, -0.0198435579556),
    (0.999598781151, 0.0130119051815, 0.0251588363115, 0.0453689425024),
    (-0.0253898008918, 0.0179005838253, 0.999517347078, 0.00786212447038),
    (0.0, 0.0, 0.0, 1.0),
)
"""Camera to imu [m]: the imu's x axis points up, its z axis along the view."""


def euroc_rig(scale: float = 1.0) -> Rig:
    """The rig with images `scale` times 752x480; pixel centres have integer coordinates."""
    return Rig(
        cam0=camera(CAM0, T_IMU_CAM0, scale), cam1=camera(CAM1, T_IMU_CAM1, scale), imu=ImuModel()
    )


def camera(params, T_imu_cam, scale: float) -> Camera:
    """One camera, its image plane resampled by `scale`."""
    params = np.array(params)
    params[:2] *= scale
    params[2:4] = (params[2:4] + 0.5) * scale - 0.5
    return Camera(
        CameraModel.PINHOLE_RADTAN,
        round(WIDTH * scale),
        round(HEIGHT * scale),
        params,
        np.array(T_imu_cam),
        CAMERA_HZ,
    )
