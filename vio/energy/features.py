"""Numbers the models multiply with: the tallies themselves, and a few drawn from them."""

import numpy as np

from vio.events import INDEX, NAMES, arrived_px
from vio.types import VioError

DERIVED = ("cam0", "cam1", "link_px")
FEATURES = NAMES + DERIVED
AT = {name: i for i, name in enumerate(FEATURES)}


def matrix(events, plan) -> np.ndarray:
    """(F, len(FEATURES)) float64 of (F, N_EVENTS) tallies."""
    events = np.atleast_2d(np.asarray(events, float))
    images = events[:, INDEX["sensor_px"]] / plan.sensor_pixels
    cam0 = np.minimum(images, 1.0)
    return np.column_stack([events, cam0, images - cam0, arrived_px(events)])


def in_order(names, events, where="events.npz") -> np.ndarray:
    """Saved tallies (F, n) in the order of this version's NAMES; VioError if one is missing."""
    at = {str(name): i for i, name in enumerate(names)}
    missing = [name for name in NAMES if name not in at]
    if missing:
        raise VioError(f"{where}: no tally '{missing[0]}'; run the recording again")
    return np.asarray(events)[:, [at[name] for name in NAMES]]


def dense(events) -> np.ndarray:
    """The tallies (F, N_EVENTS) if every landmark were worked on as seen by all frames.

    What sparsity saves: frames that do not see a landmark are skipped, and so are their blocks.
    """
    out = np.array(events, float)
    at = INDEX

    def per(total, calls):
        return out[:, at[total]] / np.maximum(out[:, at[calls]], 1.0)

    for stage, points, residuals, slots, calls in (
        ("vision", "vision_points", "vision_residuals", "linearised_slots", "assembled"),
        ("relax", "relaxed", "cost_residuals", "step_poses", "steps"),
    ):
        n, count = per(slots, calls), out[:, at[points]]
        out[:, at[f"{stage}_frames"]] = n * count
        out[:, at[residuals]] = 2 * n * count
        if stage == "vision":
            out[:, at["vision_others"]] = (n - 1) * count
            out[:, at["vision_span"]] = n * count
            out[:, at["vision_blocks"]] = n * (n + 1) / 2 * count
    return out
