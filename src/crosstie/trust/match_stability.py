"""How far the matches of cells move when the fit is repeated with a change. Pure functions on arrays."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from crosstie._typing import Array, Floats, Index, Matrix
from crosstie.anchors.neighbours import nearest

BLOCK = 2048


def moved(first: tuple[Array, Array], second: tuple[Array, Array], *, k: int = 10) -> Floats:
    r"""Return how far the matches of each cell in one map are from that cell in a second map.

    The `k` target cells nearest to a cell in the first map have ranks :math:`r = 0, 1, \dots` by distance in the
    second. Their mean :math:`\bar r` becomes :math:`(\bar r - (k-1)/2) / (n_t - k)`: the share of the target's cells
    that are nearer, as in FOSCTTM, but comparing two maps and without the truth.

    Parameters
    ----------
    first, second
        Coordinates of the source and target cells in each map: the same cells, in the same order.
    k
        Number of matches per cell; fewer if there are few target cells.

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
        # Minus half the squared distance, up to a constant that all target cells share.
        nearness = source_again[block] @ target_again.T - (target_again**2).sum(1) / 2
        rank[block] = _n_above(nearness, row[block]).sum(1)
    return np.clip((rank / k - (k - 1) / 2) / max(n_target - k, 1), 0, 1)


def returned(source: Array, target: Array, own: Array, grid: Index, there: Index) -> Floats:
    """Return how far from itself a cell ends when it goes to the other view and back.

    From a cell go to its nearest target cells, and from those to their nearest source cells. The distance is the share
    of the view's cells that are nearer to the cell than these, in the view's own coordinates.

    Parameters
    ----------
    source, target
        Common coordinates, shapes `(n_source, d)` and `(n_target, d)`.
    own
        The view's own coordinates, of length 1, shape `(n_source, d_own)`.
    grid
        Row numbers of the source cells that cells may return to: all, or a sketch.
    there
        Row numbers of the target cells nearest to each source cell, shape `(n_source, k)`; `k` cells are looked at on
        the way back, too.

    Returns
    -------
    Shape `(n_source,)`, in [0, 1]: 0 if a cell returns to its own neighbours, 0.5 for chance.
    """
    k = max(1, min(there.shape[1], len(target) // 4, len(grid) // 4))
    there = there[:, :k]
    back = nearest(source[grid], target, k)[1]
    out = np.zeros(len(source))
    for start in range(0, len(source), BLOCK):
        block = slice(start, start + BLOCK)
        cosine = own[block] @ own[grid].T
        out[block] = _n_above(cosine, back[there[block], :: max(1, k // 3)].reshape(len(cosine), -1)).sum(1)
    n_looked = k * len(range(0, k, max(1, k // 3)))
    return np.clip((out / n_looked - (k - 1) / 2) / max(len(grid) - k, 1), 0, 1)


def _n_above(table: Array, columns: Index) -> Index:
    """Return how many entries of a row are above those in some of its columns, shape of `columns`."""
    own = np.take_along_axis(table, columns, 1)
    ordered = np.sort(table, axis=1)
    not_above = [row.searchsorted(values, "right") for row, values in zip(ordered, own, strict=True)]
    return table.shape[1] - np.stack(not_above)


def halves(counts: Matrix, rng: np.random.Generator) -> tuple[Matrix, Matrix]:
    """Split counts into two matrices: each count goes to either with probability ½.

    Poisson counts become two independent measurements of the same cells at half the depth.

    Parameters
    ----------
    counts
        Whole numbers, dense or CSR.
    rng
        Random generator.

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
