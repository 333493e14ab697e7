"""What coordinates tell about cells: how near the other view is, how well views mix, which populations it lacks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crosstie._typing import Array, Floats, Index
from crosstie.anchors.neighbours import nearest

NOVEL = 0.4  # of one tissue measured in two studies, a view in twenty has a population above (docs/decisions.md)
CELLS_PER_CLUSTER, MAX_CLUSTERS, MAX_SAMPLE = 50, 30, 10_000


@dataclass(frozen=True)
class Population:
    """A cluster of cells of a view without a counterpart.

    Parameters
    ----------
    rows
        Row numbers of the cells.
    novelty
        Their median novelty.
    """

    rows: Index
    novelty: float


def unsupported(own: Array, novelty: Floats, *, seed: int = 0) -> list[Population]:
    """Return the clusters of a view whose median cell has no counterpart in the other view.

    Parameters
    ----------
    own
        The view's own coordinates, shape `(n_cells, d)`.
    novelty
        Novelty of each cell in [0, 1], as of `crosstie.tl.novelty.novelty`.
    seed
        Seed of the clusters (k-means, one per 50 cells, at most 30).

    Returns
    -------
    Clusters, largest first.
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


def nearness(source: Array, target: Array) -> tuple[Floats, Floats]:
    r"""Return how near the other view is to each cell.

    :math:`\exp(-d^2 / 2h^2)`, with :math:`d^2` the mean squared distance of a cell to its nearest cells in the other
    view and :math:`h^2` the median of :math:`d^2` over the cells of both views.

    Parameters
    ----------
    source, target
        Squared distances of the cells of each view to their nearest cells in the other, shapes `(n_source, k)` and
        `(n_target, k)`.

    Returns
    -------
    Values in (0, 1], shapes `(n_source,)` and `(n_target,)`; at least exp(−½) for half of all cells.
    """
    squared = [np.maximum(distance, 0).mean(1) for distance in (source, target)]
    middle = max(float(np.median(np.concatenate(squared))), 1e-12)
    return np.exp(-squared[0] / (2 * middle)), np.exp(-squared[1] / (2 * middle))


def mixing(source: Array, target: Array, support: Floats, cells: Index, *, k: int = 30) -> Floats:
    r"""Return how much of the other view surrounds each cell, relative to what the compositions allow.

    In a perfect mixture, the expected share of the other view among a cell's `k` nearest cells of both views is
    :math:`s n_t / (s n_t + n_s)`, where :math:`s` is the support of the cell: the other view's share of all cells, or
    less if the cell has little counterpart there.

    Parameters
    ----------
    source, target
        Common coordinates, shapes `(n_source, d)` and `(n_target, d)`.
    support
        Support of each source cell in the other view, in [0, 1], shape `(n_source,)`: 1 − novelty.
    cells
        Row numbers of the source cells to look at: all, or a sample.
    k
        Number of neighbours.

    Returns
    -------
    Observed share over expected share, shape `(n_cells,)`; 1 for well-mixed views, 0 for separate views, NaN if no
    cell of the other view is expected.
    """
    both = np.concatenate([source, target])
    row = nearest(both, source[cells], min(k + 1, len(both)))[1][:, 1:]
    share = (row >= len(source)).mean(1)
    near = np.maximum(support[cells], 0) * len(target)
    expected = near / (near + len(source))
    return np.divide(share, expected, out=np.full(len(cells), np.nan), where=expected > 0.01)
