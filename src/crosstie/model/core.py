"""The core: the cells of large views that a model is fitted to. All other cells are placed through the fit.

Matching uses sketches of about a thousand cells, and preprocessing converges long before a view has a million cells.
Everything that costs more than reading each cell once is therefore done on the core only, in memory.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from crosstie._typing import Edge, Floats, Index, Labels

OF_BATCH = 100  # cells of each batch that are in the core, however small its share


def core_rows(
    sizes: Mapping[str, int],
    n_core: int,
    *,
    pairs: Mapping[Edge, tuple[Index, Index]],
    batches: Mapping[str, Labels],
    seed: int,
) -> dict[str, Index]:
    """Return the rows of each view that are fitted, in ascending order; empty if no view has more than `n_core` cells.

    Cells are drawn at random, so that the core has the composition of the view. Shared cells and their partners come
    first, up to half of the core, then 100 cells of every batch.

    Parameters
    ----------
    sizes
        Number of cells of each view.
    n_core
        Largest number of cells of a view in the core.
    pairs
        Row numbers of the shared cells of each edge that has any.
    batches
        Batch of each cell, for views with batches.
    seed
        Random seed of the draw.
    """
    if max(sizes.values()) <= n_core:
        return {}
    rng = np.random.default_rng([seed, 4])
    rank: dict[str, Floats] = {view: rng.random(n) for view, n in sizes.items()}
    for view, batch in batches.items():
        code = np.unique(np.asarray(batch, dtype=str), return_inverse=True)[1]
        order = np.lexsort((rank[view], code))
        starts = np.flatnonzero(np.diff(code[order], prepend=-1))
        within = np.arange(len(code)) - np.repeat(starts, np.diff([*starts, len(code)]))
        rank[view][order[within < OF_BATCH]] -= 1
    for (a, b), (i, j) in pairs.items():
        first = np.argsort(rank[a][i], kind="stable")[: n_core // 2]
        rank[a][i[first]] = rank[b][j[first]] = np.linspace(-3, -2, len(first), endpoint=False)
    return {view: np.sort(np.argsort(r, kind="stable")[:n_core]) for view, r in rank.items()}
