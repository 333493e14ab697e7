"""Detects the same matrix given twice under two names."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from crosstie._log import log
from crosstie._typing import Floats
from crosstie.data.stored import product
from crosstie.data.view import View

# With a smaller share of unique cells no conclusion is possible: a few proteins at low counts repeat by chance.
DISTINCT = 0.25


def warn_of_copies(views: Mapping[str, View]) -> None:
    """Warn if two views hold the same numbers."""
    for a, b in combinations(views.values(), 2):
        share = shared_cells(a, b)
        if share > 0.5:
            log.warning(
                "%s and %s hold the same matrix: %.0f %% of the cells have identical values in both. "
                "Scores of such a run say nothing about integration. Was one file given twice?",
                a.name,
                b.name,
                100 * share,
            )


def shared_cells(a: View, b: View) -> float:
    """Return the share of the smaller view's cells that occur with identical values in the other view, in [0, 1].

    A share near 1 means that one matrix was given twice, perhaps with its cells or features in another order. The share
    is 0 if the views have different features, or too few cells are unique within their view.

    Only cells that are unique within their view are compared. In independent views, a cell of probability `p` occurs
    exactly once among `n` with probability near `n p exp(-n p)`, so that the share stays below 0.37.
    """
    if len(a.features) != len(b.features) or set(a.features) != set(b.features):
        return 0.0
    small, large = sorted((a, b), key=lambda view: view.n_cells)
    weight = np.random.default_rng(0).standard_normal(len(small.features))
    order = large.features.get_indexer(small.features)
    once = _once(_signature(small, weight))
    if len(once) < DISTINCT * small.n_cells:
        return 0.0
    return float(np.isin(once, _once(_signature(large, weight[np.argsort(order)]))).mean())


def _once(signature: Floats) -> Floats:
    value, n_times = np.unique(signature, return_counts=True)
    return value[n_times == 1]


def _signature(view: View, weight: Floats) -> Floats:
    """Return one number per cell: equal for equal cells, almost always different for different ones."""
    return np.round(product(view.matrix, weight).astype(np.float64), 4)
