"""Components of cells without some features: a conditional expectation, and what it leaves open."""

import numpy as np
import pytest

import crosstie as xt
from crosstie.data import Recipe, View


@pytest.fixture(scope="module")
def rna():
    return View.of("rna", xt.datasets.simulate_citeseq(n_cells=500, n_genes=120, seed=0)["rna"])


@pytest.fixture(scope="module")
def recipe(rna):
    return Recipe.fit(rna, n_components=15)


def without(recipe, share, seed=0):
    absent = np.zeros(len(recipe.features), bool)
    kept = np.random.default_rng(seed).permutation(recipe.kept)
    absent[kept[: round(share * len(kept))]] = True
    return absent


def test_it_is_the_expectation_of_a_normal_distribution(recipe):
    absent = without(recipe, 0.6)
    found = recipe.without(absent)
    loadings, variance = recipe.loadings.astype(float), recipe.variance
    n, q = loadings.shape
    total = (recipe.weight**2).sum() if recipe.weight is not None else n
    noise = np.median(np.r_[variance, np.full(n - q, (total - variance.sum()) / (n - q))])
    signal = np.maximum(variance - noise, 1e-6 * variance)
    covariance = loadings @ np.diag(signal) @ loadings.T + noise * np.eye(n)
    there = ~absent[recipe.kept]
    onto = np.linalg.solve(covariance[np.ix_(there, there)], covariance[there])  # features from measured features
    y = np.random.default_rng(1).normal(size=(7, there.sum()))
    np.testing.assert_allclose(found.completed(y @ loadings[there]), y @ onto @ loadings, rtol=1e-3, atol=1e-3)
    left = covariance - covariance[:, there] @ onto
    np.testing.assert_allclose(found.lost, loadings.T @ left @ loadings, rtol=1e-4, atol=1e-6)


def test_all_features_and_none(recipe):
    nothing, all_ = (recipe.without(np.full(len(recipe.features), flag)) for flag in (True, False))
    np.testing.assert_allclose(all_.completion, np.eye(recipe.n_components), atol=1e-9)
    assert all_.kept() == 1
    assert nothing.kept() < 0.2
    some = [recipe.without(without(recipe, share)).kept() for share in (0.2, 0.5, 0.9)]
    assert some == sorted(some, reverse=True)


def test_only_directions_that_count_are_judged(recipe):
    loadings = np.abs(recipe.loadings[:, 0])
    absent = np.zeros(len(recipe.features), bool)
    absent[recipe.kept[np.argsort(-loadings)[:30]]] = True  # what makes the first component
    found = recipe.without(absent)
    first, last = np.eye(recipe.n_components)[:, :1], np.eye(recipe.n_components)[:, -1:]
    assert found.kept(last) != found.kept(first)


@pytest.mark.parametrize("share", [0.3, 0.63, 0.8])
def test_components_are_nearer_than_with_features_at_their_mean(rna, recipe, share):
    absent = without(recipe, share)
    weight = 1 if recipe.weight is None else recipe.weight
    y, there = recipe.scale(rna.loaded) * weight, ~absent[recipe.kept]
    full, at_mean = y @ recipe.loadings, y[:, there] @ recipe.loadings[there]
    completed = recipe.without(absent).completed(at_mean)
    assert np.linalg.norm(completed - full) < 0.95 * np.linalg.norm(at_mean - full)
