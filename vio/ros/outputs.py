"""What the estimator says, as topics: odometry, pose, path, landmarks, transforms, bill."""

import math
from collections import deque
from functools import partial

import numpy as np
from geometry_msgs.msg import PoseWithCovarianceStamped
from nav_msgs.msg import Odometry, Path
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Float64MultiArray

from vio.geometry.camera import unproject
from vio.ros import convert, qos
from vio.ros.diagnostics import STEADY
from vio.ros.pose import BasePose, base_from_imu

try:
    from tf2_msgs.msg import TFMessage
except ModuleNotFoundError:  # not among the wheels; every ROS distribution has it
    TFMessage = None

PATH_STEP_M = 0.05


class Outputs:
    """Publishers of the frame-rate results.

    Args:
        node: to publish with. rig, settings: of the node.
    """

    def __init__(self, node, rig, settings):
        self.rig, self.settings = rig, settings
        self.base = BasePose(base_from_imu(settings), rig.imu)
        make = partial(qos.publisher, node)
        self.odometry = make(Odometry, "vio/odometry", qos.results())
        self.pose = make(PoseWithCovarianceStamped, "vio/pose", qos.results())
        self.path = make(Path, "vio/path", qos.results(1))
        self.landmarks = make(PointCloud2, "vio/landmarks", qos.results(1))
        self.bill = make(Float64MultiArray, "vio/bill", qos.results())
        self.tf = None
        if settings.publish_tf and TFMessage is not None:
            self.tf = make(TFMessage, "/tf", qos.results())
        elif settings.publish_tf:
            node.get_logger().warning(
                "no tf2_msgs here, so no /tf; install tf2_msgs, or set publish_tf:=false"
            )
        if settings.publish_static_tf and TFMessage is not None:
            self.static = make(TFMessage, "/tf_static", qos.latched())
            self.static.publish(TFMessage(transforms=static_transforms(rig, settings)))
        unproject(int(rig.cam0.model), rig.cam0.params, 0.0, 0.0)  # load it now, not in flight
        self.poses = deque(maxlen=settings.path_length)
        if settings.publish_path:
            node.create_timer(1.0, self.send_path, clock=STEADY)

    def send(self, estimate, gyro):
        """Odometry first: the rest does not wait for anything but it may."""
        s = self.settings
        state = self.base.of(estimate, gyro)
        message = convert.odometry_message(state, s.odom_frame, s.base_frame)
        self.odometry.publish(message)
        if self.pose.get_subscription_count():
            self.pose.publish(convert.pose_with_covariance(message))
        if estimate.usable:  # the last transform grows old when there is no new one
            if self.tf is not None:
                self.tf.publish(TFMessage(transforms=[convert.transform_of(message)]))
            self.remember(message)

    def remember(self, message):
        """Add a pose to the path once the base has moved a little."""
        new = convert.pose_stamped(message)
        if self.poses:
            a, b = self.poses[-1].pose.position, new.pose.position
            if math.dist((a.x, a.y, a.z), (b.x, b.y, b.z)) < PATH_STEP_M:
                return
        self.poses.append(new)

    def send_path(self):
        """The path so far, if somebody listens."""
        poses = list(self.poses)
        if poses and self.path.get_subscription_count():
            self.path.publish(Path(header=poses[-1].header, poses=poses))

    def send_landmarks(self, tracks, feedback):
        """Landmarks in view, in odom, if somebody listens."""
        listened = self.settings.publish_landmarks and self.landmarks.get_subscription_count()
        if listened and feedback.ids.size:
            points = landmark_points(self.rig.cam0, tracks, feedback)
            message = convert.cloud_message(tracks.t_ns, points, self.settings.odom_frame)
            self.landmarks.publish(message)

    def send_bill(self, bill):
        """The bill of one frame, if somebody listens."""
        if self.bill.get_subscription_count():
            self.bill.publish(convert.bill_message(bill))

    def clear(self):
        """Begin a new path."""
        self.poses.clear()


def landmark_points(camera, tracks, feedback) -> np.ndarray:
    """(n, 3) landmarks in the world [m]: features with a known depth, seen from the new pose."""
    _, seen, known = np.intersect1d(tracks.ids, feedback.ids, return_indices=True)
    e, T = feedback.estimate, camera.T_imu_cam
    rays = np.ones((len(seen), 3))
    for ray, (u, v) in zip(rays, tracks.uv0[seen].astype(float)):
        ray[:2] = unproject(int(camera.model), camera.params, u, v)
    points_cam = rays / np.maximum(feedback.inv_depth[known, None], 1e-6)
    points_imu = points_cam @ T[:3, :3].T + T[:3, 3]
    return points_imu @ e.R_world_imu.T + e.p_world_imu


def static_transforms(rig, settings) -> list:
    """base -> imu -> cameras."""
    s = settings
    found = [convert.static_transform(base_from_imu(s), s.base_frame, s.imu_frame)]
    for camera, name in ((rig.cam0, s.cam0_frame), (rig.cam1, s.cam1_frame)):
        if camera is not None:
            found.append(convert.static_transform(camera.T_imu_cam, s.imu_frame, name))
    return found


class ImuRateOutput:
    """Odometry at the rate of the IMU."""

    def __init__(self, node, rig, settings, propagator):
        self.settings, self.propagator = settings, propagator
        self.base = BasePose(base_from_imu(settings), rig.imu)
        self.publisher = qos.publisher(node, Odometry, "vio/imu_odometry", qos.results(1000))

    def take(self, sample):
        """Carry the state on by an ImuSample and send it, if somebody listens."""
        moved = self.propagator.add(sample)
        if moved is not None and self.publisher.get_subscription_count():
            s = self.settings
            state = self.base.of(*moved)
            self.publisher.publish(convert.odometry_message(state, s.odom_frame, s.base_frame))
