"""Orders cells by their contents, so that a fit gives the same bits in whatever order the data list them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from crosstie._typing import Index, Matrix

BLOCK = 4_000_000  # values of a dense matrix hashed at once
SPREAD, STIR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)  # of SplitMix64


def canonical_order(matrix: Matrix, ignored: Index | None = None) -> Index:
    """Return the row numbers of the cells, sorted by a hash of their values, shape `(n_cells,)`.

    The hashes are sums of integers modulo 2⁶⁴, so nothing is rounded, and neither the order of the features, nor their
    names, nor explicit zeros change them. If two cells have the same values, perhaps in other features, features are
    hashed from the cells, and the cells again from the features. Only cells that are copies of each other keep their
    order.

    Parameters
    ----------
    matrix
        Cells × features, dense or CSR.
    ignored
        Numbers of features that do not count, such as controls.

    References
    ----------
    Steele, Lea and Flood, OOPSLA 2014 (SplitMix64), for the constants.
    """
    counted = np.ones(matrix.shape[1], np.uint64)
    counted[np.empty(0, np.int64) if ignored is None else ignored] = 0
    cells = np.concatenate([hashes @ counted for hashes in _hashes(matrix)])
    if len(np.unique(cells)) < len(cells):
        features = np.zeros(matrix.shape[1], np.uint64)
        start = 0
        for hashes in _hashes(matrix):
            features += hashes.T @ _hashed(cells[start : start + hashes.shape[0]])
            start += hashes.shape[0]
        features = _hashed(features) * counted
        cells = np.concatenate([hashes @ features for hashes in _hashes(matrix)])
    return np.argsort(cells, kind="stable")


def _hashes(matrix: Matrix) -> Iterator[Matrix]:
    """Yield a hash of each value, 0 for zero, for some cells at a time."""
    n_rows = max(1, BLOCK // matrix.shape[1])
    for start in range(0, matrix.shape[0], n_rows):
        rows = matrix[start : start + n_rows]
        values = rows.data if sp.issparse(rows) else np.asarray(rows)
        found = _hashed((values.astype(np.float32, copy=False) + np.float32(0)).view(np.uint32).astype(np.uint64))
        yield sp.csr_array((found, rows.indices, rows.indptr), rows.shape) if sp.issparse(rows) else found


def _hashed(values: np.ndarray) -> np.ndarray:
    """Return integers spread over 64 bits, 0 for 0."""
    out = values * SPREAD
    out ^= out >> np.uint64(32)
    out *= STIR
    return out
