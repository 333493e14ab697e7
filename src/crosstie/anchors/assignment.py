"""One-to-one assignment of rows of two sides: exact for small problems, by an auction and swaps for large ones."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from crosstie._typing import Floats, Index
from crosstie.anchors.auction import auction, candidates, swapped

MAX_DENSE = 4_000_000  # up to this many pairs, all of them are candidates


def assignment(source: Floats, target: Floats, k: int) -> tuple[Index, Index]:
    """Pair every row of the smaller side with a different row of the larger, at a small sum of squared distances.

    Small problems are solved exactly. In large ones, an auction among near neighbours pairs most rows; the rest are
    paired with the remaining rows, and then the most distant pairs swap partners if that lowers the sum.

    Parameters
    ----------
    source, target
        Common coordinates, shapes `(n_source, d)` and `(n_target, d)`.
    k
        Number of neighbours of each row, in both directions, that are candidates.

    Returns
    -------
    Row numbers of the source, rising, and of the target, shape `(min(n_source, n_target),)`.
    """
    if len(source) > len(target):
        columns, rows = assignment(target, source, k)
        order = np.argsort(rows)
        return rows[order], columns[order]
    if len(source) * len(target) <= MAX_DENSE:
        rows, columns = linear_sum_assignment(_all_distances(source, target))
        return rows, columns
    partner = np.full(len(source), -1)
    rows, columns = np.arange(len(source)), np.arange(len(target))
    n_left = 0
    while len(rows) * len(columns) > MAX_DENSE:
        taken = auction(*candidates(source[rows], target[columns], k), len(columns))
        got = taken >= 0
        partner[rows[got]] = columns[taken[got]]
        rows, columns = rows[~got], np.delete(columns, taken[got])
        n_left = n_left or len(rows)
        if got.mean() < 0.1:
            break
    for part, free in _parts(source, target, rows, columns):
        chosen, taken = linear_sum_assignment(_all_distances(source[part], target[free]))
        partner[part[chosen]] = free[taken]
    return np.arange(len(source)), swapped(source, target, partner, 2 * n_left)


def _parts(source: Floats, target: Floats, rows: Index, columns: Index) -> list[tuple[Index, Index]]:
    """Split rows and columns along their leading axis into parts small enough for a table of distances."""
    n_parts = int(np.ceil(np.sqrt(len(rows) * len(columns) / MAX_DENSE)))
    if not n_parts:
        return []
    if n_parts > 1:
        both = np.concatenate([source[rows], target[columns]]).astype(np.float64)
        both -= both.mean(0)
        score = both @ np.linalg.eigh(both.T @ both)[1][:, -1]
        rows = rows[np.argsort(score[: len(rows)], kind="stable")]
        columns = columns[np.argsort(score[len(rows) :], kind="stable")]
    # If there are no more rows than columns in total, the same holds in every part.
    return list(zip(np.array_split(rows, n_parts), np.array_split(columns, n_parts), strict=True))


def _all_distances(x: Floats, y: Floats) -> Floats:
    x, y = x.astype(np.float64), y.astype(np.float64)
    return (x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * x @ y.T
