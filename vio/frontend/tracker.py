"""FeatureTracker: images in, tracks out. Owns its buffers and calls the kernels in order.

    receive -> predict -> align -> RANSAC -> stereo -> (keyframe: detect, templates, search)

It knows nothing of the window: what it needs from there arrives as a `Prediction`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vio.events import INDEX
from vio.frontend import codec, detect, encode, features, klt, outliers, predict, stereo
from vio.frontend.tables import Scratch, Stream, TrackTable, grid_shape, level_bits, reduced
from vio.geometry.camera import undistort
from vio.types import Tracks

FOUND = INDEX["klt_found"] - INDEX["klt_regions"]
"""Place of the features found in what `klt.align` returns."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Motion of cam0 since the last tracked frame, from the IMU.

    Attributes:
        R_cam_prev: (3, 3), p_cam_prev: (3,) m: previous cam0 to current cam0.
        confident: whether the translation and the gyro bias are known.
        ids, inv_depth: (n,) tracks with a landmark and its inverse depth in the previous cam0.
        quiet: whether the IMU feels no motion.
        held: () -> (R_cam_prev, p_cam_prev) if the turn went on as before: a second guess, or None.
    """

    R_cam_prev: np.ndarray
    p_cam_prev: np.ndarray
    confident: bool
    ids: np.ndarray
    inv_depth: np.ndarray
    quiet: bool
    held: Callable | None = None


class FeatureTracker:
    """Follows up to `max_features` features through the images of one rig."""

    def __init__(self, rig, config, seed, arena):
        rig = reduced(rig, config.reduce)  # from here on pixels are those of the reduced image
        self.rig, self.config, self.seed = rig, config, seed
        self.tracks = t = arena.group("track", TrackTable)
        self.places = t.id, t.uv0, t.uv1, t.ray_key  # what a feature that leaves must clear
        self.scratch = arena.group("front", Scratch)
        self.grid = grid_shape(rig, config)
        self.stream = arena.group("stream", Stream)
        self.scores = self.stream.scale.view(np.float32)  # free once an image is in
        table, _ = codec.layout(rig.cam0.height, rig.cam0.width, level_bits(config))
        self.frame = arena["frame"], table  # one image at a time: features are kept as templates
        if rig.cam1 is not None:
            T_cam1_cam0 = np.linalg.inv(rig.cam1.T_imu_cam) @ rig.cam0.T_imu_cam
            self.R_cam1_cam0 = np.ascontiguousarray(T_cam1_cam0[:3, :3])
            self.p_cam1_cam0 = np.ascontiguousarray(T_cam1_cam0[:3, 3])
        self.rng = np.zeros(1, np.uint64)
        self.klt_params = np.array(
            [config.klt_iterations, config.klt_step_px, config.klt_correlation, config.klt_texture],
            np.float32,
        )
        self.reset()

    def reset(self):
        """Forget every feature."""
        self.tracks.id[:] = -1
        self.tracks.uv0[:] = np.nan
        self.tracks.uv1[:] = np.nan
        self.tracks.ray_key[:] = np.nan
        self.next_id = 0
        self.n_key = 0
        self.R_cam_key = np.eye(3)
        self.turn_known = True
        self.left_alone = 0  # frames since the last look at cam1

    def process(self, frame, prediction, tally) -> Tracks:
        """Track into `frame` (StereoFrame with cam0 present); tallies go to `tally`."""
        self.receive(frame.cam0, tally)
        self.follow(prediction, tally)
        self.reject_outliers(prediction, frame.index, tally)
        still = prediction.quiet and self.stands(tally)
        keyframe = self.wants_keyframe(still, tally)
        if keyframe:
            self.refresh_templates(tally)
            self.detect(tally)
        stereo = self.rig.cam1 is not None and frame.cam1 is not None
        if stereo and self.looks_right(prediction, keyframe):
            self.receive(frame.cam1, tally)
            self.match_stereo(keyframe, tally)
        else:
            self.tracks.uv1[:] = np.nan
            tally.add(passed_px=frame.cam1.size if stereo else 0)
        if keyframe:
            self.start_keyframe(tally)
        return self.snapshot(frame.t_ns, keyframe, still, stereo, tally)

    def looks_right(self, prediction, keyframe) -> bool:
        """Whether cam1 is looked at: between keyframes it adds little (decision 0009)."""
        self.left_alone += 1
        due = self.left_alone >= self.config.stereo_every
        looks = due or keyframe or not prediction.confident
        if looks:
            self.left_alone = 0
        return looks

    def stands(self, tally) -> bool:
        """Whether most features are where they were in the last frame."""
        s, limit = self.scratch, self.config.still_px / self.rig.cam0.params[0]
        both, moved = predict.count_moved(s.rays_a, s.rays_b, np.eye(3), limit)
        tally.put("still_checks", (1, both))
        return both > 5 and 2 * moved < both

    def receive(self, image, tally):
        """Stream one image into the compressed frame, in place of the one before."""
        done = encode.receive(image, self.config.reduce, *self.frame, *self.stream)
        tally.put("sensor_px", done)

    def follow(self, prediction, tally):
        """Predict where every feature went and align its template there."""
        tracks, s, cam, config = self.tracks, self.scratch, self.rig.cam0, self.config
        taken = features.take_depths(
            tracks.id, prediction.ids, prediction.inv_depth, tracks.inv_depth
        )
        top = config.levels - 1
        s.first_level[:] = top
        if prediction.confident and config.confident_level < top:
            s.first_level[tracks.inv_depth > 0] = config.confident_level
        undistort(int(cam.model), cam.params, tracks.uv0, s.rays_a, s.weights)
        R, p = prediction.R_cam_prev, prediction.p_cam_prev
        self.turn_known = prediction.held is None or prediction.confident
        found, given = self.align(R, p, tally)
        if not self.turn_known or (prediction.held is not None and 2 * found < given):
            guess = prediction.held()
            if self.align(*guess, tally)[0] > found:
                R, self.turn_known = guess[0], False
            else:
                self.align(R, p, tally)
        features.settle(tracks.score, s.uv_next, s.warp_next, *self.places, tracks.warp)
        self.R_cam_key = R @ self.R_cam_key
        tally.put("undistort_calls", (1, given))
        tally.add(depths_taken=taken)

    def align(self, R, p, tally) -> tuple[int, int]:
        """Align templates where a motion of cam0 puts them; (found, features there were)."""
        tracks, s, cam, config = self.tracks, self.scratch, self.rig.cam0, self.config
        given, moved = predict.transfer(
            int(cam.model), cam.params, int(cam.model), cam.params, R, p,
            tracks.uv0, tracks.inv_depth, tracks.warp, s.uv_next, s.warp_next,
        )  # fmt: skip
        done = klt.align(
            *self.frame, tracks.template, config.template_bits, s.warp_next, s.uv_next,
            s.first_level, 0, self.klt_params, s.regions, s.patch, s.basis, s.lanes, tracks.score,
        )  # fmt: skip
        tally.put("transfer_calls", (1, given, moved))
        tally.put("klt_regions", done)
        return done[FOUND], given

    def reject_outliers(self, prediction, index, tally):
        """Drop features that no single translation explains."""
        tracks, s, cam = self.tracks, self.scratch, self.rig.cam0
        n = undistort(int(cam.model), cam.params, tracks.uv0, s.rays_b, s.weights)
        if not self.turn_known:  # it is a guess: nothing to hold features against
            tally.put("undistort_calls", (1, n))
            tally.add(unprojected=2 * n)
            return
        slack = self.config.ransac_px if prediction.confident else 4 * self.config.ransac_px
        # One draw per frame and seed: a dropped frame does not shift later draws.
        self.rng[0] = (self.seed * 0x9E3779B97F4A7C15 + index * 0xBF58476D1CE4E5B9 + 1) % 2**64 | 1
        done = outliers.ransac_translation(
            s.rays_a, s.rays_b, prediction.R_cam_prev, slack / cam.params[0],
            self.config.ransac_hypotheses, self.rng, s.normals, s.inlier,
        )  # fmt: skip
        features.retain(s.inlier, *self.places)
        tally.put("ransac_hypotheses", (*done, n))
        tally.put("undistort_calls", (1, n))
        tally.add(unprojected=2 * n)

    def wants_keyframe(self, still, tally) -> bool:
        """Whether too much of the last keyframe is out of view, or the view has moved enough."""
        config, limit = self.config, self.config.key_parallax_px / self.rig.cam0.params[0]
        shared, moved = predict.count_moved(
            self.tracks.ray_key, self.scratch.rays_b, self.R_cam_key, limit
        )
        tally.put("key_checks", (1, shared))
        if self.n_key == 0 or shared < config.key_min_features:
            return True
        if still:
            return shared < 0.5 * self.n_key
        return shared < config.key_ratio * self.n_key or 2 * moved > shared

    def refresh_templates(self, tally):
        """Take new templates where the warp or the match has gone stale."""
        tracks, wanted = self.tracks, self.scratch.wanted
        klt.mark_stale(
            tracks.id, tracks.warp, tracks.score, self.config.refresh_correlation, wanted
        )
        tally.add(stale_checks=1)
        self.take_templates(tally)

    def take_templates(self, tally):
        """Store the patches of the features marked in `wanted` at their present place."""
        tracks, s = self.tracks, self.scratch
        done = klt.take_templates(
            *self.frame, tracks.uv0, s.wanted, self.config.template_bits, s.regions, s.patch,
            tracks.template,
        )  # fmt: skip
        features.renew(s.wanted, *self.places, tracks.warp, tracks.score)
        tally.put("template_calls", (1, int(np.count_nonzero(s.wanted)), *done))

    def detect(self, tally):
        """Fill free cells of the grid with the strongest corners."""
        tracks, s = self.tracks, self.scratch
        rows, cols, cell = self.grid
        detect.occupy(tracks.uv0, cell, s.occupied)
        live = seen(tracks.uv0)
        done = detect.detect(
            *self.frame, 1, cell, s.occupied, self.config.corner_score, 6,
            s.rows, s.ring, s.sums, self.scores, s.cell_xy, s.cell_score,
        )  # fmt: skip
        best = np.argsort(-s.cell_score, kind="stable")
        added, *rest = detect.choose(s.cell_xy, s.cell_score, best, cell, tracks.uv0, s.wanted)
        new = np.flatnonzero(s.wanted)
        tracks.id[new] = np.arange(self.next_id, self.next_id + added)
        tracks.age[new] = 0
        tracks.uv1[new] = np.nan
        tracks.ray_key[new] = np.nan
        tracks.inv_depth[new] = 0
        self.next_id += added
        self.take_templates(tally)
        y = np.arange(6, self.rig.cam0.height // 2 - 6) // cell
        free_rows = int(((s.occupied == 0).sum(axis=1)[y[y < rows]]).sum())
        tally.put("detect_scans", (1, live, free_rows, *done, added, *rest))

    def match_stereo(self, keyframe, tally):
        """Find the features in cam1: search along the epipolar curve first, then align."""
        tracks, s, config = self.tracks, self.scratch, self.config
        cam0, cam1 = self.rig.cam0, self.rig.cam1
        models = int(cam0.model), int(cam1.model)  # an enumeration takes the long way into a kernel
        pair = models[0], cam0.params, models[1], cam1.params, self.R_cam1_cam0, self.p_cam1_cam0
        if keyframe:
            s.wanted[:] = (tracks.id >= 0) & (tracks.inv_depth <= 0)
            done = stereo.search_epipolar(
                *self.frame, config.search_level, tracks.template, config.template_bits, *pair,
                tracks.uv0, s.wanted, config.nearest_m, s.regions, s.patch, s.basis, s.lanes,
                tracks.inv_depth,
            )  # fmt: skip
            tally.put("search_calls", (1, int(s.wanted.sum()), *done))
        given, moved = predict.transfer(
            *pair, tracks.uv0, tracks.inv_depth, tracks.warp, tracks.uv1, s.warp_next
        )
        tracks.uv1[tracks.inv_depth <= 0] = np.nan
        near = min(1, config.levels - 1)
        s.first_level[:] = np.where(tracks.age > 0, near, config.search_level)
        done = klt.align(
            *self.frame, tracks.template, config.template_bits, s.warp_next, tracks.uv1,
            s.first_level, 0, self.klt_params, s.regions, s.patch, s.basis, s.lanes, s.score1,
        )  # fmt: skip
        tested = predict.inverse_depth(
            *pair, tracks.uv0, tracks.uv1, config.epipolar_px, config.nearest_m, tracks.inv_depth
        )
        tally.put("transfer_calls", (1, given, moved))
        tally.put("stereo_regions", done)
        tally.put("inverse_calls", (1, *tested))
        tally.add(unprojected=2 * tested[1])

    def start_keyframe(self, tally):
        """Remember where the features are: the next keyframe is measured from here."""
        tracks, s, cam = self.tracks, self.scratch, self.rig.cam0
        self.n_key = undistort(cam.model, cam.params, tracks.uv0, s.rays_b, s.weights)
        tally.put("undistort_calls", (1, self.n_key))
        tally.add(unprojected=self.n_key)
        tracks.ray_key[:] = s.rays_b
        self.R_cam_key = np.eye(3)

    def snapshot(self, t_ns, keyframe, still, stereo, tally) -> Tracks:
        """Copies of the live tracks in pixels of the full image; ages grow by one frame."""
        tracks, N = self.tracks, self.tracks.id.size
        ids, ages = np.empty(N, np.int64), np.empty(N, np.int32)
        uv0, uv1 = np.empty((N, 2), np.float32), np.empty((N, 2), np.float32)
        n = features.hand_on(
            tracks.id, tracks.age, tracks.uv0, tracks.uv1, self.config.reduce, ids, ages, uv0, uv1
        )
        tally.add(handed_on=n)
        return Tracks(t_ns, ids[:n], ages[:n], uv0[:n], uv1[:n], keyframe, still, stereo=stereo)


def seen(uv) -> int:
    """Rows of (N, 2) that hold a pixel."""
    return int(np.count_nonzero(uv[:, 0] == uv[:, 0]))
