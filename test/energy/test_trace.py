"""Runs the traced kernels in a process without the compiler, and holds the list of them."""

import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FILES = "traced.py", "traced_front.py", "traced_buffers.py", "traced_cache.py"
INSIDE = {  # traced as parts of a kernel that calls them
    "free", "copy", "copy_row", "exp", "log", "right_jacobian", "right_jacobian_inverse",
    "_jacobian", "multiply", "multiply_tn", "normalise", "_step", "add_squares",
    "reduce_rows", "_whitening",
    "camera_poses", "stand", "view", "gather", "root", "first_pose", "eliminate", "_spread",
    "_subtract", "add_pairs", "to_body", "_turn_block", "_pivot", "touched", "huber",
    "imu_residual", "still_residual", "misfit", "_mean", "add_factor", "_row", "offset_from_lin",
    "full_layout", "sync_lin", "retract", "copy_state", "dot", "cholesky", "forward", "backward",
    "layout", "_write", "get_nibble", "encode_rows", "load_region", "decode_line", "put_pixels",
    "subtract_above", "encode_finest", "halve_row", "unpack_template", "steepest_descent",
    "project_patch", "project_bent", "is_bent", "total",
    "project", "project_jacobian", "unproject", "next_random", "_off_line",
    "assemble", "solve_all", "column_ranges", "block_ranges", "quantise", "expand", "pack",
    "two_fours", "four_twos", "four_ones", "four_codes", "put_details",
    "fold_columns", "block_means", "nearest", "pack_indices", "repeat", "repeat_scale",
    "pack_signs", "pack_sizes", "cut_template",
    "load_blocks", "load_finest", "box_around", "inside", "gradient_row", "add_products",
    "take_prior", "take_products", "score_row", "apart", "median", "place",
}  # fmt: skip
TRACED = {
    "calibrate",
    "receive", "take_templates", "mark_stale", "align", "search_epipolar", "detect", "occupy",
    "choose", "transfer", "count_moved", "undistort", "inverse_depth", "ransac_translation",
    "preintegrate", "linearise", "relax", "linearise_motion", "linearise_prior", "optimise",
    "solve", "covariance", "held_back", "take_depths", "settle", "retain",
    "renew", "hand_on", "spread", "advance", "depths", "observe", "start", "activate", "reject",
    "mark_stale_intervals", "mark_leaving", "choose_keyframe", "clear_left", "shrink",
    "fold_displaced", "fold_turn", "fold_motion",
}  # fmt: skip
NO_PART = {"propagate"}
"""Runs between frames, for odometry at the IMU's rate: no part of a frame's bill."""


def test_traced_kernels_do_what_their_models_say():
    """All files at once: without the compiler each takes a while."""
    words = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider"]
    words += ["-p", "energy.overlap"]
    plain = {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'test'}"}
    how = {"cwd": ROOT, "env": os.environ | plain, "text": True}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    running = [subprocess.Popen([*words, str(HERE / name)], **how, **pipes) for name in FILES]
    told = [process.communicate()[0] for process in running]
    for process, out in zip(running, told):
        assert process.returncode == 0, out[-4000:]


def test_no_kernel_is_left_out():
    found = set()
    for folder in ("frontend", "geometry", "imu", "window"):
        for path in (ROOT / "vio" / folder).glob("*.py"):
            found |= set(re.findall(r"^@kernel\ndef (\w+)", path.read_text(), re.M))
    assert found == TRACED | INSIDE | NO_PART
