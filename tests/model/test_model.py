"""What one does with a model: place new cells, write coordinates, translate; and what it refuses."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import crosstie as xt
from crosstie.metrics import nearest_labels, transfer_accuracy

from .small_models import CLOSED, simulate


def renamed(adata, prefix):
    out = adata.copy()
    out.obs_names = [f"{prefix}{i}" for i in range(out.n_obs)]
    return out


# ---- new cells ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["fitted", pytest.param("trained", marks=pytest.mark.trains)])
def test_fitted_cells_as_new_ones(which, data, request):
    model = request.getfixturevalue(which)
    for view, adata in data.items():
        np.testing.assert_allclose(model.embed(view, adata), model.embed(view), atol=1e-4)
        np.testing.assert_allclose(model.embed(view, adata[20:30]), model.embed(view)[20:30], atol=1e-4)


def test_new_cells_find_their_kind(fitted, data):
    new = simulate(seed=5)["rna"]
    z = fitted.embed("rna", new)
    assert z.shape == (250, 20)
    types = {name: a.obs["cell_type"].astype(str).to_numpy() for name, a in (("old", data["rna"]), ("new", new))}
    assert transfer_accuracy(types["new"], nearest_labels(fitted.embed("rna"), types["old"], z)) > 0.6


def test_new_cells_may_have_features_in_any_order_and_more_of_them(fitted, data):
    rna = data["rna"]
    more = ad.AnnData(
        sp.hstack([rna.X, sp.csr_matrix(np.full((250, 3), 7.0))], format="csr"),
        obs=rna.obs[[]],
        var=pd.DataFrame(index=[*rna.var_names, "x", "y", "z"]),
    )
    order = np.random.default_rng(0).permutation(153)
    np.testing.assert_allclose(fitted.embed("rna", more[:, order]), fitted.embed("rna"), atol=1e-4)


def test_new_cells_with_repeated_feature_names(data):
    with pytest.warns(UserWarning, match="not unique"):
        twice = ad.concat([data["rna"], data["rna"][:, :2]], axis=1, merge="first")
    model = xt.integrate({"rna": twice, "adt": data["adt"]}, config=CLOSED)
    np.testing.assert_allclose(model.embed("rna", twice), model.embed("rna"), atol=1e-4)


def test_new_cells_that_cannot_be_used(fitted, data):
    rna = data["rna"]
    with pytest.raises(KeyError, match=r"embed 'rna': only 2 of the \d+ used features are there"):
        fitted.embed("rna", rna[:, :2])
    with pytest.raises(
        ValueError, match=r"fitted on counts\.\n  found: [\d.]+, and values up to (.|\n)*expected: whole numbers"
    ):
        fitted.embed("rna", ad.AnnData(np.log1p(rna.X), obs=rna.obs, var=rna.var))
    logged = xt.integrate(data | {"rna": ad.AnnData(np.log1p(rna.X), obs=rna.obs, var=rna.var)}, config=CLOSED)
    with pytest.raises(ValueError, match="the new cells hold counts, but the view was fitted on values on a log scale"):
        logged.embed("rna", ad.AnnData(rna.X * 20, obs=rna.obs, var=rna.var))
    with pytest.raises(ValueError, match="not finite"):
        fitted.embed("rna", ad.AnnData(rna.X * np.nan, obs=rna.obs, var=rna.var))
    with pytest.raises(KeyError, match=r"view: unknown name 'atac'(.|\n)*'rna', 'adt'"):
        fitted.embed("atac")


def test_a_few_new_cells_are_of_the_fitted_kind(data, caplog):
    """Whole numbers, or nothing at all, in some of the fitted features do not make another kind of them."""
    rna = data["rna"].copy()
    rna.X = sp.csr_matrix(np.log1p(rna.X.toarray() / 3))
    model = xt.integrate({"rna": rna, "adt": data["adt"]}, config=CLOSED)
    caplog.clear()
    whole = ad.AnnData(sp.csr_matrix(np.eye(2, 150, dtype=np.float32)), var=rna.var)
    one, zero = model.embed("rna", whole), model.embed("rna", ad.AnnData(sp.csr_matrix((1, 150)), var=rna.var))
    assert np.isfinite(one).all()
    assert np.isfinite(zero).all()
    assert not caplog.text
    with pytest.raises(ValueError, match="negative values"):
        model.embed("rna", ad.AnnData(-whole.X, var=rna.var))


def test_values_of_features_that_were_not_fitted_do_not_matter(fitted, data):
    more = ad.concat([data["rna"], ad.AnnData(np.full((250, 1), np.nan), obs=data["rna"].obs[[]])], axis=1)
    np.testing.assert_allclose(fitted.embed("rna", more), fitted.embed("rna"), atol=1e-4)


# ---- writing, translating -------------------------------------------------------------------------------------------


def test_write(fitted, data):
    copies = {view: adata.copy() for view, adata in data.items()}
    fitted.write(copies)
    fitted.write(copies, key="X_other")
    for view, adata in copies.items():
        np.testing.assert_array_equal(adata.obsm["X_crosstie"], fitted.embed(view))
        np.testing.assert_array_equal(adata.obsm["X_other"], fitted.embed(view))


def test_write_refuses_other_cells(fitted, data):
    for other in (data["adt"][::-1], data["adt"][:100], renamed(data["adt"], "x")):
        copies = {"rna": data["rna"].copy(), "adt": other.copy()}
        with pytest.raises(ValueError, match="write: view 'adt' has other cells"):
            fitted.write(copies)
        assert "X_crosstie" not in copies["rna"].obsm
    with pytest.raises(KeyError, match="write: view: unknown name 'adt'"):
        fitted.write({"rna": data["rna"], "other": data["adt"]})


@pytest.mark.parametrize("which", ["fitted", pytest.param("trained", marks=pytest.mark.trains)])
def test_translate(which, data, request):
    model = request.getfixturevalue(which)
    recipe = model.recipes["adt"]
    found = model.translate("rna", "adt")
    assert found.shape == (250, len(recipe.names))
    np.testing.assert_allclose(model.translate("rna", "adt", scaled=True) * recipe.std + recipe.mean, found, atol=1e-4)
    np.testing.assert_allclose(model.translate("rna", "adt", data["rna"][:9]), found[:9], atol=1e-3)
    with pytest.raises(KeyError, match="view: unknown name 'atac'"):
        model.translate("rna", "atac")


def test_translated_proteins_are_like_the_measured_ones(fitted, data):
    order = {view: np.argsort(data[view].obs["true_cell"].to_numpy()) for view in data}
    measured = fitted.recipes["adt"].log_normalize(data["adt"].X)[order["adt"]]
    found = fitted.translate("rna", "adt")[order["rna"]]
    correlation = [np.corrcoef(a, b)[0, 1] for a, b in zip(measured.T, found.T, strict=True)]
    assert np.mean(correlation) > 0.2


# ---- one matrix twice -----------------------------------------------------------------------------------------------


def twice(adata, seed=0):
    """A protein matrix as two views, the cells of the second shuffled."""
    order = np.random.default_rng(seed).permutation(adata.n_obs)
    return {"adt1": adata, "adt2": renamed(adata[order], "again-")}, order


# ---- numbers that are no counts -------------------------------------------------------------------------------------


def test_not_fitted(data, tmp_path):
    model = xt.Model(data)
    for call in (lambda: model.embed("rna"), lambda: model.translate("rna", "adt"), lambda: model.save(tmp_path / "x")):
        with pytest.raises(ValueError, match=r"not fitted(.|\n)*model.fit\(\)"):
            call()
