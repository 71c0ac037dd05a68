"""The table of features as a list of dictionaries."""

import numpy as np

EMPTY = {"id": -1, "uv0": [np.nan] * 2, "uv1": [np.nan] * 2, "ray_key": [np.nan] * 2}


def free(row):
    return row | EMPTY


def take_depths(ids, depth_of, before):
    """Inverse depths by a dictionary of those of the landmarks."""
    return [depth_of.get(i, old) for i, old in zip(ids, before)]


def settle(rows, found):
    """`found` has a row's new place and warp, None where it was not found."""
    return [
        free(row) if new is None else row | {"uv0": new[0], "warp": new[1]}
        for row, new in zip(rows, found)
    ]


def retain(rows, inlier):
    return [row if good else free(row) for row, good in zip(rows, inlier)]


def renew(rows, wanted):
    fresh = {"warp": np.eye(2), "score": 1.0}
    return [[row, row | fresh, free(row)][w] for row, w in zip(rows, wanted)]


def hand_on(rows, factor):
    """(rows left, [(id, age, pixel in cam0, in cam1) of the full image])."""

    def full(uv):
        return factor * (np.array(uv) + 0.5) - 0.5

    older = [r | {"age": min(r["age"] + 1, 2**15 - 1)} if r["id"] >= 0 else r for r in rows]
    return older, [
        (r["id"], r["age"], full(r["uv0"]), full(r["uv1"])) for r in rows if r["id"] >= 0
    ]
