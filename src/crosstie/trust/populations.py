"""What coordinates say of the cells: how near the other view is, which populations it does not support, mixing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crosstie._typing import Array, Floats, Index
from crosstie.anchors.neighbours import nearest

NOVEL = 0.3  # 99 of 100 cells are below where both views hold the same mixture (tl.novelty)
CELLS_PER_CLUSTER, MAX_CLUSTERS, MAX_SAMPLE = 50, 30, 10_000


@dataclass(frozen=True)
class Population:
    """Cells of a view that belong together and have no counterpart.

    Parameters
    ----------
    rows
        Row numbers of its cells.
    novelty
        Their median novelty.
    """

    rows: Index
    novelty: float


def above_common(novelty: Floats) -> Floats:
    """Return by how much the novelty of cells exceeds that of the quarter of them that has the least.

    Where the *other* view has a population too many, it sends its mass to a few cells here, beside which all others
    look dear to place. Those are most of the view, and as dear as each other; it takes three quarters of the cells
    without a counterpart to be blind to that.
    """
    return np.clip(novelty - np.quantile(novelty, 0.25), 0, 1)


def unsupported(own: Array, novelty: Floats, *, seed: int = 0) -> list[Population]:
    """Return the clusters of a view whose cells, by the median, nothing in the other view supports.

    Parameters
    ----------
    own
        The view's own coordinates, shape `(n_cells, d)`.
    novelty
        Of each cell, in [0, 1]: `above_common` of what `crosstie.tl.novelty.novelty` has.
    seed
        Of the clusters (k-means, one for each 50 cells, at most 30).

    Returns
    -------
    The largest first.
    """
    n = len(own)
    n_clusters = int(np.clip(n / CELLS_PER_CLUSTER, 1, MAX_CLUSTERS))
    rng = np.random.default_rng(seed)
    sample = own if n <= MAX_SAMPLE else own[rng.choice(n, MAX_SAMPLE, replace=False)]
    from sklearn.cluster import KMeans

    cluster = KMeans(n_clusters, n_init=1, max_iter=50, random_state=seed).fit(sample).predict(own)
    found = [np.flatnonzero(cluster == c) for c in range(n_clusters)]
    out = [Population(rows, float(np.median(novelty[rows]))) for rows in found if len(rows)]
    return sorted((p for p in out if p.novelty > NOVEL), key=lambda p: -len(p.rows))


def nearness(source: Array, target: Array, *, k: int = 10) -> tuple[Floats, Floats]:
    r"""Return how near the other view is to each cell.

    :math:`\exp(-d^2 / 2h^2)`, with :math:`d^2` the mean squared distance of a cell to the `k` nearest of the other
    view and :math:`h^2` the median of it over the cells of both.

    Parameters
    ----------
    source, target
        Common coordinates, shapes `(n_source, d)` and `(n_target, d)`.
    k
        Number of neighbours.

    Returns
    -------
    In (0, 1], shapes `(n_source,)` and `(n_target,)`; exp(−½) for half of all cells and more.
    """
    squared = [np.maximum(nearest(b, a, k)[0], 0).mean(1) for a, b in ((source, target), (target, source))]
    middle = max(float(np.median(np.concatenate(squared))), 1e-12)
    return np.exp(-squared[0] / (2 * middle)), np.exp(-squared[1] / (2 * middle))


def mixing(source: Array, target: Array, support: Floats, *, k: int = 30) -> Floats:
    r"""Return how much of the other view is around each cell, relative to what composition allows.

    Among the `k` nearest of both views together, the share of the other view is, if views lie in one another,
    :math:`s n_t / (s n_t + n_s)`: its share of all cells, less where only a part :math:`s` of the cells here has a
    counterpart.

    Parameters
    ----------
    source, target
        Common coordinates, shapes `(n_source, d)` and `(n_target, d)`.
    support
        How far each source cell has a counterpart, in [0, 1], shape `(n_source,)`: 1 − novelty.
    k
        Number of neighbours.

    Returns
    -------
    Found share over expected share, shape `(n_source,)`; 1 for views that lie in one another, 0 for views side by
    side; NaN where nothing is expected.
    """
    both = np.concatenate([source, target])
    row = nearest(both, source, min(k + 1, len(both)))[1][:, 1:]
    share = (row >= len(source)).mean(1)
    near = np.maximum(support, 0) * len(target)
    expected = near / (near + len(source))
    return np.divide(share, expected, out=np.full(len(source), np.nan), where=expected > 0.01)
