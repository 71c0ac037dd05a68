"""Names of the tallies a frame leaves behind: what happened, never what it cost.

Kernels return these counts; vio/energy turns them into bytes and joules. `FrameResult.events`
is an int64 vector in the order of `NAMES`.
"""

NAMES = (
    "sensor_px",  # pixels that arrived, both cameras
    "pyramid_px",  # pixels of the pyramid levels above the finest
    "blocks_encoded",  # 4x4 blocks written, all levels
    "predicted",  # features carried from image to image by the predicted motion
    "klt_regions",  # image regions loaded to track from frame to frame
    "klt_blocks",  # 4x4 blocks decoded for them
    "klt_levels",  # templates prepared, one for each level aligned
    "klt_iterations",  # patch alignments evaluated from frame to frame
    "klt_found",  # features found again
    "stereo_regions",  # the same from cam0 to cam1
    "stereo_blocks",
    "stereo_levels",
    "stereo_iterations",
    "stereo_found",
    "search_hypotheses",  # patches compared along epipolar curves
    "search_regions",
    "search_blocks",
    "search_found",
    "stereo_tested",  # matches held against their epipolar line
    "stereo_refused",
    "ransac_points",  # features held against each hypothesis
    "ransac_hypotheses",
    "ransac_inliers",
    "unprojected",  # pixels undistorted
    "detect_px",  # pixels scored as corners
    "detect_scans",  # images scanned for corners
    "detect_found",
    "templates",  # templates written (one level each)
    "imu_samples",  # inertial steps integrated
    "imu_gaps",
    "imu_saturated",
    "linearisations",  # vision linearised, times
    "landmarks",  # landmarks linearised, all times together
    "residuals",  # vision residuals linearised
    "schur_blocks",  # 6x6 blocks updated when landmarks are eliminated
    "imu_factors",  # inertial factors linearised
    "prior_rows",  # rows of the prior evaluated
    "solves",  # reduced systems factored
    "solve_dim",  # their dimensions, summed
    "cost_residuals",  # vision residuals evaluated without Jacobians
    "triangulated",  # landmarks started
    "marginalised",  # systems marginalised
    "marginalise_dim",  # their dimensions, summed
    "marginalised_landmarks",
    "keyframes",
)
INDEX = {name: i for i, name in enumerate(NAMES)}
N_EVENTS = len(NAMES)


class Tally:
    """Collects counts of one frame: `tally.add(klt_found=3)`."""

    __slots__ = ("counts",)

    def __init__(self, counts):
        self.counts = counts

    def add(self, **counts):
        """Add the named counts."""
        for name, value in counts.items():
            self.counts[INDEX[name]] += value
