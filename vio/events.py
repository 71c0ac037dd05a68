"""Names of the tallies a frame leaves behind: what happened, never what it cost.

Kernels return these counts; vio/energy turns them into bytes and joules. `FrameResult.events`
is an int64 vector in the order of `NAMES`.
"""

from collections import namedtuple

import numpy as np

WINDOW_COUNTS = (
    "assembled",  # systems assembled, to solve or to marginalise
    "linearised_slots",  # frames in them
    "linearised_dim",  # their rows, and these squared
    "linearised_dim2",
    "syncs",  # linearisation points made to follow the state, once for each system
    "synced_slots",  # frames of the window met
    "synced_free",  # of them not in the prior
    "vision_points",  # landmarks linearised
    "vision_residuals",  # their residuals
    "vision_blocks",  # 6x6 blocks of their elimination
    "vision_frames",  # frames of a landmark linearised, by either camera
    "vision_others",  # of them other than the host
    "vision_span",  # poses from the first to the last that see a landmark
    "vision_hosts",  # frames that host such landmarks
    "vision_pairs",  # pairs of host and frame that they bind
    "vision_poses",  # poses turned to their own coordinates, and blocks between them
    "vision_turned",
    "hosts_scanned",  # tables of landmarks scanned for those of one host to linearise
    "host_tests",  # landmarks in use met in these scans
    "imu_factors",  # inertial factors linearised, and those held against the final states
    "misfits",
    "pairs_first",  # consecutive frames of which the first has motion
    "pairs_both",  # of which both have
    "still_factors",
    "prior_calls",  # priors that are not empty
    "prior_poses",  # poses in them
    "prior_rows",  # their rows, squared, cubed
    "prior_rows2",
    "prior_rows3",
    "prior_runs",  # runs of neighbouring rows met when the prior is added
    "optimisations",  # runs of the optimiser
    "laid_slots",  # frames laid out in its system
    "laid_motions",  # of them with motion
    "known_landmarks",  # landmarks in use when it starts
    "linearisations",  # systems it assembled
    "landmarks",  # landmarks in them
    "residuals",  # vision residuals in them
    "schur_blocks",  # 6x6 blocks updated when landmarks are eliminated from them
    "solves",  # reduced systems factored
    "solve_dim",  # their dimensions, squared, cubed
    "solve_dim2",
    "solve_dim3",
    "solve_free",  # of the dimensions those that are moved, and their squares
    "solve_free2",
    "steps",  # steps taken
    "step_poses",  # poses and motions moved by a step
    "step_motions",
    "step_calibration",  # elements of the calibration moved by a step
    "relaxed",  # landmarks that follow a step
    "relax_frames",  # frames that see them, by either camera
    "cost_residuals",  # vision residuals evaluated for that
    "advances",  # states predicted
    "activations",  # searches for landmarks that can get a depth
    "activate_known",  # landmarks in use
    "activate_tried",  # of them without depth, looked at
    "activate_used",  # observations used
    "triangulated",  # landmarks that got one
    "rejections",
    "reject_known",  # landmarks in use
    "reject_tried",  # landmarks checked
    "reject_used",  # observations checked
    "reject_dropped",
    "reject_left",  # landmarks that remain in use
    "depth_scans",  # tables of landmarks scanned for their depth in the newest frame
    "depth_known",  # of them in use
    "depth_found",  # of them in front of it
    "motions_folded",  # intervals whose lengths are held against those of the pictures
    "turns_folded",  # turns of the gyro held against those of the pictures
    "displacements",  # tables of landmarks scanned for where cam1 sees them
    "displaced_known",  # of them in use, and of these seen by it
    "displaced_seen",
    "displaced_folds",  # of these tables those with enough of them
    "displaced_folded",  # landmarks in these, and of them near the median
    "displaced_near",
    "slots_used",  # frames in the window, summed over these scans of landmarks
    "marginalised",  # systems marginalised
    "marginalised_landmarks",
    "marginalise_dim",  # their dimensions, squared, cubed
    "marginalise_dim2",
    "marginalise_dim3",
    "marginalise_kept",  # rows of the new prior, and their squares
    "marginalise_kept2",
    "marginalise_poses",  # poses in the new prior
    "layout_slots",  # frames laid out to marginalise
    "layout_all_poses",  # rows given to poses and motions, leaving or not
    "layout_all_motions",
    "layout_tests",  # landmarks looked at to see which frames marginalising touches
    "layout_used",  # of them taking part
    "layout_left",  # of them not hosted by the frame
    "layout_right",  # of them not seen by its cam0
    "layout_poses",  # frames touched, by their pose and by their motion
    "layout_motions",
    "layout_held",  # of these with motion
    "stale_slots",  # frames looked through for inertial intervals to integrate anew
    "stale_intervals",  # intervals held against the bias and the calibration of now
    "leave_checks",  # times the window is looked at for what is to leave
    "leave_slots",  # frames in it
    "leavings",  # of these times something leaves, and the frames looked through after it
    "leave_left",
    "motions_leave",  # motions that leave, and frames with them
    "frames_leave",
    "choices",  # keyframes chosen to leave
    "choice_known",  # landmarks in use then, of them in view, of them hosted by the chosen
    "choice_seen",
    "choice_hosted",
    "choice_slots",  # frames in the window then
    "choice_looks",  # marks read of those that may leave
    "choice_keys",  # keyframes that may leave
    "choice_pairs",  # distances between them
    "clear_tests",  # landmarks looked at when something has left
    "clear_unknown",  # of them without depth
    "cleared",  # of them freed
)
"""Tallies the window's kernels add up in `Work.counts`, in this order."""
AT = namedtuple("AT", WINDOW_COUNTS)(*range(len(WINDOW_COUNTS)))
"""Place of each in `Work.counts`: `AT.steps`; a constant to a kernel."""

NAMES = (
    "passed_px",  # pixels of cam1 that arrived and were not looked at
    "sensor_px",  # pixels that arrived and were looked at, both cameras
    "pyramid_px",  # pixels of the pyramid levels above the finest
    "blocks_encoded",  # 4x4 blocks written, all levels
    "transfer_calls",  # tables of features carried from image to image
    "transfer_given",  # features in them
    "predicted",  # of them carried by the predicted motion
    "klt_regions",  # image regions loaded to track from frame to frame
    "klt_blocks",  # 4x4 blocks decoded for them
    "klt_blocks0",  # of them those of level 0, and those of level 1
    "klt_blocks1",
    "klt_levels",  # templates prepared, one for each level aligned
    "klt_iterations",  # patch alignments evaluated from frame to frame
    "klt_bent",  # of them through a warp that leaves a row's pixels
    "klt_found",  # features found again
    "klt_given",  # features with a prediction, and of them with a warp that can be followed
    "klt_tried",
    "stereo_regions",  # the same from cam0 to cam1
    "stereo_blocks",
    "stereo_blocks0",
    "stereo_blocks1",
    "stereo_levels",
    "stereo_iterations",
    "stereo_bent",
    "stereo_found",
    "stereo_given",
    "stereo_tried",
    "search_calls",
    "search_wanted",  # features searched for
    "search_hypotheses",  # patches compared along epipolar curves
    "search_regions",
    "search_blocks",
    "search_blocks0",
    "search_blocks1",
    "search_found",
    "inverse_calls",  # tables of matches triangulated
    "inverse_given",  # features in them
    "stereo_tested",  # matches held against their epipolar line
    "stereo_refused",
    "ransac_hypotheses",
    "ransac_inliers",
    "ransac_moving",  # features that moved more than the gyro explains
    "ransac_tests",  # distances from an epipolar line computed
    "ransac_given",  # features in the first view
    "ransac_valid",  # features in both views
    "ransac_points",  # features in the second
    "undistort_calls",  # tables of features undistorted by the front end
    "undistort_given",
    "depths_taken",  # features given the depth of their landmark
    "handed_on",  # features handed to the window
    "still_checks",  # tables of features held against those of the last frame
    "still_seen",
    "key_checks",  # the same against those of the last keyframe
    "key_seen",
    "unprojected",  # pixels undistorted
    "detect_scans",  # images scanned for corners
    "detect_live",  # features when the grid is filled
    "detect_rows",  # rows of free cells scanned
    "detect_px",  # pixels scored as corners
    "detect_found",
    "detect_added",  # features started
    "detect_looked",  # corners looked at, best first, and of them held against the features
    "detect_held",
    "detect_tests",  # distances of a corner from a feature
    "detect_used",  # slots found in use on the way to a free one
    "stale_checks",  # tables of features looked through for stale templates
    "template_calls",  # tables of features looked through for templates to take
    "template_wanted",  # features whose templates are taken
    "templates",  # templates written (one level each), and those cleared
    "templates_cleared",
    "templates_left",  # features that leave the image with it
    "template_blocks",  # 4x4 blocks decoded for them
    "template_blocks0",
    "template_blocks1",
    "quiet_gyro",  # samples looked at to see whether the IMU is at rest
    "quiet_accel",
    "preintegrations",  # intervals integrated
    "imu_span",  # samples between their ends, both included
    "imu_samples",  # inertial steps integrated
    "imu_gaps",
    "imu_saturated",
    "calibrations",  # intervals brought to the calibration of now
    "calibration_samples",  # samples at their ends
    "keyframes",
    "covariances",
    "cov_squares",  # their dimensions squared and cubed, summed; of what is watched too
    "cov_cubes",
    "held_rows",  # rows of the calibration watched, and their squares
    "held_rows2",
    "observations",  # frames whose tracks were matched with landmarks
    "tracks",  # their tracks
    "scans_known",  # landmark rows in use when tracks are matched
    "track_tests",  # identities compared
    "tracks_known",  # tracks with a landmark
    "tracks_right",  # of them seen by cam1
    "starts",
    "start_tracks",  # tracks offered to start landmarks
    "started",  # of them started
    "start_refused",
    "start_scan",  # rows looked at for a free one
    "started_right",  # of those started seen by cam1
    *WINDOW_COUNTS,
)
INDEX = {name: i for i, name in enumerate(NAMES)}
N_EVENTS = len(NAMES)
N_SINGLE = N_EVENTS - len(WINDOW_COUNTS)
"""Names before WINDOW_COUNTS: those counted one by one."""


def arrived_px(events):
    """Pixels that came over the link, by frame: (...) of (..., N_EVENTS)."""
    return events[..., INDEX["passed_px"]] + events[..., INDEX["sensor_px"]]


class Tally:
    """Collects counts of one frame: `tally.add(klt_found=3)`.

    Attributes:
        values: those of the names before WINDOW_COUNTS, as plain integers: adding to an element
            of an array takes several times as long.
        window: (n,) int64, those of WINDOW_COUNTS, which come all at once.
    """

    __slots__ = ("values", "window")

    def __init__(self, counts=None):
        """Start from `counts` (N_EVENTS,), or from nothing."""
        if counts is None:
            self.values, self.window = [0] * N_SINGLE, np.zeros(len(WINDOW_COUNTS), np.int64)
        else:
            self.values, self.window = counts[:N_SINGLE].tolist(), counts[N_SINGLE:].copy()

    def add(self, **counts):
        """Add the named counts."""
        values = self.values
        for name, value in counts.items():
            values[INDEX[name]] += value

    def put(self, first, counts):
        """Add what a kernel returned: counts of the names from `first` on."""
        values = self.values
        for at, value in enumerate(counts, INDEX[first]):
            values[at] += value

    @property
    def counts(self):
        """(N_EVENTS,) int64."""
        return np.concatenate((np.array(self.values, np.int64), self.window))
