from importlib import import_module

import numpy as np
import pytest
import scipy.sparse as sp

from crosstie._errors import InputKeyError, InputValueError
from crosstie.tl import impute

METHODS = ["neighbours", "regression", "both"]
both_ways = pytest.mark.parametrize(("source", "target"), [("rna", "adt"), ("adt", "rna")])


def measured(model, view):
    x = model.recipes[view].log_normalize(model.views[view].matrix)
    return x.toarray() if sp.issparse(x) else x


def correlation(x, y):
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(x.T, y.T, strict=True) if a.std() > 0 and b.std() > 0])


@both_ways
def test_neighbours_equal_the_naive_mean(model, source, target):
    x, z, base = measured(model, target), model.latents[source].astype(float), model.latents[target].astype(float)
    expected = []
    for point in z:
        squared = ((base - point) ** 2).sum(1)
        near = np.argsort(squared)[:12]
        expected.append(np.average(x[near], axis=0, weights=np.exp(-4 * squared[near] / squared[near[-1]])))
    np.testing.assert_allclose(impute(model, source, target, k=12).X, expected, atol=2e-3)


@both_ways
def test_one_neighbour_copies_the_nearest(model, source, target):
    nearest = ((model.latents[source][:, None] - model.latents[target]) ** 2).sum(2).argmin(1)
    np.testing.assert_allclose(impute(model, source, target, k=1).X, measured(model, target)[nearest], atol=1e-6)


def test_regression_is_the_translation(bare):
    np.testing.assert_array_equal(
        impute(bare, "rna", "adt", method="regression").X, bare.translate("rna", "adt").astype(np.float32)
    )


@pytest.mark.parametrize("scaled", [False, True])
def test_both_is_the_mean(model, scaled):
    a, b, mean = (impute(model, "rna", "adt", method=m, scaled=scaled).X for m in METHODS)
    np.testing.assert_allclose(mean, (a + b) / 2, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_scaled_values_are_deviations(model, method):
    recipe = model.recipes["adt"]
    scaled = impute(model, "rna", "adt", method=method, scaled=True).X
    np.testing.assert_allclose(
        scaled * recipe.std + recipe.mean, impute(model, "rna", "adt", method=method).X, atol=1e-4
    )


@both_ways
@pytest.mark.parametrize("method", METHODS)
def test_form(model, source, target, method):
    found = impute(model, source, target, method=method)
    assert found.obs_names.equals(model.obs[source].index)
    assert found.var_names.tolist() == model.recipes[target].names.tolist()
    assert found.X.dtype == np.float32
    assert np.isfinite(found.X).all()
    found.obs["new"] = 1
    assert "new" not in model.obs[source]


@pytest.mark.parametrize("method", METHODS)
def test_imputed_proteins_follow_the_measured_ones(model, method):
    found = impute(model, "rna", "adt", method=method)
    cell = {v: model.obs[v]["true_cell"].to_numpy() for v in ("rna", "adt")}
    _, a, b = np.intersect1d(cell["rna"], cell["adt"], return_indices=True)
    assert len(a) > 100
    assert np.median(correlation(found.X[a], measured(model, "adt")[b])) > 0.3


def test_order_of_target_cells_does_not_matter(model, bare):
    order = np.random.default_rng(0).permutation(len(model.latents["adt"]))
    bare.latents = {**model.latents, "adt": model.latents["adt"][order]}
    view = model.views["adt"]
    bare.views = {"adt": type(view)(view.name, view.modality, view.matrix[order], view.features, view.cells[order])}
    np.testing.assert_allclose(impute(bare, "rna", "adt").X, impute(model, "rna", "adt").X, atol=1e-5)


def test_more_neighbours_than_cells_are_all_cells(model):
    np.testing.assert_array_equal(impute(model, "rna", "adt", k=240).X, impute(model, "rna", "adt", k=9999).X)


def test_blocks_join(model, monkeypatch):
    expected = impute(model, "rna", "adt").X
    monkeypatch.setattr(import_module("crosstie.tl.impute"), "BLOCK", 7)
    np.testing.assert_allclose(impute(model, "rna", "adt").X, expected, atol=1e-6)


@pytest.mark.parametrize("method", ["neighbours", "both"])
def test_neighbours_need_the_data(bare, method):
    with pytest.raises(InputValueError, match=r'need the data of \'adt\'(.|\n)*method="regression"'):
        impute(bare, "rna", "adt", method=method)


def test_a_loaded_model_says_which_method_works(model, tmp_path):
    model.save(tmp_path / "run")
    loaded = type(model).load(tmp_path / "run")
    with pytest.raises(
        InputValueError, match=r'loaded without data\.\n  Use method="regression", or fit the model anew'
    ):
        impute(loaded, "rna", "adt")
    expected = impute(model, "rna", "adt", method="regression").X
    np.testing.assert_array_equal(impute(loaded, "rna", "adt", method="regression").X, expected)


@pytest.mark.parametrize(
    ("views", "options", "error", "words"),
    [
        (("rna", "atac"), {}, InputKeyError, "view: unknown name 'atac'"),
        (("rna", "rna"), {}, InputValueError, "impute: source and target are one view"),
        (("rna", "adt"), {"k": 0}, InputValueError, "k=0"),
        (("rna", "adt"), {"method": "magic"}, InputValueError, "'magic'(.|\n)*'neighbours'"),
    ],
)
def test_wrong_input_is_explained(model, views, options, error, words):
    with pytest.raises(error, match=words):
        impute(model, *views, **options)
