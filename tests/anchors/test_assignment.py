import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from crosstie.anchors import assignment as module


def cloud(n, d=6, seed=0, shift=0.0):
    return (np.random.default_rng(seed).normal(size=(n, d)) + shift).astype(np.float32)


def cost(x, y):
    return ((x[:, None].astype(float) - y) ** 2).sum(2)


@pytest.fixture
def sparse(monkeypatch):
    """Take the way of large problems in small ones."""
    monkeypatch.setattr(module, "MAX_DENSE", 20)


SIZES = [(80, 80), (60, 90), (90, 60), (1, 1), (1, 40), (40, 1)]


def check(rows, columns, sizes):
    assert len(rows) == min(sizes)
    assert (np.diff(rows) > 0).all()
    assert len(np.unique(columns)) == len(columns)


@pytest.mark.parametrize("sizes", SIZES)
def test_small_problems_equal_the_hungarian_algorithm(sizes):
    x, y = cloud(sizes[0]), cloud(sizes[1], seed=1, shift=0.3)
    rows, columns = module.assignment(x, y, 100)
    d = cost(x, y)
    assert d[rows, columns].sum() == pytest.approx(d[linear_sum_assignment(d)].sum(), rel=1e-6)
    check(rows, columns, sizes)


@pytest.mark.usefixtures("sparse")
@pytest.mark.parametrize("sizes", SIZES)
def test_with_all_pairs_as_candidates_it_comes_near(sizes):
    x, y = cloud(sizes[0]), cloud(sizes[1], seed=1, shift=0.3)
    rows, columns = module.assignment(x, y, 100)
    d = cost(x, y)
    assert d[rows, columns].sum() <= 1.02 * d[linear_sum_assignment(d)].sum() + 1e-6
    check(rows, columns, sizes)


@pytest.mark.parametrize("sizes", [(500, 500), (400, 600)])
def test_few_candidates_are_nearly_as_good(sizes, monkeypatch):
    monkeypatch.setattr(module, "MAX_DENSE", 2000)
    x, y = cloud(sizes[0]), cloud(sizes[1], seed=1)
    rows, columns = module.assignment(x, y, 30)
    d = cost(x, y)
    assert d[rows, columns].sum() < 1.05 * d[linear_sum_assignment(d)].sum()
    check(rows, columns, sizes)


@pytest.mark.usefixtures("sparse")
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("shift", [0, 5])
def test_everyone_gets_a_partner_where_candidates_do_not_suffice(k, shift):
    x, y = cloud(200, d=2), cloud(230, d=2, seed=1, shift=shift)
    for a, b in ((x, y), (y, x)):
        rows, columns = module.assignment(a, b, k)
        assert len(rows) == len(np.unique(rows)) == len(np.unique(columns)) == 200


@pytest.mark.usefixtures("sparse")
def test_equal_cells():
    rows, columns = module.assignment(np.ones((70, 3), np.float32), np.ones((50, 3), np.float32), 4)
    assert len(rows) == len(np.unique(rows)) == len(np.unique(columns)) == 50


@pytest.mark.parametrize(("n_rows", "n_columns"), [(7, 7), (5, 6), (3, 50), (40, 41)])
def test_no_part_has_more_rows_than_columns(n_rows, n_columns, monkeypatch):
    monkeypatch.setattr(module, "MAX_DENSE", 4)
    parts = module._parts(cloud(60), cloud(60, seed=1), np.arange(n_rows), np.arange(n_columns))
    assert len(parts) > 1
    assert all(len(a) <= len(b) for a, b in parts)
    for side, n in ((0, n_rows), (1, n_columns)):
        assert sorted(np.concatenate([part[side] for part in parts])) == list(range(n))


@pytest.mark.usefixtures("sparse")
def test_assignment_follows_its_cells():
    x, y = cloud(120), cloud(150, seed=1)
    order = np.random.default_rng(2).permutation(150)
    expected = dict(zip(*module.assignment(x, y, 20), strict=True))
    rows, columns = module.assignment(x, y[order], 20)
    assert dict(zip(rows, order[columns], strict=True)) == expected
    columns, rows = module.assignment(y, x, 20)
    assert dict(zip(rows, columns, strict=True)) == expected


def test_a_view_matches_itself_moved():
    x = cloud(100)
    rows, columns = module.assignment(x, x + np.float32(0.5), 10)
    np.testing.assert_array_equal(rows, columns)
