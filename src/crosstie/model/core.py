"""The core: the cells of large views that a model is fitted to. All other cells are placed through the fit.

Matching uses sketches of about a thousand cells, and preprocessing converges long before a view has a million cells.
Everything that costs more than reading each cell once is therefore done on the core only, in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from crosstie._typing import Edge, Floats, Index, Labels

OF_BATCH = 100  # cells of each batch that are in the core, however small its share


def cell_ranks(cells: pd.Index, salt: str) -> Floats:
    """Return a random number in [0, 1) for each cell, shape `(n_cells,)`: a keyed hash of its name.

    So the core does not depend on the order of the cells; their contents would have to be read for that otherwise.
    """
    key = hashlib.blake2b(salt.encode(), digest_size=8).hexdigest()
    return pd.util.hash_array(cells.to_numpy(object), hash_key=key, categorize=False) / 2.0**64


def core_rows(
    ranks: Mapping[str, Floats],
    n_core: int,
    *,
    pairs: Mapping[Edge, tuple[Index, Index]],
    batches: Mapping[str, Labels],
) -> dict[str, Index]:
    """Return the rows of each view that are fitted, in ascending order; empty if no view has more than `n_core` cells.

    The cells of lowest rank are taken: ranks are random, so that the core has the composition of the view. Shared cells
    and their partners come first, up to half of the core, then 100 cells of every batch.

    Parameters
    ----------
    ranks
        A random number for each cell, as from `cell_ranks`, shape `(n_cells,)`.
    n_core
        Largest number of cells of a view in the core.
    pairs
        Row numbers of the shared cells of each edge that has any.
    batches
        Batch of each cell, for views with batches.
    """
    if max(map(len, ranks.values())) <= n_core:
        return {}
    rank = {view: r.copy() for view, r in ranks.items()}
    for view, batch in batches.items():
        code = np.unique(np.asarray(batch, dtype=str), return_inverse=True)[1]
        order = np.lexsort((rank[view], code))
        starts = np.flatnonzero(np.diff(code[order], prepend=-1))
        within = np.arange(len(code)) - np.repeat(starts, np.diff([*starts, len(code)]))
        rank[view][order[within < OF_BATCH]] -= 1
    for (a, b), (i, j) in pairs.items():
        first = np.argsort(ranks[a][i] + ranks[b][j], kind="stable")[: n_core // 2]
        rank[a][i[first]] = rank[b][j[first]] = np.linspace(-3, -2, len(first), endpoint=False)
    return {view: np.sort(np.argsort(r, kind="stable")[:n_core]) for view, r in rank.items()}
