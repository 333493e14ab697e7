"""Subject: the simulator of three views; its truth, its options, its figures."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

from crosstie._errors import InputError, InputKeyError, InputTypeError, InputValueError
from crosstie._mudata import views_as_they_are
from crosstie.datasets import gene_table, simulate_citeseq, simulate_teaseq, true_links
from crosstie.datasets.simulator.chromatin import activity
from crosstie.datasets.simulator.profile import load_profile

SMALL = {"n_cells": 300, "n_genes": 200, "n_proteins": 40}
VIEWS = ["rna", "adt", "activity"]


@pytest.fixture(scope="module")
def mdata():
    return simulate_teaseq(n_cells=600, n_genes=300, seed=1)


@pytest.fixture(scope="module")
def many():
    """Enough cells to read moments from, without the continuous factors, whose tails are long."""
    return simulate_teaseq(n_cells=6000, n_genes=200, coupling=0, seed=3)


@pytest.fixture(scope="module")
def with_peaks():
    return simulate_teaseq(n_cells=400, n_genes=150, peaks=True, seed=2)


def in_order(adata):
    return adata[np.argsort(adata.obs["true_cell"].to_numpy())]


def dense(adata):
    return pd.DataFrame(adata.X.toarray(), columns=adata.var_names)


def counts_equal(a, b):
    return (a.X != b.X).nnz == 0


# ---- form -----------------------------------------------------------------------------------------------------------


def test_default_size():
    mdata = simulate_teaseq(n_cells=20)
    assert {view: adata.n_vars for view, adata in mdata.mod.items()} == {"rna": 2000, "adt": 46, "activity": 2000}
    assert simulate_teaseq.__kwdefaults__["n_cells"] == 8000
    assert list(mdata.mod) == VIEWS


def test_views_hold_counts(mdata, with_peaks):
    for adata in [*mdata.mod.values(), *with_peaks.mod.values()]:
        assert adata.X.format == "csr"
        assert adata.X.dtype == np.float32
        assert (adata.X.data >= 1).all()
        assert (adata.X.data == np.round(adata.X.data)).all()
        assert adata.obs_names.is_unique
        assert adata.var_names.is_unique
    assert (mdata["activity"].var_names == mdata["rna"].var_names).all()
    assert not true_links(mdata).empty


def test_same_seed_same_bits(mdata):
    again = simulate_teaseq(n_cells=600, n_genes=300, seed=1)
    other = simulate_teaseq(n_cells=600, n_genes=300, seed=2)
    for view in VIEWS:
        assert counts_equal(mdata[view], again[view])
        pd.testing.assert_frame_equal(mdata[view].obs, again[view].obs)
        assert not counts_equal(mdata[view], other[view])


def test_two_views_are_what_they_were():
    """Cells of a seed, drawn before there was a third view. Integers, so the same on any machine."""
    mdata = simulate_citeseq(n_cells=300, n_genes=200, n_proteins=40, seed=5)
    cells = [mdata[v].obs["true_cell"].to_numpy().astype("<i8").tobytes() for v in ("rna", "adt")]
    states = [",".join(mdata[v].obs["state"].astype(str)).encode() for v in ("rna", "adt")]
    assert hashlib.sha256(b"".join(cells + states)).hexdigest()[:16] == "fe6800e54f44db9b"
    assert [int(mdata[v].X.sum()) for v in ("rna", "adt")] == pytest.approx([174_658, 559_995], rel=1e-3)


# ---- truth ----------------------------------------------------------------------------------------------------------


def test_truth_agrees_between_three_views(mdata):
    rna, adt, chromatin = (in_order(mdata[view]) for view in VIEWS)
    for other in (adt, chromatin):
        for column in ("true_cell", "cell_type", "state", "batch"):
            assert (rna.obs[column].to_numpy() == other.obs[column].to_numpy()).all()
        np.testing.assert_array_equal(rna.obsm["true_factors"], other.obsm["true_factors"])


def test_row_order_and_names_tell_nothing(mdata):
    order = {view: mdata[view].obs["true_cell"].to_numpy() for view in VIEWS}
    for a, b in (("rna", "adt"), ("rna", "activity"), ("adt", "activity")):
        assert (order[a] == order[b]).mean() < 0.05
        assert not set(mdata[a].obs_names) & set(mdata[b].obs_names)


@pytest.mark.parametrize("overlap", [0.0, 0.4])
def test_overlap_is_common_to_all_views(overlap):
    mdata = simulate_teaseq(n_cells=500, n_genes=150, overlap=overlap)
    cells = [set(mdata[view].obs["true_cell"]) for view in VIEWS]
    common = round(500 * overlap)
    assert [len(a & b) for a, b in zip(cells, [*cells[1:], cells[0]], strict=True)] == [common] * 3
    assert len(set.intersection(*cells)) == common


def test_views_of_their_own_size_and_composition():
    n_cells = {"rna": 400, "adt": 150, "activity": 250}
    mdata = simulate_teaseq(n_cells=n_cells, n_genes=150, drop_types={"activity": ["NK cells"]})
    assert {view: mdata[view].n_obs for view in VIEWS} == n_cells
    assert "NK cells" not in set(mdata["activity"].obs["cell_type"])
    assert "NK cells" in set(mdata["rna"].obs["cell_type"])


def test_chromatin_options_leave_the_other_views_alone(mdata, with_peaks):
    fainter = simulate_teaseq(n_cells=600, n_genes=300, seed=1, fidelity=0.5)
    genes = simulate_teaseq(n_cells=400, n_genes=150, seed=2)
    for view in ("rna", "adt"):
        assert counts_equal(mdata[view], fainter[view])
        assert counts_equal(genes[view], with_peaks[view])
    assert not counts_equal(mdata["activity"], fainter["activity"])
    cells = [m.obs["true_cell"].to_numpy() for m in (genes["activity"], with_peaks["atac"])]
    np.testing.assert_array_equal(*cells)


# ---- figures --------------------------------------------------------------------------------------------------------


def test_activity_means_match_the_assay(many):
    population, rna, _ = load_profile()
    assay = activity(population, rna)
    assay = assay.take(pd.Index(assay.feature).get_indexer(many["activity"].var_names))
    rows = many["activity"].obs["state"] == "CD14+ monocyte"
    s = list(population.state).index("CD14+ monocyte")
    expected = np.exp(assay.depth[s, 0] + assay.depth[s, 1] ** 2 / 2) * (assay.ambient + assay.rate[s])
    x = dense(many["activity"][rows])
    assert np.abs((x.mean().to_numpy() - expected) / (x.sem().to_numpy() + 1e-3)).mean() < 1.2
    loud = expected > 1
    assert loud.sum() > 10
    np.testing.assert_allclose(x.mean().to_numpy()[loud], expected[loud], rtol=0.15)


def test_activity_variance_matches_the_assay(many):
    """Law of total variance: E[m] + phi E[m^2] + Var[m] with m proportional to a log-normal depth."""
    population, rna, _ = load_profile()
    assay = activity(population, rna)
    assay = assay.take(pd.Index(assay.feature).get_indexer(many["activity"].var_names))
    s = list(population.state).index("CD14+ monocyte")
    x = dense(many["activity"][many["activity"].obs["state"] == "CD14+ monocyte"])
    m = np.exp(assay.depth[s, 0]) * (assay.ambient + assay.rate[s])
    v = assay.depth[s, 1] ** 2
    first, second = m * np.exp(v / 2), m**2 * np.exp(2 * v)
    expected = first + assay.dispersion[0] * second + second - first**2
    assert 0.85 < np.median(x.var().to_numpy() / expected) < 1.15


def test_depths_are_those_of_the_assay(many):
    obs = in_order(many["activity"]).obs
    log = [np.log(np.asarray(in_order(many[v]).X.sum(axis=1)).ravel() + 1) for v in ("rna", "activity")]
    inside = [x - pd.Series(x).groupby(obs["state"].to_numpy()).transform("mean").to_numpy() for x in log]
    assert inside[1].std() == pytest.approx(0.55, abs=0.06)
    assert 0.35 < np.corrcoef(*inside)[0, 1] < 0.6


def test_activity_is_sparser_than_it_is_silent():
    mdata = simulate_teaseq(n_cells=300)
    x = mdata["activity"].X
    assert 0.7 < 1 - x.nnz / np.prod(x.shape) < 0.95
    assert 0.1 < x.mean() < 0.6


def test_pseudobulk_correlations_lie_in_the_stated_range():
    """docs/simulator.md: 5 % about 0, median about .7, 95 % above .9."""
    mdata = simulate_teaseq(n_cells=4000, n_genes=400, seed=4)
    bulk = {}
    for view in ("rna", "activity"):
        total = dense(mdata[view]).groupby(mdata[view].obs["state"].to_numpy()).sum()
        total = total.loc[mdata[view].obs["state"].value_counts().loc[lambda n: n > 80].index.sort_values()]
        average = total.sum() / total.to_numpy().sum()
        bulk[view] = np.log((total + 1000 * average + 1e-9).div(total.sum(axis=1) + 1000, axis=0))
    usable = bulk["rna"].var() > 0.1
    own = bulk["rna"].loc[:, usable].corrwith(bulk["activity"].loc[:, usable])
    assert -0.3 < own.quantile(0.05) < 0.3
    assert 0.55 < own.median() < 0.85
    assert own.quantile(0.95) > 0.85
    shuffled = (
        bulk["rna"].loc[:, usable].corrwith(bulk["activity"].loc[:, usable].iloc[:, ::-1].set_axis(own.index, axis=1))
    )
    assert shuffled.median() < own.median() - 0.4


def test_noise_0_takes_the_background_away(mdata):
    quiet = simulate_teaseq(n_cells=600, n_genes=300, noise=0, seed=1)
    assert quiet["activity"].X.sum() == pytest.approx(0.8 * mdata["activity"].X.sum(), rel=0.05)


def test_coupling_0_takes_the_factors_away():
    """Among monocytes, the pairing shows in the first factor's genes, unless coupling is 0."""

    def shared(coupling):
        only = dict.fromkeys(set(load_profile()[0].state) - {"CD14+ monocyte"}, 0.0)
        mdata = simulate_teaseq(n_cells=2500, n_genes=400, coupling=coupling, composition=dict.fromkeys(VIEWS, only))
        scores = []
        for view in ("rna", "activity"):
            adata = in_order(mdata[view])
            x = dense(adata).to_numpy()
            x = np.log1p(500 * x / (x.sum(axis=1, keepdims=True) + 10))  # depths are shared whatever the coupling
            x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-6)
            weight = x[:1250].T @ adata.obsm["true_factors"][:1250]
            scores.append(x[1250:] @ weight)
        return max(np.corrcoef(a, b)[0, 1] for a, b in zip(scores[0].T, scores[1].T, strict=True))

    assert shared(2.0) > 0.3
    assert abs(shared(0.0)) < 0.2


# ---- peaks ----------------------------------------------------------------------------------------------------------


def test_peaks_name_their_genes(with_peaks):
    atac = with_peaks["atac"]
    assert list(with_peaks.mod) == ["rna", "adt", "atac"]
    assert list(atac.var.columns) == ["linked_gene"]
    assert set(atac.var["linked_gene"]) == set(with_peaks["rna"].var_names)
    assert atac.var_names.str.fullmatch(r"chr\d+:\d+-\d+").all()
    assert atac.n_vars / 150 == pytest.approx(5, rel=0.2)
    assert set(atac.var["linked_gene"]) <= set(gene_table().index)


def test_peaks_have_the_counts_of_activity(with_peaks):
    genes = simulate_teaseq(n_cells=400, n_genes=150, seed=2)["activity"]
    atac = with_peaks["atac"]
    total = pd.Series(np.asarray(atac.X.sum(axis=0)).ravel()).groupby(atac.var["linked_gene"].to_numpy()).sum()
    expected = dense(genes).sum()
    assert total.sum() == pytest.approx(expected.sum(), rel=0.1)
    assert np.corrcoef(np.sqrt(total[expected.index]), np.sqrt(expected))[0, 1] > 0.9


def test_mdata_of_peaks_can_be_written(with_peaks, tmp_path):
    with views_as_they_are():
        with_peaks.write(tmp_path / "tea.h5mu")
    assert (tmp_path / "tea.h5mu").stat().st_size > 0


# ---- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"fidelity": 3}, InputValueError, ["fidelity", "found: 3", "0 to 2"]),
        ({"fidelity": "high"}, InputTypeError, ["fidelity", "'high'"]),
        ({"drop_types": {"atac": ["NK cells"]}}, InputKeyError, ["drop_types", "'atac'", "'rna', 'adt', 'activity'"]),
        ({"n_cells": {"rna": 100, "adt": 100}}, InputValueError, ["no number for 'activity'"]),
        (
            {"n_cells": {"rna": 20, "adt": 20, "activity": 20}, "peaks": True},
            InputKeyError,
            ["n_cells", "'activity'", "'atac'"],
        ),
        ({"composition": {"activity": {"B cell": 2}}}, InputKeyError, ["composition['activity']", "'B cells'"]),
        ({"n_proteins": 500}, InputValueError, ["n_proteins"]),
        ({"noise": -1}, InputValueError, ["noise"]),
        ({"seed": -1}, InputValueError, ["seed"]),
    ],
)
def test_errors_say_what_and_why(options, kind, words):
    with pytest.raises(kind) as caught:
        simulate_teaseq(**options)
    assert isinstance(caught.value, InputError)
    for word in words:
        assert word in str(caught.value)
