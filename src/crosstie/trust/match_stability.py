"""How far cells' matches move when something is done again. Pure functions on arrays."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from crosstie._typing import Array, Floats, Index, Matrix
from crosstie.anchors.neighbours import nearest

BLOCK = 2048


def moved(first: tuple[Array, Array], second: tuple[Array, Array], *, k: int = 10) -> Floats:
    r"""Return how far the matches of each cell in a first map lie from the cell in a second one.

    The `k` target cells nearest to a cell in the first map have ranks :math:`r = 0, 1, \dots` by distance in the
    second. Their mean :math:`\bar r` becomes :math:`(\bar r - (k-1)/2) / (n_t - k)`: the share of the target's cells
    that come before, in the way of FOSCTTM, but of two maps and without knowing the truth.

    Parameters
    ----------
    first, second
        Coordinates of source and target cells in both maps: the same cells, in the same order.
    k
        Number of matches of a cell; fewer where there are few target cells.

    Returns
    -------
    Shape `(n_source,)`, in [0, 1]: 0 for the same matches, 0.5 on average for unrelated ones.
    """
    (source, target), (source_again, target_again) = first, second
    n_target = len(target)
    k = max(1, min(k, n_target // 4))
    row = nearest(target, source, k)[1]
    rank = np.zeros(len(source))
    for start in range(0, len(source), BLOCK):
        block = slice(start, start + BLOCK)
        # As minus the squared distance, up to what is the same for all target cells.
        nearness = source_again[block] @ target_again.T - (target_again**2).sum(1) / 2
        for column in row[block].T:
            own = np.take_along_axis(nearness, column[:, None], 1)
            rank[block] += (nearness > own).sum(1)
    return np.clip((rank / k - (k - 1) / 2) / max(n_target - k, 1), 0, 1)


def returned(source: Array, target: Array, own: Array, grid: Index, *, k: int = 10) -> Floats:
    """Return how far from itself a cell comes back when it goes to the other view and returns.

    Of the target cells nearest to a cell, the nearest source cells; and the share of the view's cells that are nearer
    to the cell than these, by what the view itself says.

    Parameters
    ----------
    source, target
        Common coordinates, shapes `(n_source, d)` and `(n_target, d)`.
    own
        The view's own coordinates, of length 1, shape `(n_source, d_own)`.
    grid
        Row numbers of the source cells to which cells may return: all, or a sketch.
    k
        Number of cells looked at, there and back.

    Returns
    -------
    Shape `(n_source,)`, in [0, 1]: 0 where a cell finds its own neighbours again, 0.5 for chance.
    """
    k = max(1, min(k, len(target) // 4, len(grid) // 4))
    there = nearest(target, source, k)[1]
    back = nearest(source[grid], target, k)[1]
    out = np.zeros(len(source))
    for start in range(0, len(source), BLOCK):
        block = slice(start, start + BLOCK)
        cosine = own[block] @ own[grid].T
        for column in there[block].T:
            for step in back[column].T[:: max(1, k // 3)]:
                nearer = np.take_along_axis(cosine, step[:, None], 1)
                out[block] += (cosine > nearer).sum(1)
    n_looked = k * len(range(0, k, max(1, k // 3)))
    return np.clip((out / n_looked - (k - 1) / 2) / max(len(grid) - k, 1), 0, 1)


def halves(counts: Matrix, rng: np.random.Generator) -> tuple[Matrix, Matrix]:
    """Return two matrices that share the counts out, each count to either with probability ½.

    Poisson counts become two independent measurements of the same cells at half the depth.

    Parameters
    ----------
    counts
        Whole numbers, dense or CSR.
    rng
        Draws the shares.

    References
    ----------
    Neufeld et al., Biostatistics 25, 270 (2024): count splitting.
    """
    if not sp.issparse(counts):
        one = rng.binomial(counts.astype(np.int64), 0.5).astype(np.float32)
        return one, counts - one
    first, second = sp.csr_matrix(counts, copy=True), sp.csr_matrix(counts, copy=True)
    first.data = rng.binomial(first.data.astype(np.int64), 0.5).astype(np.float32)
    second.data = second.data - first.data
    first.eliminate_zeros()
    second.eliminate_zeros()
    return first, second
