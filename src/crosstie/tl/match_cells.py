"""Matching cells of two views: each with its nearest cell, or one to one at a small total distance.

It reads the coordinates of a fitted model and returns anchors.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from crosstie._errors import value_error
from crosstie._typing import Floats, Index
from crosstie.anchors import Anchors
from crosstie.anchors.neighbours import nearest
from crosstie.anchors.pairs import kernel_weights
from crosstie.tl.auction import auction, candidates, swapped
from crosstie.tl.empty_cells import warn_of_empty
from crosstie.tl.neighbourhood import coordinates

if TYPE_CHECKING:
    from concurrent.futures import Future

    from crosstie.model.model import Model

How = Literal["one-to-one", "many-to-one"]
MAX_DENSE = 4_000_000  # up to this many pairs, all of them are candidates


def match_cells(model: Model, source: str, target: str, *, how: How = "one-to-one", k: int = 30) -> Anchors:
    r"""Pair the cells of two views.

    Parameters
    ----------
    model
        A fitted model.
    source, target
        Names of the views.
    how
        `"many-to-one"`: each source cell with its nearest target cell, which may be used several times.
        `"one-to-one"`: every cell of the smaller view with a different cell of the larger one, at a small sum of
        squared distances: optimal in views of up to about 2,000 cells, and within a few hundredths of it in larger
        ones. Remaining cells of the larger view are not in the result.
    k
        Only for one-to-one matching of views with more than about 2,000 cells: candidates of a cell are its `k` nearest
        cells and those that have it among their `k` nearest. Cells that get none choose again among the free ones.

    Returns
    -------
    Row numbers, ordered by source, and a weight in (0, 1] for each pair: :math:`\exp(-d^2 / 2h^2)`
    with :math:`h^2` the median squared distance of the pairs. Cells without a single count are matched like others, but
    by nothing that was measured: a warning counts them. Memory grows with the number of cells times `k`.

    Raises
    ------
    KeyError
        If a view does not exist.
    ValueError
        If `how` is unknown, or `k` is below 1.
    """
    if how == "one-to-one":
        return begin_matching(model, source, target, k=k)()
    z_source, z_target = coordinates(model, source, target, k, what="match_cells")
    if how != "many-to-one":
        raise value_error("match_cells: how is unknown.", found=repr(how), expected="'one-to-one' or 'many-to-one'")
    return _anchors(model, source, target, np.arange(len(z_source)), nearest(z_target, z_source, 1)[1][:, 0])


def begin_matching(
    model: Model, source: str, target: str, *, k: int = 30, submit: Callable[..., Future[Any]] | None = None
) -> Callable[[], Anchors]:
    """Begin to match the cells of two views one to one.

    Parameters
    ----------
    model, source, target, k
        As of `match_cells`.
    submit
        Gives work to another process, which then matches while this one continues; `None` matches when the result is
        asked for.

    Returns
    -------
    Waits for the matches and returns them, as `match_cells` does.
    """
    z = coordinates(model, source, target, k, what="match_cells")
    away = None
    if submit is not None:
        with suppress(BrokenExecutor):  # the process ended: matched here
            away = submit(assignment, *z, k)

    def finish() -> Anchors:
        try:
            rows, columns = assignment(*z, k) if away is None else away.result()
        except (BrokenExecutor, MemoryError):
            rows, columns = assignment(*z, k)
        return _anchors(model, source, target, rows, columns)

    return finish


def _anchors(model: Model, source: str, target: str, rows: Index, columns: Index) -> Anchors:
    for view in (source, target):
        warn_of_empty(model, view, what="match_cells", so="their matches mean nothing")
    apart = _squared_distance(model.embed(source)[rows], model.embed(target)[columns])
    return Anchors(rows, columns, kernel_weights(apart))


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


def _squared_distance(x: Floats, y: Floats) -> Floats:
    difference = x.astype(np.float64) - y
    return np.einsum("ij,ij->i", difference, difference)
