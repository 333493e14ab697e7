"""New cells that are all of one kind, and unlike every fitted cell: batch and biology cannot be told apart."""

from __future__ import annotations

import numpy as np

from crosstie._typing import Array, Floats
from crosstie.anchors.linear import unit_rows
from crosstie.anchors.neighbours import nearest

K = 10
MAX_CELLS = 5_000  # new cells from which it is judged
FARTHER = 1.3  # times as far from the fitted cells as these are from each other; 9 of 10 cells of known types are below
ONE_KIND = 6.0  # spread in units of the distance to neighbours: 2 to 5.5 for one type, 10 to 20 for a whole sample


def distance_ratio(fitted: Array, new: Array) -> Floats:
    """Return how much farther new cells are from the fitted cells than these are from each other there.

    Parameters
    ----------
    fitted, new
        Coordinates of both, shapes `(n_fitted, d)` and `(n_new, d)`, measured alike; only their direction counts.

    Returns
    -------
    The mean cosine distance of each new cell to its 10 nearest fitted cells, divided by the mean distance of these to
    their own 10 nearest; about 1 for cells of a fitted type, shape `(n_new,)`.
    """
    fitted, new = unit_rows(fitted), unit_rows(new)
    k = min(K, len(fitted) - 1)
    distance, row = nearest(fitted, new, k)
    near = np.unique(row)
    own = np.zeros(len(fitted))
    own[near] = nearest(fitted, fitted[near], k + 1)[0][:, 1:].mean(1)
    return np.asarray(distance.mean(1) / np.maximum(own[row].mean(1), 1e-9), dtype=np.float64)


def is_unlike(fitted: Array, new: Array, *, seed: int = 0) -> bool:
    """Return whether new cells are of one kind, and most of them unlike the fitted cells.

    Where many types are moved alike, that is a batch effect. Where there is one type, it may be new: nothing tells.
    """
    some = np.random.default_rng(seed).permutation(len(new))[:MAX_CELLS]
    new = new[np.sort(some)]
    if min(len(fitted), len(new)) < 2 or _spread(new) >= ONE_KIND:
        return False
    return bool(np.median(distance_ratio(fitted, new)) > FARTHER)


def _spread(z: Array) -> float:
    """Return the mean squared distance of two cells over that of neighbours; a shift of all cells hardly changes it."""
    z = unit_rows(z)
    k = int(np.clip(len(z) // K, 1, K))
    near = float(nearest(z, z, k + 1)[0][:, 1:].mean())
    return 2 * (1 - float(np.square(z.mean(0)).sum())) / max(near, 1e-9)
