"""The counts of a view: their form, and figures that are those of the profile."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crosstie.datasets import simulate_citeseq
from crosstie.datasets.simulator.profile import load_profile


@pytest.fixture(scope="module")
def mdata():
    return simulate_citeseq(n_cells=600, n_genes=300, seed=1)


@pytest.fixture(scope="module")
def many():
    """Enough cells to read moments from, without the continuous factors, whose tails are long."""
    return simulate_citeseq(n_cells=8000, n_genes=200, n_proteins=40, coupling=0, seed=3)


def aligned(mdata):
    """Both views in the order of the true cells; their cells must be the same."""
    rna, adt = (mdata[v][np.argsort(mdata[v].obs["true_cell"].to_numpy())] for v in ("rna", "adt"))
    assert (rna.obs["true_cell"].to_numpy() == adt.obs["true_cell"].to_numpy()).all()
    return rna, adt


def frame(adata):
    return pd.DataFrame(adata.X.toarray(), columns=adata.var_names)


def test_shapes_and_counts(mdata):
    assert mdata["rna"].shape == (600, 300)
    assert mdata["adt"].shape == (600, 84)
    for view in ("rna", "adt"):
        x = mdata[view].X
        assert x.format == "csr"
        assert x.dtype == np.float32
        assert x.has_canonical_format
        assert (x.data >= 1).all()
        assert (x.data == np.round(x.data)).all()
        assert mdata[view].obs_names.is_unique
        assert mdata[view].var_names.is_unique
        assert not mdata[view].obs.isna().any().any()
        assert np.isfinite(mdata[view].obsm["true_factors"]).all()
    assert (np.asarray(mdata["rna"].X.sum(axis=1)) > 0).all()


@pytest.mark.parametrize(
    ("view", "state"), [("rna", "CD14+ monocyte"), ("adt", "CD14+ monocyte"), ("adt", "CD4+ naive")]
)
def test_means_match_the_profile(many, view, state):
    population, rna, adt = load_profile("pbmc_wnn")
    assay = {"rna": rna, "adt": adt}[view]
    s = list(population.state).index(state)
    adata = many[view][many[view].obs["state"] == state]
    at = [list(assay.feature).index(f) for f in adata.var_names]
    depth = np.exp(assay.depth[s, 0] + assay.depth[s, 1] ** 2 / 2)
    expected = depth * (assay.ambient[at] + assay.rate[s, at])
    x = frame(adata)
    error = x.sem().to_numpy() + 1e-3
    assert np.abs((x.mean().to_numpy() - expected) / error).mean() < 1.2  # 0.8 for exact means
    loud = expected > 1
    assert loud.sum() > 10
    np.testing.assert_allclose(x.mean().to_numpy()[loud], expected[loud], rtol=0.15)


def test_dispersions_match_the_profile(many):
    """Law of total variance: E[m] + phi E[m^2] + Var[m] with m proportional to a log-normal depth."""
    population, _, adt = load_profile("pbmc_wnn")
    s = list(population.state).index("CD14+ monocyte")
    adata = many["adt"][many["adt"].obs["state"] == "CD14+ monocyte"]
    at = [list(adt.feature).index(f) for f in adata.var_names]
    m = adt.ambient[at] + adt.rate[s, at]
    v = adt.depth[s, 1] ** 2
    first, second = m * np.exp(v / 2), m**2 * np.exp(2 * v)
    expected = first + adt.dispersion[s, at] * second + second - first**2
    ratio = frame(adata).var().to_numpy() / expected
    assert 0.9 < np.median(ratio) < 1.1
    assert ((ratio > 0.6) & (ratio < 1.6)).mean() > 0.9


def test_noise_0_is_poisson_without_background(mdata):
    quiet = simulate_citeseq(n_cells=600, n_genes=300, noise=0, seed=1)
    naive = [m["adt"][m["adt"].obs["state"] == "CD4+ naive", "CD19"].X.mean() for m in (quiet, mdata)]
    assert naive[0] < 0.5 * naive[1]


def test_states_couple_the_views_inside_a_type():
    """Cells of one state: the factors are seen in both views, unless coupling is 0."""

    def canonical(coupling):
        only = dict.fromkeys(set(load_profile()[0].state) - {"CD14+ monocyte"}, 0.0)
        mdata = simulate_citeseq(n_cells=1500, n_genes=300, coupling=coupling, composition={"rna": only, "adt": only})
        scores = []
        for adata in aligned(mdata):
            x = np.log1p(frame(adata).to_numpy())
            x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-6)
            scores.append(np.linalg.lstsq(x[:1000], adata.obsm["true_factors"][:1000], rcond=None)[0].T @ x[1000:].T)
        return max(np.corrcoef(a, b)[0, 1] for a, b in zip(*scores, strict=True))

    assert canonical(1.0) > 0.3
    assert abs(canonical(0.0)) < 0.2


def test_batches_shift_features():
    mdata = simulate_citeseq(n_cells=2000, n_genes=150, n_batches=2, batch_effect=0.5)
    plain = simulate_citeseq(n_cells=2000, n_genes=150, n_batches=2, batch_effect=0.0)

    def shift(adata):
        x = frame(adata).groupby(adata.obs["batch"].to_numpy()).mean()
        loud = x.min() > 1
        return np.log(x.loc["batch1", loud] / x.loc["batch2", loud]).std()

    for view in ("rna", "adt"):
        assert set(mdata[view].obs["batch"]) == {"batch1", "batch2"}
        assert shift(mdata[view]) > 3 * shift(plain[view])
