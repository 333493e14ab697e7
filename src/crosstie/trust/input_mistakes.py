"""Mistakes that show in the data before any fit: one matrix given twice, cells twice, organisms that do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._typing import Floats, Matrix
from crosstie.data import View
from crosstie.data.copied_views import shared_cells
from crosstie.links.antibody_names import Organism, entries, lookup

LEAST_SEEN = 20  # features not 0 of a cell from which on no second cell is like it by chance
LEAST_NAMES = 3


def copied(views: Mapping[str, View]) -> dict[tuple[str, str], float]:
    """Return, for each two views, the share of the smaller one's cells whose numbers the other has too, in [0, 1].

    Features may have other names and another order there: what is compared is, beside what
    `crosstie.data.copied_views.shared_cells` compares, the cells' sums, sums of squares and of cubes.
    """
    return {
        (a.name, b.name): max(shared_cells(a, b), _same_moments(a.loaded, b.loaded))
        for a, b in combinations(views.values(), 2)
    }


def duplicated(matrix: Matrix) -> float:
    """Return the share of cells that another cell of the view equals in every feature, in [0, 1].

    Only cells in which at least 20 features are not 0 are looked at; 0 where there are none.
    """
    x = _csr(matrix)
    rich = np.flatnonzero(np.diff(x.indptr) >= LEAST_SEEN)
    if not len(rich):
        return 0.0
    weight = np.random.default_rng(0).standard_normal(x.shape[1])
    return float(pd.Series(np.round(x[rich] @ weight, 6)).duplicated(keep=False).mean())


def organisms(views: Mapping[str, View]) -> dict[str, tuple[Organism, int]]:
    """Return the organism that the features of each view show, and how many of them show it.

    Genes show it by their spelling (CD19, Cd19), antibodies by proteins that only one organism has (HLA-DR, Ly-6A).

    Returns
    -------
    Only views that show it: by at least three features, and three times as many as show the other organism.
    """
    out: dict[str, tuple[Organism, int]] = {}
    for view in views.values():
        seen = _by_antibodies(view.features) if view.modality in ("protein", "cytometry") else _by_genes(view.features)
        human, mouse = seen
        if max(seen) >= LEAST_NAMES and max(seen) >= 3 * min(seen):
            out[view.name] = ("human", human) if human > mouse else ("mouse", mouse)
    return out


def _by_genes(features: pd.Index) -> tuple[int, int]:
    human, mouse = ({gene for entry in entries() for gene in entry.genes(o)} for o in ("human", "mouse"))  # type: ignore[arg-type]
    return int(features.isin(human - mouse).sum()), int(features.isin(mouse - human).sum())


def _by_antibodies(features: pd.Index) -> tuple[int, int]:
    found = [entry for name in features if (entry := lookup(str(name)))]
    return sum(not e.mouse and bool(e.human) for e in found), sum(not e.human and bool(e.mouse) for e in found)


def _same_moments(a: Matrix, b: Matrix) -> float:
    small, large = sorted((_moments(a), _moments(b)), key=len)
    once = small.drop_duplicates(keep=False)
    if len(once) < len(small) / 4:
        return 0.0
    return float(len(once.merge(large.drop_duplicates(keep=False))) / len(once))


def _moments(matrix: Matrix) -> pd.DataFrame:
    x = _csr(matrix)
    power: list[Floats] = [np.asarray(x.power(p).sum(1, dtype=np.float64)).ravel() for p in (1, 2, 3)]
    return pd.DataFrame(np.round(np.column_stack(power), 3))


def _csr(matrix: Matrix) -> sp.csr_matrix:
    return sp.csr_matrix(matrix, dtype=np.float64)
