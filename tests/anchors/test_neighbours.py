import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

import oracles
from crosstie.anchors import neighbours
from crosstie.anchors.neighbours import mutual_neighbours, nearest


def points(n, d=8, seed=0):
    """Points in clusters, as cells are."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(12, d)) * 3
    return (centres[rng.integers(12, size=n)] + rng.normal(size=(n, d))).astype(np.float32)


@pytest.mark.parametrize("k", [1, 7, 60])
def test_nearest_is_exact(k):
    base, query = points(60), points(25, seed=1)
    distance, row = nearest(base, query, k)
    expected = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(base).kneighbors(query)
    np.testing.assert_array_equal(row, expected[1])
    np.testing.assert_allclose(distance, expected[0] ** 2, rtol=1e-3, atol=1e-4)
    assert row.dtype == np.int64


def test_at_most_all_are_returned():
    assert nearest(points(5), points(3), 20)[1].shape == (3, 5)


def test_layout_and_type_do_not_matter():
    base, query = points(60), points(25, seed=1)
    other = nearest(np.asfortranarray(base.astype(np.float64)), query[::-1][::-1], 4)
    np.testing.assert_array_equal(other[1], nearest(base, query, 4)[1])


def test_inverted_file_finds_nearly_all(monkeypatch):
    base, query = points(12_000), points(500, seed=1)
    exact = nearest(base, query, 10)[1]
    monkeypatch.setattr(neighbours, "EXACT_BELOW", 1000)
    distance, row = nearest(base, query, 10)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(row, exact, strict=True)])
    assert recall >= 0.99
    assert (np.diff(distance, axis=1) >= 0).all()


def test_many_queries_are_answered_in_their_order(monkeypatch):
    base, query = points(3000), points(2000, seed=1)
    monkeypatch.setattr(neighbours, "EXACT_BELOW", 1000)
    whole = nearest(base, query, 5)
    index = neighbours.Neighbours(base)
    parts = [index.search(query[start : start + 500], 5) for start in range(0, 2000, 500)]
    for together, apart in zip(whole, zip(*parts, strict=True), strict=True):
        np.testing.assert_array_equal(together, np.concatenate(apart))


@pytest.mark.parametrize(("n", "m", "k"), [(40, 30, 1), (40, 30, 5), (6, 30, 20)])
def test_mutual_neighbours(n, m, k):
    x, y = points(n), points(m, seed=1)
    row, column, distance = mutual_neighbours(x, y, k)
    pairs, squared = oracles.mutual_nearest(x.astype(float), y.astype(float), k)
    assert list(zip(row.tolist(), column.tolist(), strict=True)) == pairs
    np.testing.assert_allclose(distance, squared, rtol=1e-3, atol=1e-4)


def test_mutual_neighbours_from_the_other_side():
    x, y = points(40), points(30, seed=1)
    there, back = mutual_neighbours(x, y, 4), mutual_neighbours(y, x, 4)
    assert set(zip(*map(tuple, there[:2]), strict=True)) == set(zip(*map(tuple, back[1::-1]), strict=True))


def test_cells_at_one_place_are_neighbours():
    x = points(10)
    row, column, distance = mutual_neighbours(x, x, 1)
    np.testing.assert_array_equal(row, np.arange(10))
    np.testing.assert_array_equal(column, np.arange(10))
    np.testing.assert_allclose(distance, 0, atol=1e-4)


@pytest.mark.parametrize("k", [250, 280])
def test_lists_with_too_few_cells(monkeypatch, k):
    """The inverted file answers -1 where the lists it searched hold fewer than k; then it searches all of them."""
    x, y = points(300), points(280, seed=1)
    expected = nearest(y, x, k)
    monkeypatch.setattr(neighbours, "EXACT_BELOW", 100)
    distance, row = nearest(y, x, k)
    assert row.min() >= 0
    np.testing.assert_allclose(distance, ((x[:, None] - y[row]) ** 2).sum(2), rtol=1e-3, atol=1e-3)
    assert (np.diff(distance, axis=1) >= 0).all()
    searched_all = (row == expected[1]).all(1)
    assert searched_all.mean() > 0.5
    pairs = mutual_neighbours(x, y, k)
    assert min(pairs[0].min(), pairs[1].min()) >= 0


@pytest.mark.parametrize("shift", [0, 300])
def test_short_distances_far_from_the_origin(shift):
    rng = np.random.default_rng(0)
    base, query = (rng.normal(shift, 1, (n, 6)).astype(np.float32) for n in (200, 50))
    distance, row = nearest(base, query, 5)
    every = ((query[:, None].astype(float) - base) ** 2).sum(2)
    np.testing.assert_array_equal(row, np.argsort(every, axis=1)[:, :5])
    np.testing.assert_allclose(distance, np.take_along_axis(every, row, axis=1), rtol=1e-3)
