"""Mistakes visible in the data before any fit: a matrix given twice, duplicated cells, mismatched organisms."""

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

LEAST_SEEN = 20  # non-zero features of a cell; with this many, no other cell equals it by chance
LEAST_NAMES = 3


def copied(views: Mapping[str, View]) -> dict[tuple[str, str], float]:
    """Return, for each pair of views, the share of the smaller view's cells whose numbers occur in the other too.

    Features may have other names and another order there: besides what `crosstie.data.copied_views.shared_cells`
    compares, this compares each cell's sum, sum of squares and sum of cubes.
    """
    return {
        (a.name, b.name): max(shared_cells(a, b), _same_moments(a.loaded, b.loaded))
        for a, b in combinations(views.values(), 2)
    }


def duplicated(matrix: Matrix) -> float:
    """Return the share of cells that are identical to another cell of the view in every feature, in [0, 1].

    Only cells with at least 20 non-zero features count; 0 if there are none.
    """
    x = _csr(matrix)
    rich = np.flatnonzero(np.diff(x.indptr) >= LEAST_SEEN)
    if not len(rich):
        return 0.0
    weight = np.random.default_rng(0).standard_normal(x.shape[1])
    return float(pd.Series(np.round(x[rich] @ weight, 6)).duplicated(keep=False).mean())


def organisms(views: Mapping[str, View]) -> dict[str, tuple[Organism, int]]:
    """Return the organism that the features of each view come from, and how many features tell it.

    Genes tell it by their spelling (CD19, Cd19) or identifier (ENSG…, ENSMUSG…), antibodies by proteins that only one
    organism has (HLA-DR, Ly-6A).

    Returns
    -------
    Only views with at least three such features, and at least three times as many as for the other organism.
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
    by_id = [int(features.str.match(rf"(?i){start}\d{{11}}").sum()) for start in ("ENSG", "ENSMUSG")]
    return int(features.isin(human - mouse).sum()) + by_id[0], int(features.isin(mouse - human).sum()) + by_id[1]


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
