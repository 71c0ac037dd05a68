"""The one owner of the metadata; colcon and pip both read it here."""

import re
from glob import glob
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "vio" / "__init__.py").read_text()).group(1)

NODES = (
    "vio_node",
    "feature_tracker",
    "imu_preintegrator",
    "window_optimizer",
    "dataset_player",
    "recorder",
)

setup(
    name="vio",
    version=VERSION,
    description="Stereo visual-inertial odometry that bills every frame in bytes and microjoules",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="vio developers",
    maintainer="vio developers",
    maintainer_email="vio@example.org",
    license="BSD-3-Clause",
    python_requires=">=3.10",
    packages=find_packages(include=["vio", "vio.*"]),
    package_data={"vio": ["*/*.json"]},
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/vio"]),
        ("share/vio", ["package.xml"]),
        ("share/vio/config", sorted(glob("config/*.*"))),
        *[(f"share/vio/{d}", sorted(glob(f"{d}/*"))) for d in sorted(glob("config/*/"))],
        ("share/vio/launch", sorted(glob("launch/*.launch.py"))),
        ("share/vio/rviz", sorted(glob("rviz/*.rviz"))),
    ],
    install_requires=[
        "setuptools",
        "numpy>=1.26",
        "scipy>=1.11",
        "numba>=0.59",
        "opencv-python>=4.8",
        "pyyaml>=6.0",
        "rosbags>=0.10",
        "typer>=0.12",
        "tqdm>=4.60",
        "rich>=13.0",
        "matplotlib>=3.7",
        "joblib>=1.3",
    ],
    extras_require={
        "ros": [
            "ros-rclpy[fastrtps]",
            "ros-sensor-msgs",
            "ros-nav-msgs",
            "ros-geometry-msgs",
            "ros-std-msgs",
            "ros-diagnostic-msgs",
            "ros-std-srvs",
            "ros-rosgraph-msgs",
        ],
        "viz": ["rerun-sdk>=0.23"],
        "test": ["pytest>=7.4", "evo>=1.28"],
    },
    entry_points={
        "console_scripts": [
            "vio = vio.cli:main",
            *[f"{node} = vio.ros.{node}:main" for node in NODES],
        ]
    },
    zip_safe=False,
)
