"""Copies: two views that hold the same measurement of the same cells, thinned, normalised, filtered or rescaled."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._typing import Array, Floats, Index, Matrix
from crosstie.anchors.linear import unit_rows
from crosstie.data import View

MOST_QUERIES, MOST_CELLS, MOST_FEATURES = 500, 5000, 1000
LEAST_FEATURES = 8  # shared features, with fewer of which no cell can be recognised
STANDS_OUT = 2.0  # how far the best cell must be above the second, in distances from the second to the eleventh


def recognised(a: View, b: View, *, seed: int = 0) -> float:
    """Return the share of cells that are recognised in the other view by the features that both have.

    For each cell, the most similar cell of the other view is searched (correlation of standardised logarithms over the
    shared features). The same measurement stands out: it is farther above the second than that is above the eleventh.
    Among different cells, or different measurements of the same cells, similarities have no such gap.

    Parameters
    ----------
    a, b
        Two views.
    seed
        Seed of the sample of cells.

    Returns
    -------
    Share in [0, 1]; 0 if fewer than eight features are shared by name. Independent cells stay below .1.
    """
    shared = a.features.intersection(b.features)
    if len(shared) < LEAST_FEATURES:
        return 0.0
    small, large = sorted((a, b), key=lambda view: view.n_cells)
    rng = np.random.default_rng([seed, 6])
    rows = rng.permutation(small.n_cells)[:MOST_QUERIES]
    among = np.arange(large.n_cells)
    if large.n_cells > MOST_CELLS:  # copies mostly keep the order of the cells, but nobody promises that
        among = rng.permutation(large.n_cells)[:MOST_CELLS]
    names = shared
    if len(names) > MOST_FEATURES:
        spread = _dense(small.loaded[:, small.features.get_indexer(names)][: 4 * MOST_QUERIES]).var(0)
        names = names[np.sort(np.argsort(-spread, kind="stable")[:MOST_FEATURES])]
    x, y = (_profiles(view, names, some) for view, some in ((small, rows), (large, among)))
    if len(y) < 12:
        return 0.0
    best = -np.sort(-(x @ y.T), axis=1)[:, :11]
    gap = (best[:, 0] - best[:, 1]) / np.maximum(best[:, 1] - best[:, 10], 1e-6)
    return float((gap > STANDS_OUT).mean()) * large.n_cells / len(among)


def _profiles(view: View, names: pd.Index, rows: Index) -> Array:
    x = _dense(view.loaded[rows][:, view.features.get_indexer(names)]).astype(np.float64)
    if x.min() >= 0:
        if view.values == "counts":
            total = np.maximum(x.sum(1, keepdims=True), 1)
            x = x / total * np.median(total)
        x = np.log1p(x)
    spread = x.std(0)
    return unit_rows((x - x.mean(0)) / np.where(spread > 1e-9, spread, np.inf))


def _dense(x: Matrix) -> Floats:
    return np.asarray(x.toarray() if sp.issparse(x) else x)
