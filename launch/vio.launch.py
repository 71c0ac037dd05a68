"""The odometry on a robot: `ros2 launch vio vio.launch.py calibration:=camchain-imucam.yaml`.

One process by default; `composed:=false` runs the three halves apart. An argument left empty
leaves the value to the parameter file; one that is given beats it.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from vio.ros.dds import environment

ARGUMENTS = {
    "composed": (
        "true",
        "one process; false: feature_tracker, imu_preintegrator, window_optimizer",
    ),
    "params": ("default.yaml", "parameter file: a path, or a file of the package's config folder"),
    "namespace": ("", "namespace of every node and relative topic"),
    "cam0_topic": ("cam0/image_raw", "images of the left camera"),
    "cam1_topic": ("cam1/image_raw", "images of the right camera"),
    "imu_topic": ("imu0", "IMU"),
    "log_level": ("info", "debug, info, warn or error"),
    "calibration": ("", "EuRoC folder or Kalibr camchain yaml of the rig"),
    "config": ("", "YAML of settings, as for `vio run --config`"),
    "reliability": ("", "QoS asked of the sensors: best_effort or reliable"),
    "use_sim_time": ("", "true: follow /clock, for recordings"),
    "mono": ("", "true: use the left camera only"),
    "publish_tf": ("", "false: leave odom -> base to somebody else"),
    "target": ("", "energy target of the bill, name or file"),
    "annotate": ("", "true: send the left image with its features (composed:=false)"),
}
TEXTS = ("calibration", "config", "reliability", "target")
SWITCHES = ("use_sim_time", "mono", "publish_tf", "annotate")
SPLIT = ("feature_tracker", "imu_preintegrator", "window_optimizer")


def is_true(text):
    return text.strip().lower() in ("true", "1", "yes", "on")


def nodes(context):
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    values = {name: given[name] for name in TEXTS if given[name]}
    values.update({name: is_true(given[name]) for name in SWITCHES if given[name]})
    file = PathJoinSubstitution([FindPackageShare("vio"), "config", given["params"]])
    return [
        Node(
            package="vio",
            executable=name,
            name=name,
            namespace=given["namespace"],
            output="screen",
            parameters=[file, *([values] if values else [])],  # the later one wins
            remappings=[
                ("cam0/image_raw", given["cam0_topic"]),
                ("cam1/image_raw", given["cam1_topic"]),
                ("imu0", given["imu_topic"]),
            ],
            arguments=["--ros-args", "--log-level", given["log_level"]],
        )
        for name in (("vio_node",) if is_true(given["composed"]) else SPLIT)
    ]


def generate_launch_description():
    return LaunchDescription(
        [
            *[
                DeclareLaunchArgument(name, default_value=value, description=text)
                for name, (value, text) in ARGUMENTS.items()
            ],
            # for camera drivers included after this file: they are the ones that need it
            *[SetEnvironmentVariable(name, value) for name, value in environment().items()],
            OpaqueFunction(function=nodes),
        ]
    )
