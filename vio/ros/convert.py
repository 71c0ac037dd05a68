"""Messages to packets and back: the only file that knows both.

Stamps stay integers; images are views into the message, nothing is copied twice.
"""

import array

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped, TransformStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Image, Imu, PointCloud2, PointField
from std_msgs.msg import Float64MultiArray, MultiArrayDimension

from vio.eval.trajectory import quaternion
from vio.io.images import gray_from_raw
from vio.ros import packing
from vio.ros.pose import KNOWN_VARIANCE, BaseState
from vio.types import CameraImage, ImuSample


def to_ns(stamp: Time) -> int:
    """Time [ns]."""
    return stamp.sec * 10**9 + stamp.nanosec


def to_time(t_ns: int) -> Time:
    """Time message of a stamp [ns]."""
    seconds, nanoseconds = divmod(int(t_ns), 10**9)
    return Time(sec=seconds, nanosec=nanoseconds)


def imu_sample(message: Imu) -> ImuSample:
    """A sample of an Imu message; orientation is not used."""
    w, a = message.angular_velocity, message.linear_acceleration
    return ImuSample(
        to_ns(message.header.stamp), np.array([w.x, w.y, w.z]), np.array([a.x, a.y, a.z])
    )


def imu_message(sample: ImuSample, frame: str) -> Imu:
    """An Imu message without orientation (REP-145)."""
    message = Imu()
    stamp(message, sample.t_ns, frame)
    w, a = message.angular_velocity, message.linear_acceleration
    w.x, w.y, w.z = map(float, sample.gyro)
    a.x, a.y, a.z = map(float, sample.accel)
    message.orientation_covariance[0] = -1.0
    return message


def camera_image(message: Image, cam: int, topic: str) -> CameraImage:
    """A gray image of an Image message; one without pixels is one that could not be decoded.

    Raises:
        VioError: the encoding is not supported.
    """
    t_ns = to_ns(message.header.stamp)
    if message.height == 0:
        return CameraImage(t_ns, cam, None)
    image = gray_from_raw(
        message.data, message.encoding, message.height, message.width, message.step,
        bool(message.is_bigendian), f"topic {topic}",
    )  # fmt: skip
    return CameraImage(t_ns, cam, image)


def image_message(t_ns: int, image: np.ndarray | None, frame: str) -> Image:
    """(H, W) mono8 or (H, W, 3) bgr8 uint8 as an Image; None travels without pixels."""
    message = Image()
    stamp(message, t_ns, frame)
    message.encoding = "mono8" if image is None or image.ndim == 2 else "bgr8"
    if image is not None:
        message.height, message.width = image.shape[:2]
        message.step = image.strides[0]
        message.data.frombytes(np.ascontiguousarray(image).data.cast("B"))
    return message


def record_message(schema: dict, values: dict, t_ns: int, frame: str) -> PointCloud2:
    """A record of vio.ros.packing as a cloud of one point."""
    fields, data = packing.pack(schema, values)
    message = PointCloud2(height=1, width=1, point_step=len(data), row_step=len(data))
    stamp(message, t_ns, frame)
    message.is_bigendian = False
    message.is_dense = True
    message.fields = [PointField(name=n, offset=o, datatype=d, count=c) for n, o, d, c in fields]
    message.data = array.array("B", data)
    return message


def record_values(schema: dict, message: PointCloud2) -> dict:
    """Values of a record message.

    Raises:
        ValueError: the message is not of this schema.
    """
    fields = [(f.name, f.offset, f.datatype, f.count) for f in message.fields]
    return packing.unpack(schema, fields, message.data)


def odometry_message(state: BaseState, odom_frame: str, base_frame: str) -> Odometry:
    """nav_msgs/Odometry: pose in odom, twist in base."""
    message = Odometry(child_frame_id=base_frame)
    stamp(message, state.t_ns, odom_frame)
    set_pose(message.pose.pose, state.p, state.R)
    message.pose.covariance = state.pose_cov.ravel()
    linear, angular = message.twist.twist.linear, message.twist.twist.angular
    linear.x, linear.y, linear.z = map(float, state.linear)
    angular.x, angular.y, angular.z = map(float, state.angular)
    message.twist.covariance = state.twist_cov.ravel()
    return message


def known(message: Odometry) -> bool:
    """Whether the pose may be used: its covariance says so."""
    return message.pose.covariance[0] < KNOWN_VARIANCE


def pose_of(message: Odometry):
    """(t_ns, p (3,), quat_xyzw (4,)) of an Odometry message."""
    p, q = message.pose.pose.position, message.pose.pose.orientation
    return to_ns(message.header.stamp), np.array([p.x, p.y, p.z]), np.array([q.x, q.y, q.z, q.w])


def pose_with_covariance(odometry: Odometry) -> PoseWithCovarianceStamped:
    """The pose of an Odometry message."""
    return PoseWithCovarianceStamped(header=odometry.header, pose=odometry.pose)


def pose_stamped(odometry: Odometry) -> PoseStamped:
    """The pose of an Odometry message, without covariance."""
    return PoseStamped(header=odometry.header, pose=odometry.pose.pose)


def transform_of(odometry: Odometry) -> TransformStamped:
    """odom -> base of an Odometry message."""
    message = TransformStamped(header=odometry.header, child_frame_id=odometry.child_frame_id)
    p, t = odometry.pose.pose.position, message.transform.translation
    t.x, t.y, t.z = p.x, p.y, p.z
    message.transform.rotation = odometry.pose.pose.orientation
    return message


def static_transform(T: np.ndarray, parent: str, child: str) -> TransformStamped:
    """T_parent_child (4, 4) as a transform."""
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    t, q = message.transform.translation, message.transform.rotation
    t.x, t.y, t.z = map(float, T[:3, 3])
    q.x, q.y, q.z, q.w = quaternion(T[:3, :3])
    return message


def cloud_message(t_ns: int, points: np.ndarray, frame: str) -> PointCloud2:
    """(N, 3) points [m] as a cloud with fields x, y, z."""
    points = np.ascontiguousarray(points, "<f4")
    message = PointCloud2(height=1, width=len(points), point_step=12, row_step=12 * len(points))
    stamp(message, t_ns, frame)
    message.fields = [
        PointField(name=n, offset=4 * i, datatype=PointField.FLOAT32, count=1)
        for i, n in enumerate("xyz")
    ]
    message.is_dense = True
    message.data = array.array("B", points.tobytes())
    return message


def bill_message(bill: dict) -> Float64MultiArray:
    """Named numbers as an array whose dimensions carry the names, for plotting."""
    message = Float64MultiArray(data=[float(value) for value in bill.values()])
    message.layout.dim = [MultiArrayDimension(label=name, size=1, stride=1) for name in bill]
    return message


def stamp(message, t_ns: int, frame: str):
    """Fill a header."""
    message.header.stamp = to_time(t_ns)
    message.header.frame_id = frame


def set_pose(pose, p, R):
    """Fill a Pose from p (3,) and R (3, 3)."""
    pose.position.x, pose.position.y, pose.position.z = map(float, p)
    q = pose.orientation
    q.x, q.y, q.z, q.w = quaternion(R)
