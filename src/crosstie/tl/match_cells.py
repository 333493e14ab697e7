"""Matching cells of two views: each with its nearest cell, or one to one at a small total distance.

It reads the coordinates of a fitted model and returns anchors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np

from crosstie._beside import Submit, begin
from crosstie._errors import value_error
from crosstie._typing import Floats, Index
from crosstie.anchors import Anchors
from crosstie.anchors.assignment import assignment
from crosstie.anchors.neighbours import nearest
from crosstie.anchors.pairs import kernel_weights
from crosstie.tl.empty_cells import warn_of_empty
from crosstie.tl.neighbourhood import coordinates

if TYPE_CHECKING:
    from crosstie.model.model import Model

How = Literal["one-to-one", "many-to-one"]


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
    model: Model, source: str, target: str, *, k: int = 30, submit: Submit | None = None
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
    wait = begin(submit, assignment, *coordinates(model, source, target, k, what="match_cells"), k)
    return lambda: _anchors(model, source, target, *wait())


def _anchors(model: Model, source: str, target: str, rows: Index, columns: Index) -> Anchors:
    for view in (source, target):
        warn_of_empty(model, view, what="match_cells", so="their matches mean nothing")
    apart = _squared_distance(model.embed(source)[rows], model.embed(target)[columns])
    return Anchors(rows, columns, kernel_weights(apart))


def _squared_distance(x: Floats, y: Floats) -> Floats:
    difference = x.astype(np.float64) - y
    return np.einsum("ij,ij->i", difference, difference)
