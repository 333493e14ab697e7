"""Do linked columns agree across matched cells better than unlinked ones? Pure functions on arrays."""

from __future__ import annotations

import numpy as np

from crosstie._typing import Array, Floats
from crosstie.anchors.transport import composed_plan


def matched_correlations(
    source: Array,
    target: Array,
    source_columns: Floats,
    target_columns: Floats,
    *,
    entropy: float = 0.05,
    balance: float = 0.9,
) -> Floats:
    r"""Return the correlation of every column of one side with every column of the other, across matched cells.

    With the transport plan :math:`P` between the cells and columns centred by its marginals :math:`a, b`,
    :math:`C_{jk} = x_j^\top P y_k / \sqrt{(a^\top x_j^2)(b^\top y_k^2)}`. The diagonal holds the agreement of links.

    Parameters
    ----------
    source, target
        Unit-length coordinates, shapes `(n_source, d)` and `(n_target, d)`; the plan is dense, so give a sketch.
    source_columns, target_columns
        Values to compare, shapes `(n_source, n_columns)` and `(n_target, n_columns)`.
    entropy, balance
        Settings of the transport plan (method.md, eq. 14 and 15).

    Returns
    -------
    Shape `(n_columns, n_columns)`, in [-1, 1]; 0 for constant columns.
    """
    plan = composed_plan(source, target, entropy=entropy, balance=balance)
    a, b = plan.sum(1, dtype=np.float64), plan.sum(0, dtype=np.float64)
    x, y = source_columns - a @ source_columns, target_columns - b @ target_columns
    spread = np.sqrt(np.outer(a @ x**2, b @ y**2))
    correlation: Floats = (x.T @ (plan @ y)) / np.where(spread > 1e-12, spread, np.inf)
    return correlation


def above_other_pairings(correlation: Floats) -> float:
    r"""Return how much better linked columns agree than randomly paired ones, in standard deviations.

    The mean of the diagonal against that over all permutations :math:`\pi` of the columns, whose mean is
    :math:`\bar C` and whose variance is :math:`\sum_{jk} D_{jk}^2 / (m^2 (m-1))`, with :math:`D` the matrix centred by
    rows and columns. Exact for columns that were not used in the fit: if the links carry no information, all pairings
    of these columns are equally likely.

    Parameters
    ----------
    correlation
        Correlation of every column of one side with every column of the other, shape `(m, m)`.

    Returns
    -------
    A z-score, with mean 0 and variance 1 for random links; NaN for fewer than two columns or if all pairings agree
    equally.

    References
    ----------
    Hoeffding, Annals of Mathematical Statistics 22, 558 (1951).
    """
    m = len(correlation)
    if m < 2:
        return float("nan")
    centred = correlation - correlation.mean(0) - correlation.mean(1)[:, None] + correlation.mean()
    deviation = np.sqrt((centred**2).sum() / (m - 1)) / m
    if deviation < 1e-12:
        return float("nan")
    return float((np.trace(correlation) / m - correlation.mean()) / deviation)
