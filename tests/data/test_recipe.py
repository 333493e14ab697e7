import logging
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp

from crosstie.data import STEPS, Recipe, Steps
from crosstie.data.normalize import normalized
from crosstie.data.signal_share import signal_shares
from data.conftest import counts, dense, make_view

PLAIN = Steps(n_top=None)


def by_hand(x, recipe):
    """The whole recipe in float64: library size, logarithm, scaling, cut, components."""
    x = x.astype(float)
    total = x.sum(1, keepdims=True)
    x = np.log1p(x / np.maximum(total, 1) * recipe.target_sum)[:, recipe.kept]
    z = np.clip((x - recipe.mean) / recipe.std, -recipe.steps.clip, recipe.steps.clip)
    return x, z, z @ recipe.loadings


def test_library_size_recipe(kind):
    x = counts()
    recipe = Recipe.fit(make_view(kind(x)), steps=PLAIN, n_components=6)
    assert recipe.target_sum == np.median(x.sum(1))
    assert 3 not in recipe.kept
    assert len(recipe.kept) == 29
    assert list(recipe.names) == [f"g{j}" for j in recipe.kept]
    normalised, scaled, components = by_hand(x, recipe)
    matrix = make_view(kind(x)).matrix
    np.testing.assert_allclose(recipe.mean, normalised.mean(0), rtol=1e-5)
    np.testing.assert_allclose(recipe.std, normalised.std(0), rtol=1e-4)
    np.testing.assert_allclose(dense(recipe.log_normalize(matrix)), normalised, atol=1e-5)
    np.testing.assert_allclose(recipe.scale(matrix), scaled, atol=1e-4)
    np.testing.assert_allclose(recipe.scale(matrix, np.array([4, 0])), scaled[:, [4, 0]], atol=1e-4)
    np.testing.assert_allclose(recipe.transform(matrix), components, atol=1e-3)
    np.testing.assert_allclose(recipe.variance, np.linalg.eigvalsh(np.cov(scaled.T, bias=True))[::-1][:6], rtol=1e-3)


@pytest.mark.parametrize("clip", [10.0, 5.0])
def test_dense_equals_sparse(clip):
    x = counts()
    steps = Steps(n_top=None, clip=clip)
    one, other = (Recipe.fit(make_view(m), steps=steps, n_components=5) for m in (x, sp.csr_matrix(x)))
    np.testing.assert_allclose(one.loadings, other.loadings, atol=1e-4)
    np.testing.assert_allclose(one.transform(x), other.transform(sp.csr_matrix(x)), atol=1e-3)


def test_extreme_values_are_cut(kind):
    x = counts(n_cells=400)
    x[0, 0] = 1e6
    recipe = Recipe.fit(make_view(kind(x)), steps=Steps(n_top=None, clip=4), n_components=5)
    matrix = make_view(kind(x)).matrix
    assert recipe.scale(matrix)[0, 0] == pytest.approx(4)
    np.testing.assert_allclose(recipe.transform(matrix), recipe.scale(matrix) @ recipe.loadings, atol=1e-3)
    np.testing.assert_array_equal(dense(matrix), x)


def test_new_cells_go_through_the_fitted_recipe(kind):
    matrix = make_view(kind(counts())).matrix
    recipe = Recipe.fit(make_view(matrix), steps=PLAIN, n_components=5)
    whole = recipe.transform(matrix)
    np.testing.assert_allclose(recipe.transform(matrix[10:13]), whole[10:13], atol=1e-4)
    np.testing.assert_allclose(recipe.transform(matrix[[70, 5]]), whole[[70, 5]], atol=1e-4)
    assert recipe.transform(matrix[:0]).shape == (0, 5)


def test_order_of_cells_does_not_matter(kind):
    x, order = counts(), np.random.default_rng(1).permutation(80)
    one, other = (Recipe.fit(make_view(kind(m)), steps=PLAIN, n_components=5) for m in (x, x[order]))
    np.testing.assert_allclose(one.transform(x)[order], other.transform(x[order]), atol=1e-3)


def test_all_negative_numbers_will_do():
    view = make_view(-1 - counts(), modality="none")
    assert np.isfinite(Recipe.fit(view, n_components=4).target_sum)


def test_inverse_is_the_rank_k_reconstruction(kind):
    view = make_view(kind(counts()))
    recipe = Recipe.fit(view, steps=PLAIN, n_components=6)
    scaled = recipe.scale(view.matrix).astype(float)
    left, values, right = np.linalg.svd(scaled, full_matrices=False)
    expected = (left[:, :6] * values[:6]) @ right[:6]
    components = recipe.transform(view.matrix)
    np.testing.assert_allclose(recipe.inverse(components, scaled=True), expected, atol=5e-3)
    np.testing.assert_allclose(recipe.inverse(components), expected * recipe.std + recipe.mean, atol=5e-3)


def test_all_components_lose_nothing(kind):
    view = make_view(kind(counts()))
    recipe = Recipe.fit(view, steps=PLAIN, n_components=50)
    assert recipe.n_components == 29
    back = recipe.inverse(recipe.transform(view.matrix))
    np.testing.assert_allclose(back, dense(recipe.log_normalize(view.matrix)), atol=1e-3)
    assert back.dtype == np.float32


def test_number_of_components_is_bounded():
    assert Recipe.fit(make_view(counts(n_cells=12)), steps=PLAIN, n_components=50).n_components == 11


def test_constant_features_are_left_out_and_said(kind, caplog):
    x = np.log1p(counts())
    x[:, 5] = 0.5
    with caplog.at_level(logging.INFO, "crosstie"):
        recipe = Recipe.fit(make_view(kind(x)), steps=PLAIN)
    assert {3, 5}.isdisjoint(recipe.kept)
    assert "v: 2 constant features left out." in caplog.text


def test_too_few_features_vary(kind):
    x = np.zeros((20, 6), np.float32)
    x[:5, 0] = x[5:9, 1] = 1
    with pytest.raises(ValueError, match=r"view 'v': fewer than three features vary.\n  found: 2"):
        Recipe.fit(make_view(kind(x)), steps=Steps(normalize="none"))


def peaks(n_cells=400, n_peaks=120, seed=0):
    """Sparse fragment counts of three groups of cells; depth varies tenfold."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.3, 1.0, size=(3, n_peaks))[rng.integers(3, size=n_cells)]
    return rng.poisson(rate * 10 ** rng.uniform(-1, 0, size=(n_cells, 1))).astype(np.float32)


def test_accessibility_is_presence_by_depth_scaled_and_never_cut(kind):
    x = peaks()
    recipe = Recipe.fit(make_view(kind(x), "atac", name="atac"), n_components=5)
    seen = (x > 0).astype(float)
    total = seen.sum(1)
    expected = np.log1p(seen / np.maximum(total, 1)[:, None] * np.median(total[total > 0]))
    kept = (seen.sum(0) >= 5) & (expected.std(0) > 1e-6)
    np.testing.assert_array_equal(recipe.kept, np.flatnonzero(kept))
    np.testing.assert_allclose(dense(recipe.log_normalize(kind(x))), expected[:, kept], atol=1e-5)
    z = (expected - expected.mean(0))[:, kept] / expected.std(0)[kept]
    assert np.abs(z).max() > 10
    np.testing.assert_allclose(recipe.scale(kind(x)), z, atol=1e-3)


def test_components_of_sparse_peaks_are_the_leading_ones():
    x = (np.random.default_rng(0).random((600, 1200)) < 0.02).astype(np.float32)  # a flat spectrum
    recipe = Recipe.fit(make_view(x, "atac", name="atac"), n_components=40)
    exact = np.linalg.svd(recipe.scale(x), compute_uv=False)[:40] ** 2 / len(x)
    assert recipe.variance.sum() > 0.998 * exact.sum()


def test_peaks_of_few_cells_are_left_out_and_said(caplog):
    x = peaks()
    x[:, :7] = 0
    x[:4, :7] = 1
    caplog.set_level("INFO", logger="crosstie")
    recipe = Recipe.fit(make_view(x, "atac", name="atac"), keep=["g0"], n_components=5)
    assert not set(range(7)) & set(recipe.kept)
    assert "features detected in too few cells left out" in caplog.text


def test_a_component_that_is_depth_is_left_out_and_said(caplog):
    rng = np.random.default_rng(0)
    depth = 10 ** rng.uniform(-1.5, 1.0, size=(500, 1))
    x = rng.poisson(depth * rng.uniform(0.2, 1.0, size=150)).astype(np.float32)
    caplog.set_level("INFO", logger="crosstie")
    recipe = Recipe.fit(make_view(x, "atac", name="atac"), n_components=10)
    assert recipe.n_components < 10
    assert "atac: 1 components that follow sequencing depth left out" in caplog.text
    scores = recipe.transform(x)
    log_depth = np.log(np.maximum((x > 0).sum(1), 1))
    assert max(abs(np.corrcoef(z, log_depth)[0, 1]) for z in scores.T) < 0.9


def test_other_features_are_refused():
    recipe = Recipe.fit(make_view(counts()), n_components=4)
    with pytest.raises(ValueError, match=r"other features(.|\n)*found: 7 features\n  expected: 30: 'g0', 'g1'"):
        recipe.transform(counts()[:, :7])


def test_ignored_features_enter_nothing(kind):
    """Neither components nor totals: without them, everything else is the same."""
    x = counts(n_cells=200)
    loud = np.random.default_rng(5).poisson(200, (200, 2)).astype(x.dtype)
    both = np.hstack([loud[:, :1], x, loud[:, 1:]])
    steps = Steps(normalize="partial", weigh_by_signal=True)
    alone = Recipe.fit(make_view(kind(x), modality="protein"), steps=steps, n_components=6)
    view = make_view(kind(both), modality="protein")
    last = view.features[-1]
    beside = Recipe.fit(view, steps=steps, ignore=["g0", last, "absent"], n_components=6)
    assert list(beside.ignored) == [0, both.shape[1] - 1]
    assert not {"g0", last} & set(beside.names)
    np.testing.assert_array_equal(beside.kept, alone.kept + 1)
    assert beside.slope == pytest.approx(alone.slope)
    assert beside.target_sum == alone.target_sum
    np.testing.assert_allclose(beside.log_normalize(both)[:, :5], alone.log_normalize(x)[:, :5], atol=1e-5)


def test_weights_are_roots_of_shares_of_signal_and_come_off_again():
    rng = np.random.default_rng(3)
    x = rng.poisson(np.exp(rng.normal(0, 1, (400, 6))) * [0.1, 1, 5, 20, 20, 20]).astype(np.float32)
    x[:, 5] = rng.poisson(20, 400)
    view = make_view(x, modality="protein")
    plain, weighed = (
        Recipe.fit(view, steps=Steps(normalize="partial", weigh_by_signal=by), n_components=6) for by in (False, True)
    )
    assert plain.weight is None
    half = partial(normalized, steps=STEPS["protein"], values="counts", target_sum=1.0, slope=weighed.slope)
    by = np.lexsort((plain.std, plain.mean))  # the halves are drawn in this order, whatever that of the features
    np.testing.assert_allclose(weighed.weight[by] ** 2, np.maximum(signal_shares(x[:, by], half), 0.01), rtol=1e-4)
    spread = (weighed.transform(x) @ weighed.loadings.T).std(0)
    np.testing.assert_allclose(spread, weighed.weight, rtol=1e-3)
    np.testing.assert_array_equal(weighed.scale(x), plain.scale(x))
    np.testing.assert_allclose(weighed.inverse(weighed.transform(x)), weighed.log_normalize(x), atol=1e-3)
    np.testing.assert_allclose(weighed.inverse(weighed.transform(x), scaled=True), weighed.scale(x), atol=1e-3)


def test_only_counts_are_weighed():
    x = np.log1p(counts(n_cells=100))
    assert Recipe.fit(make_view(x, modality="protein"), n_components=3).weight is None
