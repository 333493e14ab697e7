"""Cells of one view paired with cells of another: each with its nearest, or one to one at the least total distance.

Needs a fitted model's coordinates; gives anchors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from crosstie._errors import value_error
from crosstie._typing import Floats, Index
from crosstie.anchors import Anchors
from crosstie.anchors.neighbours import nearest
from crosstie.anchors.pairs import kernel_weights
from crosstie.tl.transfer import coordinates

if TYPE_CHECKING:
    from crosstie.model.model import Model

Method = Literal["one_to_one", "many_to_one"]
MAX_DENSE = 4_000_000  # up to so many pairs, all of them are candidates
MAX_PAIRS = 20_000_000  # bounds the candidates of cells left over, whose number doubles in every round


def match_cells(model: Model, source: str, target: str, *, method: Method = "one_to_one", k: int = 30) -> Anchors:
    r"""Pair the cells of two views.

    Parameters
    ----------
    model
        Fitted.
    source, target
        Names of the views.
    method
        `"many_to_one"`: each source cell with its nearest target cell, which may serve several. `"one_to_one"`: every
        cell of the smaller view with a cell of its own in the larger, at the least sum of squared distances among the
        candidates; cells of the larger view that are left over are not in the result.
    k
        One to one, in views of more than about 2,000 cells: the candidates of a cell are its `k` nearest, and those
        that it is among the `k` nearest of. Cells that get none of them choose again among the free ones.

    Returns
    -------
    Row numbers, in order of the source's, and weights :math:`\exp(-d^2 / 2h^2)` with :math:`h^2` the median squared
    distance of the pairs.

    Raises
    ------
    KeyError
        If there is no such view.
    ValueError
        If the method is unknown, or `k` below 1.
    """
    z_source, z_target = coordinates(model, source, target, k, what="match_cells")
    if method == "many_to_one":
        rows, columns = np.arange(len(z_source)), nearest(z_target, z_source, 1)[1][:, 0]
    elif method == "one_to_one":
        rows, columns = assignment(z_source, z_target, k)
    else:
        raise value_error(
            "match_cells: the method is unknown.", found=repr(method), expected="'one_to_one' or 'many_to_one'"
        )
    return Anchors(rows, columns, kernel_weights(_squared_distance(z_source[rows], z_target[columns])))


def assignment(source: Floats, target: Floats, k: int) -> tuple[Index, Index]:
    """Pair rows one to one, as many as the smaller side has, at a small sum of squared distances.

    The sum is the least in small problems, and in large ones where the pairs of the best assignment are among the
    candidates; rows of the smaller side that get none of their candidates are paired afterwards, among what is free.

    Parameters
    ----------
    source, target
        Common coordinates, shapes `(n_source, d)` and `(n_target, d)`.
    k
        Number of neighbours of each row, on both sides, that are candidates.

    Returns
    -------
    Row numbers of the source, rising, and of the target, shape `(min(n_source, n_target),)`.
    """
    if len(source) > len(target):
        columns, rows = assignment(target, source, k)
        order = np.argsort(rows)
        return rows[order], columns[order]
    partner = np.full(len(source), -1)
    rows, columns = np.arange(len(source)), np.arange(len(target))
    while len(rows):
        if len(rows) * len(columns) <= MAX_DENSE:
            chosen, taken = linear_sum_assignment(_all_distances(source[rows], target[columns]))
            partner[rows[chosen]] = columns[taken]
            break
        chosen, taken = _cheapest_pairs(source[rows], target[columns], k)
        partner[rows[chosen]] = columns[taken]
        rows, columns = np.delete(rows, chosen), np.delete(columns, taken)
        k = max(k, min(2 * k, MAX_PAIRS // (len(rows) + len(columns) + 1)))
    return np.arange(len(source)), partner


def _cheapest_pairs(source: Floats, target: Floats, k: int) -> tuple[Index, Index]:
    """Return the cheapest matching among neighbours; rows of the source may stay without a partner, at a price."""
    n_source, n_target = len(source), len(target)
    forward, backward = nearest(target, source, k)[1], nearest(source, target, k)[1]
    row = np.concatenate([np.repeat(np.arange(n_source), forward.shape[1]), backward.ravel()])
    column = np.concatenate([forward.ravel(), np.repeat(np.arange(n_target), backward.shape[1])])
    row, column = np.divmod(np.unique(row * n_target + column), n_target)
    cost = _squared_distance(source[row], target[column])
    # Whole numbers: SciPy's solver can run forever on fractions, whose rounding errors undo its progress.
    cost = np.rint(cost / max(cost.max(), 1e-300) * 2**26) + 1
    # A column of its own for each row makes a full matching possible. It costs more than any pair, so that it is
    # used where there is no room, or where making room would push many others far off.
    alone = np.arange(n_source)
    graph = sp.csr_matrix(
        (
            np.concatenate([cost, np.full(n_source, 2 * cost.max())]),
            (np.concatenate([row, alone]), np.concatenate([column, n_target + alone])),
        ),
        shape=(n_source, n_target + n_source),
    )
    chosen, taken = min_weight_full_bipartite_matching(graph)
    paired = taken < n_target
    return chosen[paired].astype(np.int64), taken[paired].astype(np.int64)


def _all_distances(x: Floats, y: Floats) -> Floats:
    x, y = x.astype(np.float64), y.astype(np.float64)
    return (x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * x @ y.T


def _squared_distance(x: Floats, y: Floats) -> Floats:
    difference = x.astype(np.float64) - y
    return np.einsum("ij,ij->i", difference, difference)
