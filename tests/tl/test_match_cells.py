from importlib import import_module

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from changed_models import changed
from crosstie._errors import InputKeyError, InputValueError
from crosstie.tl import match_cells

module = import_module("crosstie.tl.match_cells")  # the room hands on the function of this name


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


def test_one_to_one(model):
    pairs = match_cells(model, "rna", "adt")
    assert len(pairs) == 240
    assert len(np.unique(pairs.source)) == len(np.unique(pairs.target)) == 240
    d = cost(model.latents["rna"], model.latents["adt"])
    assert d[pairs.source, pairs.target].sum() == pytest.approx(d[linear_sum_assignment(d)].sum(), rel=1e-5)
    back = match_cells(model, "adt", "rna").reversed()
    assert set(zip(back.source, back.target, strict=True)) == set(zip(pairs.source, pairs.target, strict=True))


def test_many_to_one(model):
    pairs = match_cells(model, "rna", "adt", how="many-to-one")
    d = cost(model.latents["rna"], model.latents["adt"])
    assert pairs.source.tolist() == list(range(300))
    np.testing.assert_allclose(d[pairs.source, pairs.target], d.min(1), atol=1e-6)


@pytest.mark.parametrize("how", ["one-to-one", "many-to-one"])
def test_weights_fall_with_distance(model, how):
    pairs = match_cells(model, "rna", "adt", how=how)
    assert pairs.weight.min() > 0
    assert pairs.weight.max() <= 1
    d = cost(model.latents["rna"], model.latents["adt"])[pairs.source, pairs.target]
    np.testing.assert_allclose(pairs.weight, np.maximum(np.exp(-d / (2 * np.median(d))), 1e-6), rtol=1e-4)


def test_weights_of_cells_at_one_place(bare):
    bare = changed(bare, latents={"rna": np.ones((4, 2), np.float32), "adt": np.ones((1, 2), np.float32)})
    assert match_cells(bare, "rna", "adt").weight.tolist() == [1]
    assert match_cells(bare, "rna", "adt", how="many-to-one").weight.tolist() == [1] * 4


@pytest.mark.parametrize("how", ["one-to-one", "many-to-one"])
def test_matches_are_of_one_type(model, how):
    pairs = match_cells(model, "rna", "adt", how=how)
    a, b = (model.obs[v]["cell_type"].astype(str).to_numpy() for v in ("rna", "adt"))
    assert (a[pairs.source] == b[pairs.target]).mean() > 0.7


@pytest.mark.parametrize(
    ("views", "options", "error", "words"),
    [
        (("rna", "atac"), {}, InputKeyError, "view: unknown name 'atac'"),
        (("rna", "rna"), {}, InputValueError, "match_cells: source and target are the same view"),
        (("rna", "adt"), {"k": 0}, InputValueError, "at least 1(.|\n)*k=0"),
        (("rna", "adt"), {"how": "greedy"}, InputValueError, "'greedy'(.|\n)*'one-to-one' or 'many-to-one'"),
    ],
)
def test_wrong_input_is_explained(model, views, options, error, words):
    with pytest.raises(error, match=words):
        match_cells(model, *views, **options)
