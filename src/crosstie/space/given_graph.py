"""Neighbours in the tissue that the data bring along: squidpy's graph, checked and made that of the cells' sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from crosstie._errors import value_error
from crosstie._log import log
from crosstie._typing import Index

if TYPE_CHECKING:
    from anndata import AnnData

GRAPH = "spatial_connectivities"  # key of obsp, as squidpy writes it


def given_graph(view: str, adata: AnnData, section: Index) -> sp.csr_matrix | None:
    """Return the neighbours of each cell as `obsp["spatial_connectivities"]` has them; `None` without it.

    Only which cells are connected counts, not how strongly. Edges between sections are dropped, and a warning says how
    many; a graph that is not symmetric is made so.

    Parameters
    ----------
    view
        Name of the view, for messages.
    adata
        The data.
    section
        Number of the section of each cell, shape `(n_cells,)`.

    Returns
    -------
    CSR of ones, shape `(n_cells, n_cells)`, symmetric, without a diagonal, columns sorted; int8.

    Raises
    ------
    ValueError
        If it is not square, or a value is negative or not finite.
    """
    if GRAPH not in adata.obsp:
        return None
    edges = sp.coo_matrix(adata.obsp[GRAPH])
    n = len(section)
    if edges.shape != (n, n):
        raise _bad(view, f"shape {edges.shape}", f"one row and one column for each of the {n:,} cells")
    if not np.isfinite(edges.data).all() or (edges.data < 0).any():
        raise _bad(view, "negative values, or values that are not finite", "0, or the strength of a connection")
    there = (edges.data > 0) & (edges.row != edges.col)
    row, column = edges.row[there].astype(np.int64), edges.col[there].astype(np.int64)
    within = section[row] == section[column]
    if not within.all():
        log.warning(
            "%s: %s of %s edges of obsp[%r] connect cells of different sections and are left out.",
            *(view, f"{int((~within).sum()):,}", f"{len(within):,}", GRAPH),
        )
    graph = connected(row[within], column[within], n)
    one_way = graph.nnz - len(np.unique(row[within] * n + column[within]))
    if one_way:
        log.info("%s: %s edges of obsp[%r] went one way only: taken as both.", view, f"{one_way:,}", GRAPH)
    log.info("%s: neighbours are those of obsp[%r], %.1f per cell.", view, GRAPH, graph.nnz / max(n, 1))
    return graph


def connected(source: Index, target: Index, n_cells: int) -> sp.csr_matrix:
    """Return the symmetric graph of pairs of cells, as `given_graph` does."""
    pair = np.concatenate([source, target]), np.concatenate([target, source])
    graph = sp.csr_matrix((np.ones(len(pair[0]), np.int32), pair), shape=(n_cells, n_cells))
    graph.sum_duplicates()
    return sp.csr_matrix((np.ones(graph.nnz, np.int8), graph.indices, graph.indptr), shape=graph.shape)


def _bad(view: str, found: str, expected: str) -> Any:
    return value_error(
        f"view {view!r}: obsp[{GRAPH!r}] is no graph of neighbouring cells.",
        found=found,
        expected=expected,
        do=f"Compute it again (squidpy.gr.spatial_neighbors), or remove it: del adata.obsp[{GRAPH!r}].",
    )
