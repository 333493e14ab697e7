"""Batch mixing within one view, by the inverse Simpson index of each cell's neighbourhood."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from crosstie._errors import value_error
from crosstie._typing import Index, Labels
from crosstie.metrics._inputs import Doubles, coordinates, names
from crosstie.metrics.neighbours import neighbours

_HALVINGS = 64
_BLOCK = 2**22  # weights held at once


def ilisi(z: ArrayLike, batch: Labels, *, perplexity: float = 30, k: int = 90, scale: bool = False) -> float:
    r"""Integration local inverse Simpson index: how many batches a cell's neighbourhood effectively holds.

    The `k` nearest cells of cell :math:`c`, itself left out, weigh :math:`p_i \propto \exp(-\beta_c d_i^2)`, with
    :math:`\beta_c` such that the perplexity :math:`\exp(-\sum_i p_i \log p_i)` is the given one. With :math:`p_b` the
    weight of batch :math:`b`, the index is :math:`1 / \sum_b p_b^2`. The score is its median over cells. The authors'
    program weighs by the distance and not by its square; theirs differ from these figures in the second decimal.

    Parameters
    ----------
    z
        Latent coordinates of one view, shape `(n_cells, n_latent)`.
    batch
        Batch of each cell, shape `(n_cells,)`.
    perplexity
        Effective number of neighbours, at least 1 and less than `k` and than the other cells.
    k
        Number of neighbours.
    scale
        Return :math:`(\text{index} - 1) / (B - 1)` for `B` batches, as scIB does.

    Returns
    -------
    Score in [1, B], or in [0, 1] where scaled; higher is better mixed. Batches of unlike size or composition stay below
    the most that is possible: compare two latent spaces of the same cells.

    Raises
    ------
    ValueError
        If a value is not finite, a batch is missing, there is one batch only, or the perplexity cannot be reached.

    References
    ----------
    Korsunsky et al., Nature Methods 16, 1289 (2019); Luecken et al., Nature Methods 19, 41 (2022), for the scaling.
    """
    z = coordinates(z, what="ilisi")
    found, code = np.unique(names(batch, what="ilisi, batch", n_cells=len(z)), return_inverse=True)
    if len(found) < 2:
        raise value_error("ilisi: there is nothing to mix.", found=f"one batch, {str(found[0])!r}", expected="two")
    near = neighbours(z, z, k, own=np.arange(len(z)))
    n_near = near.index.shape[1]
    if not 1 <= perplexity < n_near:
        raise value_error(
            "ilisi: the perplexity must be at least 1 and less than the number of neighbours.",
            found=f"perplexity={perplexity}, {n_near} neighbours of {len(z):,} cells (k={k})",
            do="Lower the perplexity; a third of k is usual.",
        )
    step = max(1, _BLOCK // n_near)
    index = np.concatenate(
        [
            _inverse_simpson(near.distance[i : i + step], code[near.index[i : i + step]], len(found), perplexity)
            for i in range(0, len(z), step)
        ]
    )
    score = float(np.median(index))
    return (score - 1) / (len(found) - 1) if scale else score


def _inverse_simpson(distance: Doubles, code: Index, n_batches: int, perplexity: float) -> Doubles:
    """Return the index of each row of neighbours, given their distances and the numbers of their batches."""
    weight = _weights(distance**2, perplexity)
    square = sum(np.where(code == b, weight, 0).sum(axis=1) ** 2 for b in range(n_batches))
    return 1 / square


def _weights(square: Doubles, perplexity: float) -> Doubles:
    """Return weights of every row, of sum 1 and the given perplexity, by bisection on all rows at once."""
    square = square - square.min(axis=1, keepdims=True)  # the nearest weighs 1: no row underflows
    square /= np.maximum(square.mean(axis=1, keepdims=True), np.finfo(float).tiny)
    low, high = np.full((len(square), 1), -20.0), np.full((len(square), 1), 60.0)  # of log2 beta
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        exponent = square * np.exp2(middle)
        weight = np.exp(-exponent)
        total = weight.sum(axis=1, keepdims=True)
        entropy = np.log(total) + (exponent * weight).sum(axis=1, keepdims=True) / total
        flat = entropy > np.log(perplexity)
        low, high = np.where(flat, middle, low), np.where(flat, high, middle)
    weight = np.exp(-square * np.exp2((low + high) / 2))
    return weight / weight.sum(axis=1, keepdims=True)
