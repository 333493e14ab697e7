import numpy as np
import pytest
import scipy.sparse as sp

import crosstie as xt
from changed_models import changed
from crosstie.tl import neighbourhood
from crosstie.tl.neighbourhood import neighbour_means, own_coordinates, searched_rows, votes, weighted_neighbours


def cloud(n, d=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def test_weights_equal_the_naive_ones():
    base, query = cloud(50), cloud(4, seed=1)
    row, weight = weighted_neighbours(base, query, 7)
    for i, point in enumerate(query):
        squared = ((base - point).astype(float) ** 2).sum(1)
        near = np.argsort(squared)[:7]
        assert row[i].tolist() == near.tolist()
        expected = np.exp(-4 * squared[near] / squared[near[-1]])
        np.testing.assert_allclose(weight[i], expected / expected.sum(), rtol=1e-4)


def test_weights_sum_to_one_even_of_equal_cells():
    z = np.zeros((5, 2), np.float32)
    row, weight = weighted_neighbours(z, z[:2], 9)
    assert row.shape == weight.shape == (2, 5)
    np.testing.assert_allclose(weight, 0.2)


@pytest.mark.parametrize("z", [cloud(30), np.zeros((30, 3), np.float32)], ids=["apart", "copies"])
def test_no_cell_is_its_own_neighbour(z):
    row, weight = weighted_neighbours(z, z, 6, own=np.arange(len(z)))
    assert row.shape == weight.shape == (30, 6)
    assert (row != np.arange(30)[:, None]).all()
    if z.any():
        d = ((z[:, None] - z) ** 2).sum(2) + np.diag(np.full(30, 1e9))
        np.testing.assert_array_equal(row, np.argsort(d, axis=1)[:, :6])


def test_votes_equal_a_loop(monkeypatch):
    rng = np.random.default_rng(0)
    row, weight, code = rng.integers(20, size=(9, 5)), rng.random((9, 5)), rng.integers(4, size=20)
    expected = np.zeros((9, 4))
    for i in range(9):
        for j, w in zip(row[i], weight[i], strict=True):
            expected[i, code[j]] += w
    np.testing.assert_allclose(votes(row, weight, code, 4), expected)
    monkeypatch.setattr(neighbourhood, "BLOCK", 2)
    np.testing.assert_allclose(votes(row, weight, code, 4), expected)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_means_equal_a_loop(kind, monkeypatch):
    rng = np.random.default_rng(0)
    row, weight, x = rng.integers(20, size=(9, 5)), rng.random((9, 5)).astype(np.float32), cloud(20, 6)
    expected = [sum(w * x[j] for j, w in zip(r, ws, strict=True)) for r, ws in zip(row, weight, strict=True)]
    np.testing.assert_allclose(neighbour_means(row, weight, kind(x)), expected, atol=1e-5)
    monkeypatch.setattr(neighbourhood, "BLOCK", 4)
    np.testing.assert_allclose(neighbour_means(row, weight, kind(x)), expected, atol=1e-5)


def test_own_coordinates_are_those_before_the_pull(model, bare):
    own = own_coordinates(model, "adt")
    assert own.shape == model.latents["adt"].shape
    assert not np.allclose(own, model.latents["adt"])
    bare = changed(bare, closed_form=None)
    np.testing.assert_array_equal(own_coordinates(bare, "adt"), model.latents["adt"])


def test_neighbours_in_ones_own_view_are_searched_in_its_core(data):
    model = xt.integrate(data, config=xt.Config(n_core=150))
    core = model.core_rows["rna"]
    cells = np.setdiff1d(np.arange(300), [core[0], core[3], 7])
    found = searched_rows(model, "rna", cells)
    assert cells[found].tolist() == np.setdiff1d(core, [core[0], core[3], 7]).tolist()
    assert searched_rows(model, "rna", np.setdiff1d(cells, core)) is None
    assert searched_rows(xt.integrate(data), "rna", cells) is None
