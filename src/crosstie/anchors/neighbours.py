"""Nearest neighbours between and within views: exact for up to 50,000 cells, approximate (inverted file) above that.

Inside `computing_with`, another engine searches: on a GPU, exactly at any number of cells.
"""

from __future__ import annotations

import faiss
import numpy as np
import scipy.sparse as sp

from crosstie._threads import few_threads, side_by_side
from crosstie._typing import Array, Floats, Index
from crosstie.anchors.engine import Rows, engine_in_use

EXACT_BELOW = 50_000
FAR, SAMPLE = 100, 1000  # squared distance of the centre from the origin, in variances of so many rows
# Distances are matrix products, from 20 queries on and in blocks that stay in the cache (faiss: from 128,000 numbers
# on, in blocks of 4096 × 1024). A search for 1,000 cells takes a third of the time.
faiss.cvar.distance_compute_blas_threshold = 20
faiss.cvar.distance_compute_blas_query_bs = faiss.cvar.distance_compute_blas_database_bs = 512
N_ITERATIONS, LIST_SAMPLE = 5, 39  # of k-means, which makes the lists, on so many rows a list: half the time or less
N_PROBED = 16  # of 4 √n lists: finds 97 % of the 10 nearest of 50,000 rows, 80 % of the 40 nearest of a million


class Neighbours:
    """A set of rows, indexed once, in which nearest neighbours can be searched repeatedly.

    Parameters
    ----------
    base
        Coordinates to search in, shape `(n_base, d)`.
    """

    def __init__(self, base: Floats) -> None:
        self.base: Array = np.ascontiguousarray(base, np.float32)
        self.engine = engine_in_use()
        self._rows: Rows = _FaissRows(self.base) if self.engine is None else self.engine.rows(self.base)

    def search(self, query: Floats, k: int) -> tuple[Array, Index]:
        """Return the nearest rows of the base and their distances, as `nearest` does."""
        return self._rows.search(np.ascontiguousarray(query, np.float32), min(k, len(self.base)))


class _FaissRows:
    """Rows on the CPU: all are compared if there are fewer than `EXACT_BELOW`, else those of the nearest lists."""

    def __init__(self, base: Array) -> None:
        self._n = len(base)
        some = base[:: max(1, len(base) // SAMPLE)].astype(np.float64)
        centre = some.mean(0)
        # Far from the origin, products in single precision lose short distances.
        self._centre = centre.astype(np.float32) if centre @ centre > FAR * some.var(0).sum() else None
        base = base if self._centre is None else base - self._centre
        self._index = _flat(base) if len(base) < EXACT_BELOW else _inverted(base)

    def search(self, query: Array, k: int) -> tuple[Array, Index]:
        """Return squared distances and numbers of the `k` nearest rows, both `(n_query, k)`, nearest first."""
        query = query if self._centre is None else query - self._centre
        if not isinstance(self._index, faiss.IndexIVF) or len(query) < EXACT_BELOW:
            with few_threads(self._n):
                distance, row = self._index.search(query, k)
        else:
            # Sorted by list, so that the lists they search are still in the processor's cache.
            order = np.argsort(self._index.quantizer.search(query, 1)[1][:, 0], kind="stable")
            distance, row = np.empty((len(query), k), np.float32), np.empty((len(query), k), np.int64)
            distance[order], row[order] = self._index.search(query[order], k)
        short = (row < 0).any(1)
        if short.any():  # the probed lists held fewer than k rows: search all lists
            every = faiss.SearchParametersIVF(nprobe=self._n)  # type: ignore[call-arg]
            distance[short], row[short] = self._index.search(query[short], k, params=every)
        return distance, row.astype(np.int64, copy=False)


def nearest(base: Floats, query: Floats, k: int) -> tuple[Array, Index]:
    """Return the `k` rows of `base` nearest to each row of `query`.

    Parameters
    ----------
    base, query
        Coordinates to search in and to search for, shapes `(n_base, d)` and `(n_query, d)`.
    k
        Number of neighbours, at least 1; at most `n_base` are returned.

    Returns
    -------
    Squared Euclidean distances and row numbers, both of shape `(n_query, min(k, n_base))`, nearest first.
    """
    return Neighbours(base).search(query, k)


def row_means(values: Floats, rows: Index) -> Floats:
    """Return the mean of some rows of `values` for each cell.

    One neighbour is read at a time: never cells × neighbours × columns.

    Parameters
    ----------
    values
        Shape `(n_base,)` or `(n_base, n_columns)`.
    rows
        Row numbers, shape `(n_cells, k)`.
    """
    total = values[rows[:, 0]].copy()
    for column in rows.T[1:]:
        total += values[column]
    return total / rows.shape[1]


def _flat(base: Array) -> faiss.Index:
    index = faiss.IndexFlatL2(base.shape[1])
    index.add(base)
    return index


def _inverted(base: Array) -> faiss.IndexIVF:
    """Return an inverted file that searches `N_PROBED` lists, which is enough for means over neighbours."""
    d, n_lists = base.shape[1], int(4 * np.sqrt(len(base)))
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(d), d, n_lists)
    index.nprobe = N_PROBED
    index.cp.niter = N_ITERATIONS
    index.train(base[:: max(1, len(base) // (LIST_SAMPLE * n_lists))])
    index.add(base)
    return index


def mutual_neighbours(source: Floats, target: Floats, k: int) -> tuple[Index, Index, Array]:
    """Return the pairs of cells that are among each other's `k` nearest.

    Parameters
    ----------
    source, target
        Coordinates of the two views, shapes `(n_source, d)` and `(n_target, d)`.
    k
        Number of neighbours searched from each side.

    Returns
    -------
    Source rows, target rows and squared distances, sorted by source row, then target row.
    """
    shape = (len(source), len(target))
    ways = [(target, source), (source, target)]
    forward, backward = side_by_side(lambda way: nearest(*way, k)[1], ways, n_rows=max(shape))
    there = sp.csr_array(_ones(forward, shape))
    back = sp.csr_array(_ones(backward, shape[::-1]).T)
    both = sp.coo_array(there.multiply(back))
    order = np.lexsort((both.col, both.row))
    row, column = both.row[order].astype(np.int64), both.col[order].astype(np.int64)
    # Not the distances of a search, whose last bits depend on which view is searched in.
    apart = np.asarray(source, np.float32)[row] - np.asarray(target, np.float32)[column]
    return row, column, np.einsum("ij,ij->i", apart, apart)


def _ones(neighbours: Index, shape: tuple[int, int]) -> sp.coo_array:
    rows = np.repeat(np.arange(len(neighbours)), neighbours.shape[1])
    return sp.coo_array((np.ones(len(rows), np.float32), (rows, neighbours.ravel())), shape=shape)


# faiss takes working memory at the first larger product, and ends the process where there is none: taken on import,
# so that whoever has too little for their data is told.
nearest(np.zeros((512, 64)), np.zeros((512, 64)), 1)
