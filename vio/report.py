"""Figures for people: the table at the end of a run."""

from rich.table import Table

ROWS = {
    "frames": ("frames", "1", "d"),
    "coverage": ("coverage", "%", ".1f"),
    "init_time_s": ("first pose after", "s", ".2f"),
    "keyframes": ("keyframes", "1", "d"),
    "poses": ("poses with ground truth", "1", "d"),
    "path_length_m": ("path length", "m", ".2f"),
    "ate_rmse_m": ("ATE, RMSE", "m", ".4f"),
    "ate_mean_m": ("ATE, mean", "m", ".4f"),
    "ate_median_m": ("ATE, median", "m", ".4f"),
    "ate_max_m": ("ATE, largest", "m", ".4f"),
    "ate_yaw_rmse_m": ("ATE, RMSE, aligned in yaw only", "m", ".4f"),
    "drift_percent": ("drift", "% of path", ".3f"),
    "end_drift_percent": ("error at the end", "% of path", ".3f"),
    "rpe_1s_rmse_m": ("RPE over 1 s", "m", ".4f"),
    "rpe_1s_rmse_deg": ("RPE over 1 s", "deg", ".3f"),
    "rpe_1m_rmse_m": ("RPE over 1 m", "m", ".4f"),
    "rpe_1m_rmse_deg": ("RPE over 1 m", "deg", ".3f"),
    "scale_error_percent": ("scale error", "%", ".3f"),
    "nees_position_mean": ("NEES of position (3 is ideal)", "1", ".2f"),
    "nees_yaw_mean": ("NEES of yaw (1 is ideal)", "1", ".2f"),
    "cpu_ms_per_frame_mean": ("CPU per frame, mean", "ms", ".2f"),
    "cpu_ms_per_frame_p99": ("CPU per frame, 99 %", "ms", ".2f"),
    "energy_uj_per_frame_mean": ("energy per frame, mean", "uJ", ".1f"),
    "energy_uj_per_frame_p99": ("energy per frame, 99 %", "uJ", ".1f"),
    "energy_uj_per_keyframe": ("energy per keyframe", "uJ", ".1f"),
    "realtime_factor": ("speed", "x real time", ".2f"),
    "peak_rss_mb": ("peak memory", "MB", ".0f"),
}
"""Key in metrics.json: (label, unit, format)."""


def table(metrics: dict, title: str) -> Table:
    """(metric, value, unit) of everything known, with faults at the end."""
    shown = Table("metric", title=title, title_justify="left")
    shown.add_column("value", justify="right")
    shown.add_column("unit")
    for key, (label, unit, form) in ROWS.items():
        value = metrics.get(key)
        if value is not None:
            scale = 100 if key == "coverage" else 1
            shown.add_row(label, format(scale * value, form), unit)
    for group, unit in (("status_counts", "frames"), ("faults", "1")):
        for name, count in metrics.get(group, {}).items():
            if count:
                shown.add_row(name.replace("_", " "), str(count), unit)
    return shown
