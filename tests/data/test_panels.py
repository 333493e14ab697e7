"""Panels that differ between batches."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData, concat

import crosstie as xt
from crosstie.data.panels import split_by_panel, unmeasured


def joined(missing=0.0):
    """Three batches of 60 cells: the second lacks P0 and P1, the third P2; P4 is a rare marker of the first."""
    x = np.random.default_rng(0).poisson(5, (180, 6)).astype(np.float32) + 1
    batch = np.repeat(["b", "a", "c"], 60)
    x[:, 4] = 0
    x[:4, 4] = 3
    x[np.ix_(batch == "a", [0, 1])] = missing
    x[np.ix_(batch == "c", [2])] = missing
    var = pd.DataFrame(index=[f"P{i}" for i in range(6)])
    obs = pd.DataFrame({"batch": batch}, index=[f"c{i}" for i in range(180)])
    return AnnData(x, obs=obs, var=var)


@pytest.mark.parametrize("missing", [0.0, np.nan])
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.csc_matrix])
def test_each_panel_becomes_a_view_of_what_it_measured(missing, kind):
    adata = joined(missing)
    adata.X = kind(adata.X)
    before = adata.copy()
    found = split_by_panel(adata, "batch", name="adt")
    assert {name: list(view.var_names) for name, view in found.items()} == {
        "adt_1": ["P0", "P1", "P2", "P3", "P4", "P5"],
        "adt_2": ["P2", "P3", "P4", "P5"],
        "adt_3": ["P0", "P1", "P3", "P4", "P5"],
    }
    assert [set(view.obs["batch"]) for view in found.values()] == [{"b"}, {"a"}, {"c"}]
    assert list(pd.Index([]).append([view.obs_names for view in found.values()])) == list(adata.obs_names)
    assert all(np.isfinite(sp.csr_matrix(view.X).data).all() for view in found.values())
    np.testing.assert_array_equal(sp.csr_matrix(adata.X).toarray(), sp.csr_matrix(before.X).toarray())


def test_batches_of_one_panel_stay_together():
    adata = joined()
    adata = adata[adata.obs["batch"] != "c"].copy()
    adata.obs["batch"] = [f"{b}{i % 2}" for i, b in enumerate(adata.obs["batch"])]
    found = split_by_panel(adata, "batch", name="protein")
    assert {name: set(view.obs["batch"]) for name, view in found.items()} == {
        "protein_1": {"b0", "b1"},
        "protein_2": {"a0", "a1"},
    }
    same = found["protein_1"]
    assert split_by_panel(same, "batch", name="x")["x"] is same


def test_a_rare_marker_and_a_small_batch_lack_nothing():
    adata = joined()
    small = np.flatnonzero(adata.obs["batch"] == "a")[:10]
    adata = adata[np.r_[np.flatnonzero(adata.obs["batch"] == "b"), small]]
    names, lacking = unmeasured(adata.X, adata.obs["batch"].to_numpy())
    assert list(names) == ["a", "b"]
    assert not lacking.any()


def test_an_outer_join_of_two_panels_is_taken_apart_again():
    one, two = joined()[:60, [0, 1, 2, 3]].copy(), joined()[60:120, [2, 3, 5]].copy()
    for part in (one, two):
        part.obs = part.obs.drop(columns="batch")
    both = concat({"one": one, "two": two}, join="outer", label="lane")
    found = split_by_panel(both, "lane")
    for part, again in zip((one, two), found.values(), strict=True):
        np.testing.assert_array_equal(again[:, part.var_names].X, part.X)
        assert set(again.var_names) == set(part.var_names)


def test_an_integration_of_joined_panels_says_what_to_do():
    data = xt.datasets.simulate_citeseq(n_cells=300, n_genes=200, n_proteins=30, n_batches=2, seed=0)
    rna, adt = data["rna"], data["adt"].copy()
    adt.X = adt.X.toarray().astype(np.float32)
    adt.X[(adt.obs["batch"] == "batch1").to_numpy(), :3] = np.nan
    with pytest.raises(ValueError, match="split_by_panel"):
        xt.integrate({"rna": rna, "adt": adt})
    model = xt.integrate({"rna": rna, **split_by_panel(adt, "batch")})
    assert list(model.latents) == ["rna", "adt_1", "adt_2"]
    whole, short = sorted(["adt_1", "adt_2"], key=lambda name: -model.views[name].n_features)
    filled = xt.tl.impute(model, short, whole)
    assert set(adt.var_names[:3]) <= set(filled.var_names)
    assert filled.n_obs == (adt.obs["batch"] == "batch1").sum()


def test_what_cannot_be_split_is_said():
    adata = joined()
    with pytest.raises(KeyError, match=r"batch_key(.|\n)*lane"):
        split_by_panel(adata, "lane")
    adata.obs.loc["c3", "batch"] = None
    with pytest.raises(ValueError, match="1 cells have no 'batch'"):
        split_by_panel(adata, "batch")
