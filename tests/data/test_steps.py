"""The settings of preprocessing: what each asks for of the values that are there."""

import numpy as np
import pytest

from crosstie.data import Recipe, Steps
from data.conftest import counts, dense, make_view


def test_any_numbers_are_scaled_only(kind):
    view = make_view(kind(counts() - 2.5), modality="none")
    recipe = Recipe.fit(view, n_components=4)
    assert recipe.steps.normalize == "none"
    np.testing.assert_array_equal(dense(recipe.log_normalize(view.matrix)), (counts() - 2.5)[:, recipe.kept])


def test_components_given_are_not_selected_from():
    adata_view = make_view(counts() - 0.5, modality="none")
    assert Recipe.fit(adata_view, steps=Steps(n_top=5), n_components=4).steps.n_top is None


def test_selection_keeps_linked_features():
    x = counts()
    x[:, 3] = 0
    kept = Recipe.fit(make_view(x), steps=Steps(n_top=8), keep=["g0", "g1", "g3", "unheard of"]).names
    assert {"g0", "g1"} <= set(kept)
    assert "g3" not in kept  # linked, but constant
    assert 8 <= len(kept) <= 10


@pytest.mark.parametrize(
    ("normalize", "log", "units"),
    [
        ("library", False, "log units"),
        ("library", True, "log units"),
        ("binary", False, "log units"),
        ("clr", False, "log ratio"),
        ("partial", False, "log units"),
        ("arcsinh", False, "arcsinh units"),
        ("none", False, "as given"),
    ],
)
def test_units(normalize, log, units):
    x = counts()
    view = make_view(np.log1p(x / x.sum(1, keepdims=True) * 100) if log else x)
    assert Recipe.fit(view, steps=Steps(normalize=normalize, min_share=0), n_components=3).units == units
