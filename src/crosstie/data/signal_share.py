"""How much of what a feature says is signal: the share of its variance that repeats in the other half of the counts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from crosstie._typing import Floats, Matrix
from crosstie.data.scaled import column_sums, moments

MAX_CELLS = 5_000  # enough for a correlation


def signal_shares(matrix: Matrix, normalize: Callable[[Matrix], Matrix], *, seed: int = 0) -> Floats:
    r"""Return the share of each feature's variance that is not counting noise, in [0, 1], shape `(n_features,)`.

    Every molecule goes to one of two halves at random. Given what the cell holds, the two halves of a Poisson count
    are independent: what they share is signal. With :math:`r` the correlation of the two, once normalised, the share
    is :math:`2r / (1 + r)`, that of the whole count (Spearman and Brown); 0 where it is negative.

    Parameters
    ----------
    matrix
        Cells × features: counts, dense or CSR.
    normalize
        How half of the counts become comparable between cells.
    seed
        Seed of the halves, and of the 5,000 cells that are read of a larger matrix.
    """
    rng = np.random.default_rng([seed, 17])
    if matrix.shape[0] > MAX_CELLS:
        matrix = matrix[np.sort(rng.permutation(matrix.shape[0])[:MAX_CELLS])]
    if sp.issparse(matrix):
        whole = sp.csr_matrix(matrix).sorted_indices()  # draws follow the order of the features
        half = whole.copy()
        half.data = _half(whole.data, rng)
        rest = whole.copy()
        rest.data = whole.data - half.data
    else:
        half = _half(matrix, rng)
        rest = matrix - half
    one, other = normalize(half), normalize(rest)
    (mean, spread), (mean_other, spread_other) = moments(one), moments(other)
    product = column_sums(one.multiply(other) if sp.issparse(one) else one * other) / one.shape[0]
    r = np.clip((product - mean * mean_other) / np.maximum(spread * spread_other, 1e-12), 0, 1)
    shares: Floats = 2 * r / (1 + r)
    return shares


def _half(counts: Floats, rng: np.random.Generator) -> Floats:
    """Return how many of each count's molecules go to one half."""
    return rng.binomial(counts.astype(np.int64), 0.5).astype(np.float32)
