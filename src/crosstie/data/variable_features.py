"""Selects the most variable features, by the variance of analytic Pearson residuals."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from crosstie._typing import Floats, Matrix
from crosstie.data.scaled import column_sums

THETA = 100.0  # overdispersion of the negative binomial null model, as in the paper


def variable_features(matrix: Matrix, n_top: int) -> np.ndarray:
    """Return a mask of the most variable features, shape `(n_features,)`.

    Parameters
    ----------
    matrix
        Cells × features: counts (normalised values work too).
    n_top
        Number of features; of features with equal variance, the first are taken.
    """
    score = residual_variance(matrix)
    mask = np.zeros(matrix.shape[1], dtype=bool)
    mask[np.argsort(-score, kind="stable")[:n_top]] = True
    return mask


def residual_variance(matrix: Matrix, *, chunk: int = 1000) -> Floats:
    r"""Return the variance of the Pearson residuals of every feature, shape `(n_features,)`.

    The residual of a count :math:`x` with expectation :math:`\mu` (cell total × feature share) is
    :math:`(x - \mu) / \sqrt{\mu + \mu^2/\theta}`, cut at :math:`\sqrt{n}`.

    References
    ----------
    Lause, Berens and Kobak, Genome Biology 22, 258 (2021), eq. 5 and 6.
    """
    n_cells = matrix.shape[0]
    total = np.asarray(matrix.sum(1, dtype=np.float64)).ravel()
    share = column_sums(matrix) / max(total.sum(), 1e-12)
    limit = np.sqrt(n_cells)
    first, second = np.zeros(matrix.shape[1]), np.zeros(matrix.shape[1])
    for start in range(0, n_cells, chunk):
        rows = matrix[start : start + chunk]
        x = rows.toarray() if sp.issparse(rows) else rows
        mu = np.outer(total[start : start + chunk], share).astype(np.float32)
        residual = np.clip((x - mu) / np.sqrt(np.maximum(mu + mu**2 / np.float32(THETA), 1e-12)), -limit, limit)
        first += residual.sum(0, dtype=np.float64)
        second += (residual**2).sum(0, dtype=np.float64)
    return second / n_cells - (first / n_cells) ** 2
