"""The profile behind the simulator: names of real panels, and markers where they belong."""

from __future__ import annotations

import pandas as pd
import pytest

from crosstie.datasets import simulate_citeseq, true_links


@pytest.fixture(scope="module")
def many():
    """Enough cells to read moments from, without the continuous factors, whose tails are long."""
    return simulate_citeseq(n_cells=8000, n_genes=200, n_proteins=40, coupling=0, seed=3)


def frame(adata):
    return pd.DataFrame(adata.X.toarray(), columns=adata.var_names)


@pytest.mark.parametrize("panel", ["pbmc_wnn", "pbmc10k"])
def test_default_panels_have_real_names_and_links(panel):
    mdata = simulate_citeseq(n_cells=20, panel=panel)
    links = true_links(mdata)
    assert {("CD19", "CD19"), ("CD3", "CD3D"), ("CD16", "FCGR3A"), ("CD45RA", "PTPRC")} <= set(
        links.itertuples(index=False, name=None)
    )
    assert links["protein"].isin(mdata["adt"].var_names).all()
    assert links["protein"].nunique() >= {"pbmc_wnn": 60, "pbmc10k": 14}[panel]
    assert mdata["adt"].var["isotype_control"].sum() == {"pbmc_wnn": 4, "pbmc10k": 0}[panel]


def test_markers_are_where_they_belong(many):
    rna, adt = many["rna"], many["adt"]
    assert frame(adt).groupby(adt.obs["cell_type"].to_numpy())["CD19"].mean().idxmax() == "B cells"
    assert (
        frame(adt)
        .groupby(adt.obs["state"].to_numpy())["CD16"]
        .mean()
        .nlargest(2)
        .index.isin(["CD16+ monocyte", "CD56dim NK"])
        .all()
    )
    level = frame(rna).groupby(rna.obs["cell_type"].to_numpy()).mean()
    assert level["CD14"].idxmax() == "CD14+ monocytes"
    assert level["MS4A1"].idxmax() == "B cells"
    share = rna.obs["cell_type"].value_counts(normalize=True)
    assert 0.25 < share["CD4+ T cells"] < 0.45
    assert share["Platelets"] < 0.02


def test_isotype_controls_tell_no_types_apart(many):
    adt = many["adt"]
    control = adt.var_names[adt.var["isotype_control"]]
    level = frame(adt)[control].groupby(adt.obs["cell_type"].to_numpy()).mean()
    large = adt.obs["cell_type"].value_counts().head(5).index
    assert (level.loc[large].max() / level.loc[large].min() < 1.3).all()
