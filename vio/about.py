"""Facts for `vio info`: versions, the kernel cache, a recording and its rig."""

from dataclasses import asdict

import numpy as np

from vio import runfolder
from vio._jit import cache_dir, cache_root
from vio.types import CameraModel
from vio.warm import is_cold


def describe(dataset=None) -> dict:
    """Plain values only (str, float, list, dict), ready for YAML or JSON."""
    files = [path for path in cache_dir().rglob("*") if path.is_file()]
    facts = {
        "versions": runfolder.versions(),
        "cache": {
            "folder": str(cache_root()),
            "kernels": str(cache_dir()),
            "kernels_mb": round(sum(path.stat().st_size for path in files) / 1e6, 1),
            "compiled": not is_cold(),
        },
    }
    if dataset is not None:
        facts["recording"] = describe_dataset(dataset)
    return facts


def describe_dataset(dataset) -> dict:
    """Length, rates and calibration of a recording."""
    stamps = np.asarray(dataset.camera_stamps_ns, np.int64)
    rig = dataset.rig
    cameras = {"cam0": rig.cam0, "cam1": rig.cam1}
    return {
        "name": dataset.name,
        "frames": len(stamps),
        "seconds": float(stamps[-1] - stamps[0]) / 1e9 if len(stamps) else 0.0,
        "ground_truth": 0 if dataset.truth is None else len(dataset.truth),
        "faults": {str(name): int(count) for name, count in dataset.faults.items()},
        "imu": asdict(rig.imu),
        "time_offset_s": rig.time_offset_s,
        **{name: describe_camera(camera) for name, camera in cameras.items() if camera},
    }


def describe_camera(camera) -> dict:
    """One camera as plain values; T_imu_cam row by row."""
    return {
        "model": CameraModel(camera.model).name.lower(),
        "size_px": [int(camera.width), int(camera.height)],
        "rate_hz": float(camera.rate_hz),
        "params": np.asarray(camera.params).round(9).tolist(),
        "T_imu_cam": np.asarray(camera.T_imu_cam).round(9).tolist(),
    }
