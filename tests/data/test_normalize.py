"""From stored numbers to normalised ones: counts, fractions, logarithms, intensities and peaks."""

import numpy as np
import pytest

from crosstie.data import Recipe, Steps
from data.conftest import counts, dense, make_view

PLAIN = Steps(n_top=None)


def test_library_size_does_not_matter(kind):
    matrix = make_view(kind(counts())).matrix
    recipe = Recipe.fit(make_view(matrix), steps=PLAIN, n_components=5)
    np.testing.assert_allclose(recipe.transform(matrix * 7), recipe.transform(matrix), atol=1e-4)


def test_empty_cells_stay_finite(kind):
    x = counts()
    x[:4] = 0
    view = make_view(kind(x))
    recipe = Recipe.fit(view, steps=PLAIN, n_components=5)
    assert recipe.target_sum == np.median(x[4:].sum(1))
    assert np.isfinite(recipe.transform(view.matrix)).all()


def test_centred_log_ratio(kind):
    x = counts()
    view = make_view(kind(x))
    recipe = Recipe.fit(view, steps=Steps(normalize="clr", n_top=None), n_components=4)
    expected = np.log1p(x.astype(float))
    expected -= expected.mean(1, keepdims=True)
    np.testing.assert_allclose(recipe.log_normalize(view.matrix), expected[:, recipe.kept], atol=1e-5)
    np.testing.assert_allclose(recipe.mean, expected.mean(0)[recipe.kept], atol=1e-6)


def stained(n_cells=300, seed=0):
    """Background that follows the size of a cell, and one protein that makes up most of the total at random."""
    rng = np.random.default_rng(seed)
    size, own = rng.lognormal(0, 0.6, (n_cells, 1)), rng.lognormal(0, 1.5, n_cells)
    x = rng.poisson(40 * size * rng.uniform(0.5, 2, 12)).astype(np.float32)
    x[:, 0] = rng.poisson(5000 * own)
    return x


def slopes(x):
    """The slope of every feature that varies on the total of the others, by least squares."""
    total = x.sum(1, dtype=float)
    pairs = [(np.log1p(total - x[:, j]), np.log1p(x[:, j].astype(float))) for j in np.flatnonzero(x.std(0) > 0)]
    return [np.polyfit(others, own, 1)[0] for others, own in pairs]


def test_the_part_of_the_total_that_the_typical_protein_follows(kind):
    x = counts()
    view = make_view(kind(x), "protein")
    recipe = Recipe.fit(view, n_components=4)
    total = x.sum(1, dtype=float)
    assert recipe.steps.normalize == "partial"
    assert recipe.slope == pytest.approx(np.median(slopes(x)), abs=1e-5)
    assert 0.3 < recipe.slope < 1
    expected = np.log1p(x.astype(float)) - recipe.slope * np.log((1 + total) / (1 + np.median(total)))[:, None]
    np.testing.assert_allclose(recipe.log_normalize(view.matrix), expected[:, recipe.kept], atol=1e-5)
    np.testing.assert_allclose(recipe.mean, expected.mean(0)[recipe.kept], atol=1e-5)


def test_a_total_of_background_is_a_size():
    background = stained()[:, 1:]
    recipe = Recipe.fit(make_view(background, "protein"), n_components=4)
    assert recipe.slope > 0.9
    size = np.log1p(background.sum(1))
    rest = recipe.log_normalize(background)
    assert max(abs(np.corrcoef(size, column)[0, 1]) for column in rest.T) < 0.3


def test_a_total_that_one_protein_makes_is_not():
    x = stained()
    recipe = Recipe.fit(make_view(x, "protein"), n_components=4)
    assert recipe.slope < 0.25
    np.testing.assert_allclose(recipe.log_normalize(x), np.log1p(x), atol=1.0)


def test_constant_features_and_empty_cells_tell_nothing_of_size(kind):
    x = stained()[:, 1:]
    more = np.hstack([x, np.zeros((len(x), 40), np.float32)])
    one, other = (Recipe.fit(make_view(kind(m), "protein"), n_components=4) for m in (x, more))
    assert other.slope == pytest.approx(one.slope)
    more[:5] = 0
    recipe = Recipe.fit(make_view(kind(more), "protein"), n_components=4)
    assert np.isfinite(recipe.transform(kind(more))).all()


def test_equal_totals_are_left():
    x = stained()[:, 1:]
    equal = (x / x.sum(1, keepdims=True) * 1000).astype(np.float32)
    recipe = Recipe.fit(make_view(equal, "protein"), n_components=4)
    assert recipe.slope == 0
    np.testing.assert_allclose(recipe.log_normalize(equal), np.log1p(equal), atol=1e-5)


def test_log_input_is_left_on_its_scale(kind):
    x = np.log1p(counts() / counts().sum(1, keepdims=True) * 100)
    view = make_view(kind(x))
    recipe = Recipe.fit(view, steps=PLAIN, n_components=4)
    assert recipe.values == "log"
    np.testing.assert_array_equal(dense(recipe.log_normalize(view.matrix)), x[:, recipe.kept])


def test_normalised_input_is_normalised_again():
    x = counts()
    tenth = (x / x.sum(1, keepdims=True) * 1000).astype(np.float32)
    one, other = (Recipe.fit(make_view(m), steps=PLAIN, n_components=4) for m in (x, tenth))
    assert other.values == "normalized"
    assert other.target_sum == pytest.approx(1000, rel=1e-5)
    assert one.target_sum < 1000


def peaks(n_cells=400, n_peaks=120, seed=0):
    """Sparse fragment counts of three groups of cells; depth varies tenfold."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.3, 1.0, size=(3, n_peaks))[rng.integers(3, size=n_cells)]
    return rng.poisson(rate * 10 ** rng.uniform(-1, 0, size=(n_cells, 1))).astype(np.float32)


def test_how_often_a_peak_was_counted_does_not_matter(kind):
    x = peaks()
    once, twice = (Recipe.fit(make_view(kind(y), "atac"), n_components=5) for y in (x, 2 * x))
    np.testing.assert_allclose(twice.transform(kind(2 * x)), once.transform(kind(x)), atol=1e-4)


@pytest.mark.parametrize(("high", "cofactor"), [(300.0, 5.0), (60_000.0, 150.0)])
def test_intensities_go_through_arcsinh(kind, high, cofactor):
    x = np.random.default_rng(0).gamma(0.5, 1.0, (90, 8))
    x = (x / x.max() * high).astype(np.float32)
    recipe = Recipe.fit(make_view(kind(x), "cytometry"), n_components=4)
    assert recipe.steps.cofactor == cofactor
    np.testing.assert_allclose(dense(recipe.log_normalize(kind(x))), np.arcsinh(x / cofactor), rtol=1e-4, atol=1e-6)


def test_one_bright_event_is_no_fluorescence(kind):
    x = np.random.default_rng(0).gamma(0.5, 200.0, (300, 8)).astype(np.float32)
    x[7, 3] = 100_000
    assert Recipe.fit(make_view(kind(x), "cytometry"), n_components=4).steps.cofactor == 5
