"""Finds features that outweigh all others together, such as a column of quality control left among the genes."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from crosstie._typing import Floats, Index, Matrix
from crosstie.data.scaled import column_sums
from crosstie.data.steps import Steps
from crosstie.data.view import View

BY_TOTAL = ("library", "partial")  # normalisations by the total of a cell
TIMES = 4.0  # the largest gene of real sets of 500 genes and more has 1.3 times the counts of all others (MALAT1)


def dominant_features(matrix: Matrix) -> Index:
    """Return the numbers of the features that make up most of every total, in ascending order.

    A total of counts measures the size of a cell because many features make it up. A feature with more than four times
    the counts of all smaller ones together would be the size; it and those above it are returned. At most a tenth of
    the features are: of more, none stands out. A feature that stands out in one of a hundred cells stays: its values
    are clipped, and the sizes of the other cells are right.

    Parameters
    ----------
    matrix
        Cells × features: counts or normalised counts, dense or CSR.
    """
    sums = column_sums(matrix)
    order = np.argsort(sums, kind="stable")
    smaller = np.cumsum(sums[order]) - sums[order]
    stands_out = (sums[order] > TIMES * smaller) & (smaller > 0)
    stands_out[: len(sums) - max(1, len(sums) // 10)] = False
    if not stands_out.any():
        return np.empty(0, np.int64)
    first = int(stands_out.argmax())
    usual = sums[order[first:]] - _of_few_cells(matrix[:, order[first:]])
    return np.sort(order[first:][usual > TIMES * smaller[first]])


def set_aside_of(view: View, steps: Steps, ignored: Index) -> Index:
    """Return the dominant features that no recipe uses: those of views whose totals are sizes.

    In a panel of antibodies one may be real, and a total that it makes is hardly used as a size (`typical_slope`).
    """
    return dominant_of(view, steps, ignored) if steps.normalize == "library" else np.empty(0, np.int64)


def _of_few_cells(matrix: Matrix) -> Floats:
    """Return the sum of the largest values of each feature, those of one in a hundred cells."""
    columns, few = sp.csc_array(matrix), max(1, matrix.shape[0] // 100)
    parts = np.split(columns.data.astype(np.float64), columns.indptr[1:-1])
    return np.array([np.sort(part)[-few:].sum() for part in parts])


def dominant_of(view: View, steps: Steps, ignored: Index) -> Index:
    """Return the dominant features of a view, besides those that are ignored; none where totals are not used."""
    if steps.normalize not in BY_TOTAL or view.values == "log":
        return np.empty(0, np.int64)
    own = np.setdiff1d(np.arange(view.n_features), ignored)
    found: Index = own[dominant_features(view.loaded[:, own] if len(ignored) else view.loaded)]
    return found
