"""A recording on a desk: `ros2 launch vio euroc.launch.py dataset:=MH_01_easy`.

Player, stack, and on request RViz and a recording of the results; ends with the recording.
"""

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from vio.ros.dds import environment

ARGUMENTS = {
    "dataset": (None, "EuRoC folder, ROS 1 .bag or rosbag2 folder"),
    "calibration": ("", "calibration; default: beside the recording"),
    "composed": ("true", "one process, or three with false"),
    "params": ("default.yaml", "parameter file: a path, or a file of the package's config folder"),
    "rate": ("1.0", "speed of the player"),
    "lockstep": ("false", "wait for the odometry of each frame instead"),
    "seconds": ("0.0", "how much to play; 0 is all"),
    "mono": ("false", "use the left camera only"),
    "rviz": ("false", "show it in RViz"),
    "out": ("", "folder for the trajectory received; none by default"),
    "record": ("false", "also record the results to rosbag2, in `out`"),
}


def is_true(text):
    return text.strip().lower() in ("true", "1", "yes", "on")


def actions(context):
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    share = FindPackageShare("vio")
    stack = {
        "calibration": given["calibration"] or given["dataset"],
        "composed": given["composed"],
        "params": given["params"],
        "mono": given["mono"],
        "reliability": "reliable",
        "use_sim_time": "true",
    }
    player = Node(
        package="vio",
        executable="dataset_player",
        name="dataset_player",
        output="screen",
        parameters=[
            {
                "dataset": given["dataset"],
                "calibration": given["calibration"],
                "rate": float(given["rate"]),
                "lockstep": is_true(given["lockstep"]),
                "seconds": float(given["seconds"]),
                "mono": is_true(given["mono"]),
                "out": given["out"],
                "imu_listeners": 1 if is_true(given["composed"]) else 2,
                "odometry_listeners": 2 if is_true(given["record"]) else 1,
            }
        ],
    )
    made = [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(PathJoinSubstitution([share, "launch", "vio.launch.py"])),
            launch_arguments=stack.items(),
        )
    ]
    if is_true(given["record"]):
        made.append(
            Node(
                package="vio",
                executable="recorder",
                name="recorder",
                output="screen",
                parameters=[{"out": given["out"] or "vio-record"}],
            )
        )
    if is_true(given["rviz"]):
        made.append(
            Node(
                package="rviz2",
                executable="rviz2",
                name="rviz2",
                arguments=["-d", PathJoinSubstitution([share, "rviz", "vio.rviz"])],
                parameters=[{"use_sim_time": True}],
            )
        )
    end = EmitEvent(event=Shutdown(reason="the recording has been played"))
    return [
        *made,
        RegisterEventHandler(OnProcessExit(target_action=player, on_exit=[end])),
        player,
    ]


def generate_launch_description():
    return LaunchDescription(
        [
            *[
                DeclareLaunchArgument(name, default_value=value, description=text)
                for name, (value, text) in ARGUMENTS.items()
            ],
            *[SetEnvironmentVariable(name, value) for name, value in environment().items()],
            OpaqueFunction(function=actions),
        ]
    )
