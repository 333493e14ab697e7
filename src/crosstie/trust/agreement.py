"""Do linked columns agree over matched cells, better than columns that are not linked? Pure functions on arrays."""

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
    r"""Return the correlation of every column of one side with every column of the other, over matched cells.

    With the transport plan :math:`P` between the cells and columns centred by its marginals :math:`a, b`,
    :math:`C_{jk} = x_j^\top P y_k / \sqrt{(a^\top x_j^2)(b^\top y_k^2)}`. The diagonal is the agreement of links.

    Parameters
    ----------
    source, target
        Coordinates of length 1, shapes `(n_source, d)` and `(n_target, d)`; a sketch: the plan is dense.
    source_columns, target_columns
        Values to compare, shapes `(n_source, n_columns)` and `(n_target, n_columns)`.
    entropy, balance
        Of the match (method.md, eq. 14 and 15).

    Returns
    -------
    Shape `(n_columns, n_columns)`, in [-1, 1]; 0 for a column that does not vary.
    """
    plan = composed_plan(source, target, entropy=entropy, balance=balance)
    a, b = plan.sum(1, dtype=np.float64), plan.sum(0, dtype=np.float64)
    x, y = source_columns - a @ source_columns, target_columns - b @ target_columns
    spread = np.sqrt(np.outer(a @ x**2, b @ y**2))
    correlation: Floats = (x.T @ (plan @ y)) / np.where(spread > 1e-12, spread, np.inf)
    return correlation


def above_other_pairings(correlation: Floats) -> float:
    r"""Return by how many standard deviations linked columns agree better than if they were paired at random.

    The mean of the diagonal against that over all permutations :math:`\pi` of the columns, whose mean is
    :math:`\bar C` and whose variance is :math:`\sum_{jk} D_{jk}^2 / (m^2 (m-1))`, with :math:`D` the matrix centred by
    rows and columns. Exact where the columns took no part in the fit: then, if the table of links says nothing, every
    pairing of them is as likely.

    Parameters
    ----------
    correlation
        Of every column of one side with every one of the other, shape `(m, m)`.

    Returns
    -------
    Mean 0 and variance 1 for links at random; NaN for fewer than two columns, or columns that all agree alike.

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


def together(z: Floats) -> float:
    """Return one z-score for several of about independent tests (Stouffer); NaN where none could be made."""
    made = np.asarray(z, dtype=float)
    made = made[np.isfinite(made)]
    return float(made.sum() / np.sqrt(len(made))) if len(made) else float("nan")


def above_null(value: float, null: Floats) -> float:
    """Return by how many of its standard deviations a value is above the mean of a null; NaN below three draws."""
    null = np.asarray(null, dtype=float)
    if len(null) < 3 or null.std() < 1e-12:
        return float("nan")
    return float((value - null.mean()) / null.std(ddof=1))
