"""The simulator against its own figures, and its promises."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from crosstie._errors import InputError, InputKeyError, InputTypeError, InputValueError
from crosstie.datasets import simulate_citeseq, true_links
from crosstie.datasets.simulator.profile import load_profile

SMALL = {"n_cells": 300, "n_genes": 200, "n_proteins": 40}


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


# ---- form -----------------------------------------------------------------------------------------------------------


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


def test_same_seed_same_bits():
    a, b = simulate_citeseq(**SMALL, seed=5), simulate_citeseq(**SMALL, seed=5)
    other = simulate_citeseq(**SMALL, seed=6)
    for view in ("rna", "adt"):
        assert (a[view].X != b[view].X).nnz == 0
        pd.testing.assert_frame_equal(a[view].obs, b[view].obs)
        assert (a[view].X != other[view].X).nnz > 0


def test_global_generator_is_left_alone():
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    simulate_citeseq(**SMALL)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_another_panel_leaves_the_cells_alone():
    """Every part has a generator of its own."""
    a, b = simulate_citeseq(**SMALL), simulate_citeseq(n_cells=300, n_genes=200, panel="pbmc10k", n_proteins=10)
    pd.testing.assert_frame_equal(a["rna"].obs, b["rna"].obs)


# ---- figures --------------------------------------------------------------------------------------------------------


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


# ---- truth ----------------------------------------------------------------------------------------------------------


def test_truth_agrees_between_views(mdata):
    rna, adt = aligned(mdata)
    for column in ("cell_type", "state", "batch"):
        assert (rna.obs[column].to_numpy() == adt.obs[column].to_numpy()).all()
    np.testing.assert_array_equal(rna.obsm["true_factors"], adt.obsm["true_factors"])


def test_row_order_and_names_tell_nothing(mdata):
    rna, adt = mdata["rna"].obs["true_cell"].to_numpy(), mdata["adt"].obs["true_cell"].to_numpy()
    assert (rna == adt).mean() < 0.05
    assert abs(np.corrcoef(rna, np.arange(600))[0, 1]) < 0.15
    assert not set(mdata["rna"].obs_names) & set(mdata["adt"].obs_names)


@pytest.mark.parametrize("overlap", [0.0, 0.4, 1.0])
def test_overlap_is_the_share_of_common_cells(overlap):
    mdata = simulate_citeseq(n_cells=500, n_genes=150, overlap=overlap)
    rna, adt = (set(mdata[v].obs["true_cell"]) for v in ("rna", "adt"))
    assert len(rna) == len(adt) == 500
    assert len(rna & adt) == round(500 * overlap)


def test_views_of_different_size():
    mdata = simulate_citeseq(n_cells={"rna": 400, "adt": 150}, n_genes=150)
    rna, adt = (set(mdata[v].obs["true_cell"]) for v in ("rna", "adt"))
    assert (len(rna), len(adt)) == (400, 150)
    assert adt < rna


def test_dropped_types_leave_one_view():
    mdata = simulate_citeseq(n_cells=500, n_genes=150, drop_types={"adt": ["NK cells", "Naive B"]})
    assert mdata["adt"].n_obs == 500
    assert not {"NK cells"} & set(mdata["adt"].obs["cell_type"])
    assert "Naive B" not in set(mdata["adt"].obs["state"])
    assert {"NK cells"} <= set(mdata["rna"].obs["cell_type"])
    rna, adt = (mdata[v].obs.set_index("true_cell") for v in ("rna", "adt"))
    common = rna.index.intersection(adt.index)
    assert 300 < len(common) < 500
    assert (rna.loc[common, "state"].astype(str) == adt.loc[common, "state"].astype(str)).all()


def test_composition_is_a_factor_on_the_odds():
    mdata = simulate_citeseq(n_cells=4000, n_genes=150, composition={"adt": {"CD14+ monocytes": 0.1}})
    share = {v: (mdata[v].obs["cell_type"] == "CD14+ monocytes").mean() for v in ("rna", "adt")}
    odds = {v: p / (1 - p) for v, p in share.items()}
    assert odds["adt"] / odds["rna"] == pytest.approx(0.1, rel=0.3)


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


@pytest.mark.parametrize("n_linked", [0, 5, 30])
def test_n_linked_counts_antibodies_with_a_gene(n_linked):
    mdata = simulate_citeseq(n_cells=30, n_genes=150, n_linked=n_linked)
    assert true_links(mdata)["protein"].nunique() == n_linked


def test_smaller_panels_are_the_first_of_larger_ones():
    names = [list(simulate_citeseq(n_cells=10, n_genes=150, n_proteins=n)["adt"].var_names) for n in (5, 15, 19)]
    assert all(b[: len(a)] == a for a, b in pairwise(names))


# ---- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        (
            {"drop_types": {"adt": ["NK cell"]}},
            InputKeyError,
            ["drop_types['adt']", "'NK cell'", "Did you mean 'NK cells'"],
        ),
        ({"drop_types": {"protein": ["NK cells"]}}, InputKeyError, ["drop_types", "'protein'", "'rna', 'adt'"]),
        ({"drop_types": {"adt": "NK cells"}}, InputTypeError, ["list of names"]),
        ({"composition": {"adt": {"B cell": 2}}}, InputKeyError, ["composition['adt']", "Did you mean 'B cells'"]),
        ({"composition": {"adt": {"B cells": -1}}}, InputValueError, ["composition['adt']['B cells']", "found: -1"]),
        ({"n_cells": 3}, InputValueError, ["n_cells", "found: 3", "expected: 10"]),
        ({"n_cells": {"rna": 100}}, InputValueError, ["no number for 'adt'"]),
        ({"n_cells": 100.5}, InputTypeError, ["n_cells", "whole number", "100.5"]),
        ({"overlap": 1.5}, InputValueError, ["overlap", "found: 1.5", "0 to 1"]),
        ({"overlap": float("nan")}, InputValueError, ["overlap", "nan"]),
        ({"noise": -1}, InputValueError, ["noise"]),
        ({"coupling": "much"}, InputTypeError, ["coupling", "'much'"]),
        ({"n_batches": 0}, InputValueError, ["n_batches"]),
        ({"n_batches": 1.5}, InputTypeError, ["n_batches", "whole number"]),
        ({"batch_effect": -0.1}, InputValueError, ["batch_effect"]),
        ({"seed": -1}, InputValueError, ["seed"]),
        ({"n_genes": 30}, InputValueError, ["n_genes", "n_linked"]),
        ({"n_genes": 100_000}, InputValueError, ["n_genes"]),
        ({"n_proteins": 500}, InputValueError, ["n_proteins", "found: 500"]),
        ({"n_linked": 500}, InputValueError, ["n_linked"]),
        ({"panel": "pbmc"}, InputKeyError, ["panel", "'pbmc_wnn', 'pbmc10k'"]),
    ],
)
def test_errors_say_what_and_why(options, kind, words):
    with pytest.raises(kind) as caught:
        simulate_citeseq(**options)
    assert isinstance(caught.value, InputError)
    for word in words:
        assert word in str(caught.value)


def test_dropping_everything_is_an_error():
    with pytest.raises(InputValueError, match="view 'adt' has no cell types left"):
        simulate_citeseq(drop_types={"adt": list(load_profile()[0].state)})
