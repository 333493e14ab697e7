"""What is integrated is checked once: options, views, and links that name what the views lack."""

import logging

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import crosstie as xt

CLOSED = xt.Config(n_components=30, n_latent=20)


def simulate(seed=0, n_cells=250, **options):
    return dict(xt.datasets.simulate_citeseq(n_cells=n_cells, n_genes=150, n_proteins=30, seed=seed, **options).mod)


@pytest.fixture(scope="module")
def data():
    return simulate()


def test_obs_is_a_copy(data):
    own = {view: adata.copy() for view, adata in data.items()}
    model = xt.Model(own)
    own["rna"].obs["cell_type"] = "changed"
    pd.testing.assert_frame_equal(model.obs["rna"], data["rna"].obs)


def test_different_matrices_are_not_warned_of(data, caplog):
    xt.Model(data)
    assert "same matrix" not in caplog.text


def with_values(adata, value):
    x = adata.X.toarray()
    x[3, 5] = value
    return ad.AnnData(sp.csr_matrix(x), obs=adata.obs, var=adata.var)


def test_bad_views(data):
    def change(**views):
        return xt.Model(data | views)

    rna, adt = data["rna"], data["adt"]
    with pytest.raises(ValueError, match=r"view 'rna': too few cells(.|\n)*found: 1 cells"):
        change(rna=rna[:1])
    with pytest.raises(ValueError, match=r"view 'adt': too few features(.|\n)*found: 2 features"):
        change(adt=adt[:, :2])
    with pytest.raises(ValueError, match=r"view 'rna': .*not finite(.|\n)*found: 1 NaN"):
        change(rna=with_values(rna, np.nan))
    with pytest.raises(ValueError, match=r"view 'rna': .*negative(.|\n)*layers/counts"):
        change(rna=with_values(rna, -1))
    with pytest.raises(TypeError, match=r"view 'adt' is not an AnnData(.|\n)*found: DataFrame"):
        change(adt=adt.to_df())
    with pytest.raises(ValueError, match=r"nothing to integrate(.|\n)*found: 'rna'\n  expected: at least two views"):
        xt.Model({"rna": rna})
    with pytest.raises(TypeError, match=r"neither a MuData nor a mapping(.|\n)*found: list"):
        xt.Model([rna, adt])
    with pytest.raises(TypeError, match=r"neither a MuData nor a mapping(.|\n)*found: AnnData"):
        xt.Model(rna)


def test_bad_options(data):
    with pytest.raises(KeyError, match=r"view 'rna': modality: unknown name 'RNA'(.|\n)*'rna', 'protein'"):
        xt.Model(data, modality={"rna": "RNA"})
    for option in ({"modality": {"atac": "atac"}}, {"slot": {"atac": "X"}}, {"batch_key": {"atac": "batch"}}):
        with pytest.raises(KeyError, match=f"{next(iter(option))}: view: unknown name 'atac'"):
            xt.Model(data, **option)
    with pytest.raises(KeyError, match="view 'rna': slot: unknown name 'layers/counts'"):
        xt.Model(data, slot="layers/counts")
    with pytest.raises(KeyError, match="view 'adt': batch_key, a column of obs: unknown name 'donor'"):
        xt.Model(data, batch_key={"adt": "donor"})


def test_views_without_links(data):
    other = data["rna"].copy()
    other.var_names = [f"feature{j}" for j in range(other.n_vars)]
    with pytest.raises(ValueError, match=r"no two views could be linked(.|\n)*no rule links rna and none"):
        xt.Model({"rna": data["rna"], "own": other}, modality={"own": "none"})
    with pytest.raises(ValueError, match=r"the 3 views are not connected(.|\n)*rna, adt \| own"):
        xt.Model(data | {"own": other}, modality={"own": "none"})
    with pytest.raises(ValueError, match="no name occurs in both views"):
        xt.Model({"rna": data["rna"], "rna2": other})
    with pytest.raises(KeyError, match="unknown name 'atac'"):
        xt.Model(data, xt.links.Link("rna", "atac", xt.links.by_table(data, "rna", "adt").pairs, pd.DataFrame()))


def test_link_whose_features_are_misspelt(data):
    rows = {"source": ["CD3D", "CD19x"], "target": [data["adt"].var_names[0]] * 2, "column": [0, 1], "weight": [1.0, 1]}
    link = xt.links.Link("rna", "adt", pd.DataFrame(rows), pd.DataFrame())
    words = (
        r"link rna -> adt: view 'rna' lacks 1 of its 2 features, the first: unknown name 'CD19x'(.|\n)*"
        r"Did you mean 'CD19'\?"
    )
    for given in (link, [xt.links.by_table(data, "rna", "adt"), link]):
        with pytest.raises(KeyError, match=words):
            xt.Model(data, given)
    with pytest.raises(KeyError, match="link adt -> rna: view 'rna' lacks 1"):
        xt.Model(data, link.reversed())


def test_log_says_what_was_done(data, caplog):
    with caplog.at_level(logging.INFO, "crosstie"):
        xt.Model(data)
    assert "rna: modality taken as 'rna' (by its name)" in caplog.text
    assert "rna -> adt: linked by table" in caplog.text


def test_other_data_are_refused(data, tmp_path):
    xt.integrate(data, config=CLOSED).save(tmp_path / "model")
    loaded = xt.Model.load(tmp_path / "model")
    with pytest.raises(ValueError, match="'rna' has other cells than the fitted one"):
        loaded.with_data(data | {"rna": data["rna"][::-1]})
    with pytest.raises(ValueError, match=r"'adt' has other features[\s\S]*found: 20: "):
        loaded.with_data(data | {"adt": data["adt"][:, :20]})
    with pytest.raises(KeyError, match="unknown name 'adt'"):
        loaded.with_data({"rna": data["rna"], "other": data["rna"]})
