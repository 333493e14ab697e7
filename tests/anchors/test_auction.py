import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from crosstie.anchors import auction as module
from crosstie.anchors.auction import auction, candidates, swapped


def cloud(n, d=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def squared(x, y):
    return ((x[:, None].astype(float) - y) ** 2).sum(2)


@pytest.mark.parametrize("rows", [7, 2**16])
def test_candidates_are_the_naive_ones(rows, monkeypatch):
    monkeypatch.setattr("crosstie.anchors.auction.ROWS", rows)
    x, y = cloud(30), cloud(40, seed=1)
    cost, column = candidates(x, y, 5)
    d = squared(x, y)
    reached = np.argsort(d, axis=0)[:5]
    for i in range(30):
        wanted = set(np.argsort(d[i])[:5]) | {j for j in range(40) if i in reached[:, j]}
        wanted = sorted(wanted, key=lambda j: d[i, j])[:10]
        found = column[i][np.isfinite(cost[i])]
        assert found.tolist() == wanted
        np.testing.assert_allclose(cost[i][: len(found)], d[i, found], atol=1e-4)
        assert np.isinf(cost[i][len(found) :]).all()


@pytest.mark.parametrize(("n", "m"), [(60, 60), (50, 70), (1, 5)])
def test_auction_among_all_pairs_is_nearly_the_hungarian_algorithm(n, m):
    d = squared(cloud(n), cloud(m, seed=1))
    owned = auction(d.astype(np.float32), np.tile(np.arange(m), (n, 1)), m)
    assert owned.min() >= 0
    assert len(np.unique(owned)) == n
    step = module.PRECISION * np.median(d[:, 0])
    assert d[np.arange(n), owned].sum() <= d[linear_sum_assignment(d)].sum() + n * step + 1e-3


def test_rows_without_room_stay_out():
    owned = auction(np.ones((3, 1), np.float32), np.zeros((3, 1), np.int64), 3)
    assert sorted(owned) == [-1, -1, 0]
    free = auction(np.zeros((2, 2), np.float32), np.array([[0, 1], [0, 1]]), 2)
    assert sorted(free) == [0, 1]


def test_auction_follows_its_rows():
    d = squared(cloud(50), cloud(50, seed=1)).astype(np.float32)
    columns = np.tile(np.arange(50), (50, 1))
    order = np.random.default_rng(0).permutation(50)
    np.testing.assert_array_equal(auction(d[order], columns, 50), auction(d, columns, 50)[order])


@pytest.mark.parametrize("among", [np.arange(20), np.arange(1, 20, 3)])
def test_a_swap_is_the_best_one(among):
    x, y = cloud(20), cloud(20, seed=1)
    d, partner = squared(x, y), np.arange(20)
    worst = int(np.argmax(d[np.arange(20), partner]))
    gains = [d[worst, worst] + d[j, j] - d[worst, j] - d[j, worst] for j in among]
    own = y[partner]
    gain, other = module._best_swaps(x, own, np.einsum("ij,ij->i", x, own), np.array([worst]), among)
    assert gain[0] == pytest.approx(max(gains), rel=1e-4)
    assert other[0] == among[np.argmax(gains)]


@pytest.mark.parametrize("n_worst", [1, 10, 200])
def test_swaps_never_cost(n_worst, monkeypatch):
    x, y = cloud(100), cloud(130, seed=1)
    partner = np.random.default_rng(2).permutation(130)[:100]
    d = squared(x, y)
    better = swapped(x, y, partner, n_worst)
    assert sorted(better) == sorted(partner)
    assert d[np.arange(100), better].sum() < d[np.arange(100), partner].sum()
    monkeypatch.setattr(module, "BLOCK", 1)
    np.testing.assert_array_equal(swapped(x, y, partner, n_worst), better)


def test_passes_look_among_other_pairs(monkeypatch):
    x, y = cloud(300), cloud(300, seed=1)
    partner, d = np.random.default_rng(2).permutation(300), squared(x, y)
    asked, best_swaps = [], module._best_swaps
    monkeypatch.setattr(module, "MAX_AMONG", 100)
    monkeypatch.setattr(module, "_best_swaps", lambda *args: asked.append(args[-1]) or best_swaps(*args))
    better = swapped(x, y, partner, 100)
    assert sorted(np.concatenate(asked[:3])) == list(range(300))
    assert d[np.arange(300), better].sum() < 0.5 * d[np.arange(300), partner].sum()


def test_nothing_to_swap():
    x = cloud(5)
    np.testing.assert_array_equal(swapped(x, x, np.arange(5), 5), np.arange(5))
    np.testing.assert_array_equal(swapped(x, x, np.arange(5)[::-1], 0), np.arange(5)[::-1])
    np.testing.assert_array_equal(swapped(x[:1], x, np.array([3]), 1), [3])
