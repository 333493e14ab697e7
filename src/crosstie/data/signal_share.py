"""How much of what a feature says is signal: the share of its variance that repeats in the other half of the counts."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from crosstie._typing import Floats, Matrix
from crosstie.data.normalize import totals

MAX_CELLS = 5_000  # enough for a correlation


def signal_shares(matrix: Matrix, slope: float, *, seed: int = 0) -> Floats:
    r"""Return the share of each feature's variance that is not counting noise, in [0, 1], shape `(n_features,)`.

    Every molecule goes to one of two halves at random. Given what the cell holds, the two halves of a Poisson count
    are independent: what they share is signal. With :math:`r` the correlation of the two, normalised as `"partial"`
    does, the share is :math:`2r / (1 + r)`, that of the whole count (Spearman and Brown); 0 where it is negative.

    Parameters
    ----------
    matrix
        Cells × features: counts.
    slope
        How far the typical feature follows the total (`typical_slope`).
    seed
        Seed of the halves, and of the 5,000 cells that are read of a larger matrix.
    """
    rng = np.random.default_rng([seed, 17])
    if matrix.shape[0] > MAX_CELLS:
        matrix = matrix[np.sort(rng.permutation(matrix.shape[0])[:MAX_CELLS])]
    counts = np.asarray(matrix.toarray() if sp.issparse(matrix) else matrix).astype(np.int64)
    half = rng.binomial(counts, 0.5)
    one, other = (_centred(x, slope) for x in (half, counts - half))
    norm = np.sqrt((one**2).sum(0) * (other**2).sum(0))
    r = np.clip((one * other).sum(0) / np.maximum(norm, 1e-12), 0, 1)
    shares: Floats = 2 * r / (1 + r)
    return shares


def _centred(counts: np.ndarray, slope: float) -> Floats:
    y: Floats = np.log1p(counts) - slope * np.log1p(totals(counts))[:, None]
    return y - y.mean(0)
