import logging
from importlib import import_module

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import spearmanr

from changed_models import changed
from crosstie._errors import InputKeyError, InputValueError
from crosstie.tl import impute
from crosstie.tl.impute import feature_reliability

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
    bare = changed(bare, latents={**model.latents, "adt": model.latents["adt"][order]})
    view = model.views["adt"]
    bare = changed(
        bare, views={"adt": type(view)(view.name, view.modality, view.matrix[order], view.features, view.cells[order])}
    )
    np.testing.assert_allclose(impute(bare, "rna", "adt").X, impute(model, "rna", "adt").X, atol=1e-5)


def test_more_neighbours_than_cells_are_all_cells(model):
    np.testing.assert_array_equal(impute(model, "rna", "adt", k=240).X, impute(model, "rna", "adt", k=9999).X)


def test_blocks_join(model, monkeypatch):
    expected = impute(model, "rna", "adt").X
    monkeypatch.setattr(import_module("crosstie.tl.impute"), "BLOCK", 7)
    np.testing.assert_allclose(impute(model, "rna", "adt").X, expected, atol=1e-6)


@both_ways
def test_reliability_equals_the_naive_one(model, source, target):
    x, z = measured(model, target).astype(float), model.latents[target].astype(float)
    mean = []
    for i, point in enumerate(z):
        squared = ((z - point) ** 2).sum(1)
        squared[i] = np.inf
        near = np.argsort(squared)[:30]
        mean.append(np.average(x[near], axis=0, weights=np.exp(-4 * squared[near] / squared[near[-1]])))
    expected = [max(0, np.corrcoef(a, b)[0, 1]) for a, b in zip(np.array(mean).T, x.T, strict=True)]
    found = impute(model, source, target).var["reliability"]
    np.testing.assert_allclose(found, expected, atol=5e-3)


def test_reliability_predicts_the_true_correlation(model):
    found = impute(model, "rna", "adt")
    cell = {v: model.obs[v]["true_cell"].to_numpy() for v in ("rna", "adt")}
    _, a, b = np.intersect1d(cell["rna"], cell["adt"], return_indices=True)
    true = correlation(found.X[a], measured(model, "adt")[b])
    assert spearmanr(found.var["reliability"], true).statistic > 0.6


def test_reliability_of_large_views_is_judged_on_some_cells(model, monkeypatch):
    z, x = model.latents["rna"], measured(model, "rna")
    whole = feature_reliability(z, x)
    monkeypatch.setattr(import_module("crosstie.tl.impute"), "MAX_JUDGED", 100)
    assert np.corrcoef(whole, feature_reliability(z, x))[0, 1] > 0.8
    np.testing.assert_allclose(feature_reliability(z, sp.csr_matrix(x)), feature_reliability(z, x), atol=1e-4)


def test_reliability_at_the_edge():
    z = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    values = np.column_stack([z[:, 0], np.ones(50), np.zeros(50)]).astype(np.float32)
    found = feature_reliability(z, values, k=3)
    assert found[0] > 0.5
    assert found[1:].tolist() == [0, 0]
    assert feature_reliability(z[:1], values[:1]).tolist() == [0, 0, 0]


@pytest.mark.parametrize("method", METHODS)
def test_a_file_holds_the_same(model, tmp_path, monkeypatch, method):
    expected = impute(model, "rna", "adt", method=method, scaled=True)
    monkeypatch.setattr(import_module("crosstie.tl.impute"), "BLOCK", 64)
    path = tmp_path / "imputed.h5ad"
    path.write_text("an older one")
    found = impute(model, "rna", "adt", method=method, scaled=True, out=path)
    assert found.isbacked
    np.testing.assert_allclose(found.X[:], expected.X, atol=1e-5)
    found.file.close()
    again = ad.read_h5ad(path)
    np.testing.assert_allclose(again.X, expected.X, atol=1e-5)
    assert again.X.dtype == np.float32
    assert again.obs_names.equals(expected.obs_names)
    np.testing.assert_allclose(again.var["reliability"], expected.var["reliability"])
    assert [file.name for file in tmp_path.iterdir()] == ["imputed.h5ad"]


def test_a_file_appears_whole_or_not_at_all(model, tmp_path, monkeypatch):
    module = import_module("crosstie.tl.impute")

    def fail(*_):
        raise RuntimeError("disk")

    monkeypatch.setattr(module, "neighbour_means", fail)
    monkeypatch.setattr(module, "feature_reliability", lambda *_, **__: np.ones(len(model.recipes["adt"].names)))
    with pytest.raises(RuntimeError, match="disk"):
        impute(model, "rna", "adt", out=tmp_path / "imputed.h5ad")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("method", ["neighbours", "both"])
def test_neighbours_need_the_data(bare, method):
    with pytest.raises(InputValueError, match=r'need the data of \'adt\'(.|\n)*method="regression"'):
        impute(bare, "rna", "adt", method=method)


def test_a_loaded_model_says_which_method_works(model, tmp_path, caplog):
    model.save(tmp_path / "run")
    loaded = type(model).load(tmp_path / "run")
    with pytest.raises(InputValueError, match=r'loaded without data\.\n  Use method="regression", or refit the model'):
        impute(loaded, "rna", "adt")
    expected = impute(model, "rna", "adt", method="regression").X
    with caplog.at_level(logging.INFO, "crosstie"):
        found = impute(loaded, "rna", "adt", method="regression")
    np.testing.assert_array_equal(found.X, expected)
    assert found.var["reliability"].isna().all()
    assert "the reliability of features is unknown" in caplog.text


@pytest.mark.parametrize(
    ("views", "options", "error", "words"),
    [
        (("rna", "atac"), {}, InputKeyError, "view: unknown name 'atac'"),
        (("rna", "rna"), {}, InputValueError, "impute: source and target are the same view"),
        (("rna", "adt"), {"k": 0}, InputValueError, "k=0"),
        (("rna", "adt"), {"out": "imputed.csv"}, InputValueError, r"imputed.csv(.|\n)*ends in .h5ad"),
        (("rna", "adt"), {"method": "magic"}, InputValueError, "'magic'(.|\n)*'neighbours'"),
    ],
)
def test_wrong_input_is_explained(model, views, options, error, words):
    with pytest.raises(error, match=words):
        impute(model, *views, **options)
