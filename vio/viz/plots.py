"""Pictures of a finished run, drawn with matplotlib without a screen."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402  the backend comes first
import numpy as np  # noqa: E402
from matplotlib.collections import LineCollection  # noqa: E402

from vio.eval.align import align  # noqa: E402
from vio.eval.trajectory import Trajectory, associate, from_truth  # noqa: E402

TRUTH, ESTIMATE = "0.45", "tab:blue"
FEW_POSES = 3


def save_trajectory(path, poses, truth=None):
    """Top view, height and error over time.

    Args:
        path: PNG to write.
        poses: (N, 7) t_ns, p_world_imu [m], standard deviation of the position [m].
        truth: TRUTH_DTYPE array or None; without it the error panel shows the deviation only.
    """
    t_ns, p, std = poses[:, 0].astype(np.int64), poses[:, 1:4], poses[:, 4:7]
    t = (t_ns - t_ns[0]) / 1e9
    identity = np.tile([0.0, 0.0, 0.0, 1.0], (len(t_ns), 1))
    estimate = Trajectory(t_ns, p, identity)
    reference = from_truth(truth)
    figure = plt.figure(figsize=(11, 5.5), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=[1.1, 1])
    top, height = figure.add_subplot(grid[:, 0]), figure.add_subplot(grid[0, 1])
    error = figure.add_subplot(grid[1, 1], sharex=height)

    paired = None
    if reference is not None:
        paired, reference = associate(estimate, reference)
        if len(paired.t_ns) >= FEW_POSES:
            estimate = align(paired.p, reference.p, "yaw").apply(estimate)
            paired = align(paired.p, reference.p, "yaw").apply(paired)
            t_paired = (paired.t_ns - t_ns[0]) / 1e9
            top.plot(*reference.p[:, :2].T, color=TRUTH, lw=3, alpha=0.6, label="ground truth")
            height.plot(t_paired, reference.p[:, 2], color=TRUTH, lw=3, alpha=0.6)
            distance = np.linalg.norm(paired.p - reference.p, axis=1)
            error.plot(t_paired, 100 * distance, color="tab:red", label="error")
    top.plot(*estimate.p[:, :2].T, color=ESTIMATE, lw=1.2, label="vio")
    top.plot(*estimate.p[0, :2], "o", color=ESTIMATE, ms=6, label="start")
    height.plot(t, estimate.p[:, 2], color=ESTIMATE, lw=1.2)
    predicted = 100 * np.linalg.norm(std, axis=1)
    error.plot(t, predicted, "--", color="0.3", lw=1, label="predicted (1 σ)")
    top.set(xlabel="x [m]", ylabel="y [m]", title="from above")
    top.set_aspect("equal", adjustable="datalim")
    height.set(ylabel="height [m]", title="height")
    error.set(xlabel="time [s]", ylabel="error [cm]", title="position error", ylim=(0, None))
    for axes in (top, height, error):
        axes.grid(alpha=0.25)
    top.legend(loc="best"), error.legend(loc="best")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def save_features(path, images, tracks, recent, matched):
    """The left image with feature trails, the right one with its stereo matches.

    Args:
        path: PNG to write.
        images: [cam0, cam1], (H, W) uint8; cam1 may be None.
        tracks: Tracks of this frame. recent: [(ids, uv0)] of the last frames, oldest first.
        matched: number of stereo matches, for the title.
    """
    shown = [image for image in images if image is not None]
    height, width = shown[0].shape
    figure, all_axes = plt.subplots(
        1,
        len(shown),
        figsize=(7.5 * len(shown), 7.5 * height / width + 0.4),
        layout="constrained",
        squeeze=False,
    )
    color = plt.get_cmap("viridis")(np.clip(tracks.ages / 40, 0, 1))
    for axes, image, uv, title in zip(
        all_axes[0],
        shown,
        (tracks.uv0, tracks.uv1),
        (f"left: {len(tracks.ids)} tracks, lighter = older", f"right: {matched} stereo matches"),
        strict=False,
    ):
        axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        axes.scatter(*uv.T, s=14, facecolors="none", edgecolors=color, linewidths=1.2)
        axes.set(title=title, xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    segments, colors = trails(tracks.ids, color, recent)
    all_axes[0, 0].add_collection(LineCollection(segments, colors=colors, linewidths=1))
    figure.savefig(path, dpi=100)
    plt.close(figure)


def trails(ids, color, recent):
    """Line pieces between consecutive positions of the features `ids`, and their colours."""
    row_of = {feature: row for row, feature in enumerate(ids.tolist())}
    segments, colors = [], []
    for (ids0, uv0), (ids1, uv1) in zip(recent, recent[1:]):
        before = dict(zip(ids0.tolist(), uv0))
        for feature, end in zip(ids1.tolist(), uv1):
            if feature in row_of and feature in before:
                segments.append((before[feature], end))
                colors.append(color[row_of[feature]])
    return segments, colors
