"""Blocks of linked and other features: what scanpy gives by the tutorial's recipe, and what happens to new cells."""

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

from crosstie.data import Recipe, View
from crosstie.data.blocks import Blocks, linked_total, normalizes_apart

LINKED = np.array([5, 2, 2, 9])


def view_of(modality="rna", n_cells=60, n_features=30, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.poisson(rng.gamma(1, 3, (1, n_features)) * rng.uniform(0.5, 2, (n_cells, 1))).astype(np.float32)
    x[:3] *= rng.random((3, n_features)) < 0.2
    x[0, LINKED] = 0
    return View.of(modality, ad.AnnData(sp.csr_matrix(x)), modality=modality)


def fitted(view, total=25.0, **changes):
    recipe = Recipe.fit(view, n_components=5)
    return recipe, Blocks.fit(view, recipe, [(LINKED, total)], **changes)


@pytest.mark.filterwarnings("ignore:Some cells have zero counts:UserWarning")
@pytest.mark.parametrize("modality", ["rna", "protein"])
def test_blocks_are_those_of_scanpy(modality):
    sc = pytest.importorskip("scanpy")
    view = view_of(modality)
    recipe, blocks = fitted(view)
    parts = []
    rest = np.setdiff1d(np.arange(30), LINKED)
    rest = rest[view.loaded[:, rest].toarray().std(0) > 0]
    for features, total in ((LINKED, 25.0), (rest, None)):
        part = ad.AnnData(view.loaded[:, features].toarray())
        sc.pp.normalize_total(part, target_sum=total)
        sc.pp.log1p(part)
        parts.append(part.X)
    whole = ad.AnnData(np.hstack(parts))
    sc.pp.scale(whole, max_value=10)
    np.testing.assert_array_equal(blocks.columns, np.concatenate([LINKED, rest]))
    np.testing.assert_allclose(blocks.scale(recipe, view.loaded), whole.X, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(blocks.scale(recipe, view.loaded, block=0), whole.X[:, :4], rtol=1e-4, atol=1e-4)


def test_a_block_does_not_depend_on_the_other():
    view = view_of()
    recipe, blocks = fitted(view)
    other = view.loaded.toarray()
    other[:, 11] += 100
    np.testing.assert_array_equal(
        blocks.scale(recipe, sp.csr_matrix(other), block=0), blocks.scale(recipe, view.loaded, block=0)
    )


def test_cells_are_placed_one_by_one_and_dense_alike():
    view = view_of()
    recipe, blocks = fitted(view)
    whole = blocks.scale(recipe, view.loaded)
    np.testing.assert_allclose(blocks.scale(recipe, view.loaded[7:9]), whole[7:9], atol=1e-6)
    np.testing.assert_allclose(blocks.scale(recipe, view.loaded.toarray()), whole, atol=1e-5)


def test_what_was_not_measured_is_at_its_mean():
    view = view_of()
    recipe, blocks = fitted(view)
    absent = np.isin(np.arange(30), [2, 7])
    x = blocks.scale(recipe, view.loaded, absent=absent)
    assert (x[:, np.isin(blocks.columns, [2, 7])] == 0).all()


def test_values_on_a_log_scale_are_taken_as_they_are():
    view = view_of()
    logged = View.of("rna", ad.AnnData(np.log1p(view.loaded.toarray())), modality="rna")
    recipe, blocks = fitted(logged)
    assert not normalizes_apart(recipe)
    x = recipe.scale(logged.loaded)[:, np.searchsorted(recipe.kept, blocks.columns)]
    np.testing.assert_allclose(blocks.scale(recipe, logged.loaded), x, rtol=0.02, atol=1e-4)  # n - 1 instead of n


def test_only_the_most_variable_of_the_others():
    view = view_of()
    recipe = Recipe.fit(view, n_components=5)
    from dataclasses import replace

    fewer = replace(recipe, steps=replace(recipe.steps, n_top=6))
    blocks = Blocks.fit(view, fewer, [(LINKED, 25.0)])
    assert (blocks.block == -1).sum() == 6
    assert not np.isin(blocks.columns[blocks.block == -1], LINKED).any()


def test_total_of_linked_features():
    x = np.array([[10, 30, 5], [0, 0, 5], [60, 0, 5]], np.float32)
    assert linked_total(x, np.array([0, 1])) == 40
    assert linked_total(x, np.array([0, 0, 1])) == 50
    assert linked_total(x / 10, np.array([0, 1])) == 20
