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
N_BEST = 11  # most similar cells that are compared
CHANCE = 1.52  # times √(2/n): by so much do two distributions of n gaps differ by chance, once in a hundred times


def recognised(a: View, b: View, *, seed: int = 0) -> float:
    """Return the share of cells that are recognised in the other view by the features that both have.

    For each cell, the most similar cell of the other view is searched (correlation of standardised logarithms over the
    shared features). The same measurement stands out: its gap, the distance of its similarity from the second's over
    that of the second's from the eleventh's, is larger than among other cells. How large gaps are among other cells is
    seen inside both views; the one in which they are larger counts. The share is the largest difference of the two
    distributions beyond chance (Smirnov's test, one-sided, 1 %).

    Parameters
    ----------
    a, b
        Two views.
    seed
        Seed of the sample of cells.

    Returns
    -------
    Share in [0, 1], at least; 0 if fewer than eight features are shared by name. Independent cells stay below .1.
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
    if min(len(x), len(y)) < N_BEST + 2:
        return 0.0
    cross = _gaps(x @ y.T)
    share = min(_larger(cross, _gaps(_among_others(z))) for z in (x, y[: len(x)]))
    return min(max(share - CHANCE * np.sqrt(2 / len(x)), 0.0) * large.n_cells / len(among), 1.0)


def _among_others(x: Array) -> Array:
    similarity = x @ x.T
    np.fill_diagonal(similarity, -np.inf)
    return similarity


def _larger(gaps: Floats, others: Floats) -> float:
    """Return the largest difference of the distributions of two samples, where the first is the larger."""
    points = np.sort(others)
    below = [np.searchsorted(np.sort(sample), points, side="right") / len(sample) for sample in (others, gaps)]
    return float((below[0] - below[1]).max())


def _gaps(similarity: Floats) -> Floats:
    """Return how far the most similar one is above the second, in distances from the second to the eleventh."""
    best = -np.sort(-similarity, axis=1)[:, :N_BEST]
    return (best[:, 0] - best[:, 1]) / np.maximum(best[:, 1] - best[:, -1], 1e-6)


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
