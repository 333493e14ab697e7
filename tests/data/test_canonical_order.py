"""Cells sorted by their contents: exact, whatever the order of cells and features."""

import numpy as np
import pytest
import scipy.sparse as sp

from crosstie.data.canonical_order import canonical_order


def counts(n_cells=400, n_features=9, *, seed=0):
    """Few small counts, so that many cells hold the same values in other features, and some are copies."""
    return np.random.default_rng(seed).poisson(0.3, (n_cells, n_features)).astype(np.float32)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.csr_array])
def test_the_sorted_cells_are_the_same_whatever_the_order(kind):
    x, rng = counts(), np.random.default_rng(1)
    rows, columns = rng.permutation(len(x)), rng.permutation(x.shape[1])
    mixed = x[rows][:, columns]
    np.testing.assert_array_equal(x[canonical_order(kind(x))][:, columns], mixed[canonical_order(kind(mixed))])


def test_storage_makes_no_difference():
    x = counts()
    stored = sp.csr_matrix(x)
    stored.data[:5] = 0  # explicit zeros
    np.testing.assert_array_equal(canonical_order(stored), canonical_order(stored.toarray()))
    unsorted = sp.csr_matrix(x)
    for start, end in zip(unsorted.indptr[:-1], unsorted.indptr[1:], strict=True):
        unsorted.indices[start:end], unsorted.data[start:end] = (
            unsorted.indices[start:end][::-1].copy(),
            unsorted.data[start:end][::-1].copy(),
        )
    np.testing.assert_array_equal(canonical_order(unsorted), canonical_order(x))


def test_large_matrices_are_hashed_in_blocks(monkeypatch):
    x = counts()
    whole = canonical_order(x)
    monkeypatch.setattr("crosstie.data.canonical_order.BLOCK", 50)
    np.testing.assert_array_equal(canonical_order(x), whole)
    np.testing.assert_array_equal(canonical_order(sp.csr_matrix(x)), whole)


def test_copies_keep_their_order():
    np.testing.assert_array_equal(np.sort(canonical_order(np.ones((5, 3), np.float32))), np.arange(5))
