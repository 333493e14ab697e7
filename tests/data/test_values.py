import logging

import numpy as np
import pytest

from crosstie.data import Recipe
from crosstie.data.values import MAX_LOG, check_values, describe_values
from data.conftest import counts, make_view


def canonical(matrix):
    return matrix.tocsr() if hasattr(matrix, "tocsr") else matrix


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda x: x, "counts"),
        (np.log1p, "log"),
        (lambda x: 1e4 * x / np.maximum(x.sum(1, keepdims=True), 1), "normalized"),
        (lambda x: MAX_LOG * (x + 0.5) / (x.max() + 0.5), "log"),
        (lambda x: 1.01 * MAX_LOG * (x + 0.5) / (x.max() + 0.5), "normalized"),
    ],
    ids=["counts", "log", "normalised", "at the border", "beyond the border"],
)
def test_kinds_of_numbers(kind, change, expected, caplog):
    with caplog.at_level(logging.INFO, "crosstie"):
        assert describe_values(canonical(kind(change(counts()))), "v") == expected
    assert ("v: the matrix is not counts" in caplog.text) == (expected != "counts")


def test_what_is_done_with_other_numbers_is_said(caplog):
    describe_values(np.log1p(counts()), "v")
    describe_values(counts() * 10.5, "w")
    assert "left on its scale" in caplog.messages[0]
    assert "normalised again" in caplog.messages[1]


def test_any_number_will_do_where_counts_are_not_expected(kind):
    assert describe_values(canonical(kind(counts() - 3.5)), "v", expected="any") == "any"


@pytest.mark.parametrize("expected", ["counts", "intensities", "any"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite(kind, bad, expected):
    x = counts()
    x[3, 5] = x[7, 1] = bad
    with pytest.raises(ValueError, match=r"view 'v': .*not finite\.\n  found: 2 NaN or infinite"):
        describe_values(canonical(kind(x)), "v", expected=expected)


def test_negative(kind):
    x = counts()
    x[3, 5] = -2
    with pytest.raises(ValueError, match=r"view 'v': .*negative(.|\n)*from -2 to (.|\n)*layers/counts"):
        describe_values(canonical(kind(x)), "v")


@pytest.mark.parametrize("expected", ["counts", "intensities", "any"])
def test_all_zero(kind, expected):
    with pytest.raises(ValueError, match="view 'v': all values are zero"):
        describe_values(canonical(kind(np.zeros((20, 5)))), "v", expected=expected)


@pytest.mark.parametrize(
    ("values", "change", "words"),
    [
        ("counts", lambda x: x + 0.5, "fractions, but the view was fitted on counts"),
        ("counts", lambda x: x - 3, "negative values"),
        ("log", lambda x: x - 3, "negative values"),
        ("normalized", lambda x: x - 3, "negative values"),
        ("any", lambda x: x * np.inf, "not finite"),
        ("log", lambda x: x * np.nan, "not finite"),
    ],
)
def test_new_values_of_another_kind(kind, values, change, words):
    with np.errstate(invalid="ignore"):
        x = change(counts(6))
    with pytest.raises(ValueError, match=f"view 'v': .*{words}"):
        check_values(canonical(kind(x)), "v", values)


def test_new_values_of_the_fitted_kind(kind, caplog):
    for values, change in (("counts", 1), ("normalized", 0), ("log", 1), ("log", 0.1), ("any", -0.3)):
        check_values(canonical(kind(counts(2) * change)), "v", values)
    assert not caplog.text


def test_intensities_may_be_negative_and_are_told_from_transformed_ones(caplog):
    x = np.random.default_rng(0).gamma(1.0, 40.0, (50, 6)) - 2
    assert describe_values(x, "v", expected="intensities") == "intensity"
    assert describe_values(np.arcsinh(x / 5), "v", expected="intensities") == "any"
    assert "v: intensities up to" in caplog.text
    assert "taken as transformed" in caplog.text
    check_values(x, "v", "intensity")


def test_normalised_proteins_are_taken_as_they_are(kind, caplog):
    """CLR and dsb values are negative; new cells of such a view may be, too."""
    x = np.log1p(counts())
    x = (x - x.mean(1, keepdims=True)).astype(np.float32)
    assert describe_values(canonical(kind(x)), "v", expected="proteins") == "any"
    assert "taken as normalised proteins (CLR, dsb)" in caplog.text
    assert describe_values(canonical(kind(counts())), "v", expected="proteins") == "counts"
    check_values(canonical(kind(x)), "v", "any")
    recipe = Recipe.fit(make_view(x, modality="protein"), n_components=4)
    np.testing.assert_allclose(recipe.log_normalize(x), x[:, recipe.kept])
    assert recipe.units == "as given"
