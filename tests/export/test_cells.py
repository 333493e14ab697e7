import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import crosstie as xt
from crosstie._errors import InputError
from crosstie.export import cells, cellxgene_faults
from crosstie.runs.read import read


def dense(x):
    return x.toarray() if sp.issparse(x) else np.asarray(x)


@pytest.mark.parametrize("features", ["adt", "rna"])
def test_measured_where_measured_and_imputed_elsewhere(found, features):
    adata = cells(found, features=features)
    model, other = found.model, "rna" if features == "adt" else "adt"
    own = (adata.obs["view"] == features).to_numpy()
    recipe = model.recipes[features]
    assert list(adata.var_names) == list(recipe.names)
    np.testing.assert_allclose(
        dense(adata.X)[own], dense(recipe.log_normalize(model.views[features].loaded)), rtol=1e-6
    )
    imputed = xt.tl.impute(model, other, features).X
    np.testing.assert_allclose(dense(adata.X)[~own], imputed, rtol=1e-6)
    np.testing.assert_array_equal(dense(adata.layers["imputed"])[~own], imputed)
    raw = dense(model.views[features].loaded)[:, recipe.kept]
    np.testing.assert_array_equal(dense(adata.layers["measured"])[own], raw)
    assert adata.layers["measured"][~own].nnz == adata.layers["imputed"][own].nnz == 0


def test_the_view_with_the_fewest_features_is_taken(found):
    assert list(cells(found).var["view"].unique()) == ["adt"]


def test_coordinates_map_and_labels(found):
    adata = cells(found)
    np.testing.assert_array_equal(adata.obsm["X_crosstie"], np.vstack(list(found.model.latents.values())))
    on_map = np.isfinite(adata.obsm["X_umap"]).all(1)
    assert on_map.sum() == sum(len(part) for part in found.plane.values())
    rows = found.plane["rna"]["row"].to_numpy()
    np.testing.assert_allclose(adata.obsm["X_umap"][rows], found.plane["rna"][["x", "y"]], rtol=1e-6)
    rna = adata.obs[adata.obs["view"] == "rna"]
    assert list(rna["crosstie_label"]) == list(found.truth["rna"])
    assert (rna["crosstie_label_confidence"] == 1).all()
    assert list(rna["author_cell_type"]) == list(found.truth["rna"])


def test_labels_are_transferred_where_a_view_has_none(found, monkeypatch):
    unlabelled = {"rna": found.truth["rna"]}
    monkeypatch.setitem(vars(found), "truth", unlabelled)
    adt = (lambda obs: obs[obs["view"] == "adt"])(cells(found).obs)
    table = found.labels["rna", "adt"]
    assert list(adt["crosstie_label"]) == list(table["label"])
    np.testing.assert_allclose(adt["crosstie_label_confidence"], table["confidence"], rtol=1e-6)
    assert set(adt["crosstie_label_from"]) == {"rna"}


def test_what_is_written_is_read_back(found, tmp_path):
    adata = cells(found)
    adata.write_h5ad(tmp_path / "cells.h5ad")
    back = ad.read_h5ad(tmp_path / "cells.h5ad")
    assert cellxgene_faults(back) == []
    about = back.uns["crosstie"]
    assert about["features_of"] == "adt"
    assert about["units"] == found.model.recipes["adt"].units
    assert list(about["views"]) == ["rna", "adt"]
    assert "30 nearest cells of adt" in about["layers"]["imputed"]
    np.testing.assert_array_equal(dense(back.layers["imputed"]), dense(adata.layers["imputed"]))


def test_one_view_keeps_its_columns_and_positions(in_tissue):
    adata = cells(in_tissue, views=["adt"], features="rna")
    np.testing.assert_array_equal(adata.obsm["spatial"], in_tissue.data["adt"].obsm["spatial"])
    assert adata.uns["spatial_unit"] == "micrometre"
    assert set(adata.obs["section"]) == {"left", "right"}
    assert list(adata.obs_names) == list(in_tissue.data["adt"].obs_names)


def test_names_of_cells_are_unique(found):
    assert cells(found).obs_names.is_unique


def test_unknown_views(found):
    for options in ({"views": ["rna", "x"]}, {"features": "x"}):
        with pytest.raises(InputError, match="export: view: unknown name 'x'"):
            cells(found, **options)


def test_a_run_without_data(written, tmp_path):
    import shutil

    shutil.copytree(written, tmp_path / "run")
    (tmp_path / "run" / "integrated.h5mu").unlink()
    with pytest.raises(InputError, match="the run lacks its data"):
        cells(read(tmp_path / "run"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_scanpy_opens_it(found, tmp_path):
    sc = pytest.importorskip("scanpy")
    cells(found).write_h5ad(tmp_path / "cells.h5ad")
    adata = sc.read_h5ad(tmp_path / "cells.h5ad")
    sc.pp.neighbors(adata, use_rep="X_crosstie", n_neighbors=10)
    assert adata.obsp["distances"].nnz
    sc.tl.rank_genes_groups(adata, "crosstie_label", method="t-test")
    axes = sc.pl.embedding(adata, "X_umap", color=["crosstie_label", adata.var_names[0]], show=False)
    assert len(axes) == 2
    assert len(adata.uns["rank_genes_groups"]["names"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_muon_opens_the_views_of_a_run(written, found):
    mu = pytest.importorskip("muon")
    mdata = mu.read(str(written / "integrated.h5mu"))
    assert list(mdata.mod) == ["rna", "adt"]
    np.testing.assert_array_equal(mdata["adt"].obsm["X_crosstie"], found.model.latents["adt"])
    assert mu.pl.embedding(mdata["rna"], basis="X_crosstie", color="cell_type", show=False) is not None
