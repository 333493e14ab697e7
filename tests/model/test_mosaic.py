"""Subject: a mosaic. What comes beside views and linked features: shared cells, batches, matrices for the links."""

import logging
from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import crosstie as xt
from crosstie.metrics import foscttm

CLOSED = xt.Config(n_components=30, n_latent=20)


def simulate(seed=0, n_cells=300, **options):
    return dict(xt.datasets.simulate_citeseq(n_cells=n_cells, n_genes=150, n_proteins=30, seed=seed, **options).mod)


def score(model, data, skip=()):
    """FOSCTTM of the cells that are not skipped, by hidden number."""
    number = {view: data[view].obs["true_cell"].to_numpy() for view in ("rna", "adt")}
    rna, adt = (model.embed(view)[np.argsort(number[view])] for view in ("rna", "adt"))
    keep = ~np.isin(np.sort(number["rna"]), list(skip))
    return foscttm(rna[keep], adt[keep])


def truth(data, n=None, seed=0):
    """A table of the first cells that are the same, in an order of chance."""
    names = {v: pd.Series(data[v].obs_names, index=data[v].obs["true_cell"].to_numpy()) for v in ("rna", "adt")}
    numbers = np.random.default_rng(seed).permutation(np.intersect1d(names["rna"].index, names["adt"].index))[:n]
    cells = pd.DataFrame({"source": names["rna"][numbers].to_numpy(), "target": names["adt"][numbers].to_numpy()})
    return cells, numbers


@pytest.fixture(scope="module")
def data():
    return simulate(coupling=1.5)


# ---- shared cells ---------------------------------------------------------------------------------------------------


def test_shared_cells_help_the_others(data):
    link = xt.links.by_table(data, "rna", "adt")
    cells, numbers = truth(data, 120)
    tied = [link, xt.links.paired(data, "rna", "adt", cells=cells)]
    without, with_ties = (xt.integrate(data, links, config=CLOSED) for links in (link, tied))
    gains = [score(without, data, numbers) - score(with_ties, data, numbers)]
    for seed in (1, 2):  # one data set alone gives .0045 to .0092
        other = simulate(seed, coupling=1.5)
        pairs, known = truth(other, 120, seed)
        more = xt.links.by_table(other, "rna", "adt"), xt.links.paired(other, "rna", "adt", cells=pairs)
        fits = [xt.integrate(other, list(links), config=CLOSED) for links in (more[:1], more)]
        gains.append(score(fits[0], other, known) - score(fits[1], other, known))
    assert np.mean(gains) > 0.005
    found = with_ties.anchors["rna", "adt"]
    rows = tied[1].rows(*(pd.Index(data[v].obs_names) for v in ("rna", "adt")))
    weight = dict(zip(zip(found.source, found.target, strict=True), found.weight, strict=True))
    assert [weight.get(pair) for pair in zip(*rows, strict=True)] == [1] * 120
    assert np.isin(found.source, rows[0]).sum() == np.isin(found.target, rows[1]).sum() == 120  # they have no others
    assert len(found) > 200


def test_shared_cells_alone_are_enough(data):
    cells, numbers = truth(data, 150)
    model = xt.integrate(data, xt.links.paired(data, "rna", "adt", cells=cells), config=CLOSED)
    assert score(model, data, numbers) < 0.15
    joint = model.embed_joint()
    assert joint.n_obs == 300 + 300 - 150
    assert (joint.obs["views"] == "rna+adt").sum() == 150


def test_all_cells_shared(data):
    cells, _ = truth(data)
    model = xt.integrate(data, xt.links.paired(data, "rna", "adt", cells=cells), config=CLOSED)
    assert len(model.anchors["rna", "adt"]) == 300
    assert score(model, data) < 0.08


def test_a_bridge_links_views_without_common_features():
    """Genes on one side, proteins on the other, no table: cells that measured both are the only tie."""
    data = simulate(n_cells=500, coupling=1.5)
    cells, numbers = truth(data, 150)
    bridge = {
        "bridge_rna": data["rna"][cells["source"]].copy(),
        "bridge_adt": data["adt"][cells["target"]].copy(),
    }
    bridge["bridge_rna"].obs_names = bridge["bridge_adt"].obs_names = [f"both-{i}" for i in range(150)]
    rest = {v: data[v][~data[v].obs["true_cell"].isin(numbers)].copy() for v in ("rna", "adt")}
    views = rest | bridge
    links = [
        xt.links.by_name(views, "rna", "bridge_rna"),
        xt.links.by_name(views, "adt", "bridge_adt"),
        xt.links.paired(views, "bridge_rna", "bridge_adt"),
    ]
    model = xt.integrate(views, links, config=CLOSED)
    assert score(model, rest) < 0.15


def test_direction_of_a_paired_link_does_not_matter(data):
    link = xt.links.by_table(data, "rna", "adt")
    cells, _ = truth(data, 60)
    tie = xt.links.paired(data, "rna", "adt", cells=cells)
    one, other = (xt.integrate(data, [link, t], config=CLOSED) for t in (tie, tie.reversed()))
    np.testing.assert_array_equal(one.embed("rna"), other.embed("rna"))


@pytest.mark.trains
def test_shared_cells_in_training(data):
    cells, _ = truth(data, 60)
    config = replace(CLOSED, training="full", fallback="none", n_steps=3, hidden=8, critic_hidden=8)
    tie = xt.links.paired(data, "rna", "adt", cells=cells)
    assert np.isfinite(xt.integrate(data, tie, config=config).embed("rna")).all()


# ---- batches --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def batched():
    return simulate(n_cells=400, n_batches=2, batch_effect=0.8)


def separation(model, data, view="rna"):
    """How far the means of the two batches lie apart, averaged over types."""
    z, obs = model.embed(view), data[view].obs
    kinds = [k for k, n in obs["cell_type"].value_counts().items() if n > 40]
    return np.mean(
        [
            np.linalg.norm(np.subtract(*(z[((obs["cell_type"] == k) & (obs["batch"] == b))].mean(0) for b in batches)))
            for k in kinds
            for batches in [obs["batch"].unique()]
        ]
    )


@pytest.mark.parametrize("training", ["none", pytest.param("full", marks=pytest.mark.trains)])
def test_batches_are_brought_together(batched, training):
    config = replace(CLOSED, training=training, n_steps=3, hidden=8, critic_hidden=8)
    without = xt.integrate(batched, config=config)
    corrected = xt.integrate(batched, config=config, batch_key="batch")
    assert separation(corrected, batched) < 0.6 * separation(without, batched)
    for view in batched:
        np.testing.assert_allclose(corrected.embed(view, batched[view]), corrected.embed(view), atol=1e-5)


def test_correcting_batches_costs_no_accuracy():
    """The difference of single simulations has a standard deviation of .02."""
    lost = []
    for seed in range(4):
        data = simulate(seed=seed, n_cells=400, n_batches=2, batch_effect=0.8)
        without, corrected = (xt.integrate(data, config=CLOSED, batch_key=key) for key in (None, "batch"))
        lost.append(score(corrected, data) - score(without, data))
    assert np.mean(lost) < 0.015


def test_new_cells_of_a_batch_are_corrected_and_others_said(batched, caplog):
    model = xt.integrate(batched, config=CLOSED, batch_key={"rna": "batch"})
    assert model.offsets.names == {"rna": tuple(sorted(batched["rna"].obs["batch"].astype(str).unique()))}
    new = batched["rna"][:50].copy()
    new.obs["batch"] = "another"
    with caplog.at_level(logging.WARNING, "crosstie"):
        as_they_are = model.embed("rna", new)
    assert "embed: 50 cells of rna belong to batches that were not fitted" in caplog.text
    assert np.abs(as_they_are - model.embed("rna")[:50]).max() > 0.01
    del new.obs["batch"]
    with caplog.at_level(logging.WARNING, "crosstie"):
        np.testing.assert_array_equal(model.embed("rna", new), as_they_are)
    assert "have no obs['batch']: batches are not corrected" in caplog.text


def test_cells_without_a_batch_are_refused(batched):
    rna = batched["rna"].copy()
    rna.obs["batch"] = rna.obs["batch"].astype(object)
    rna.obs.iloc[0, rna.obs.columns.get_loc("batch")] = np.nan
    with pytest.raises(ValueError, match="view 'rna': 1 cells have no 'batch'"):
        xt.Model({"rna": rna, "adt": batched["adt"]}, batch_key="batch")


# ---- what links read ------------------------------------------------------------------------------------------------


def test_links_may_read_another_matrix(data):
    """Components on the one side, the genes themselves for the links."""
    components = xt.integrate(data, config=CLOSED).recipes["rna"].transform(xt.data.View.of("rna", data["rna"]).matrix)
    names = [f"c{i}" for i in range(components.shape[1])]
    abstract = ad.AnnData(components, obs=data["rna"].obs, var=pd.DataFrame(index=names))
    views = {"rna": abstract, "adt": data["adt"]}
    model = xt.integrate(views, modality={"rna": "none"}, link_data={"rna": data["rna"]}, config=CLOSED)
    direct = xt.integrate(data, config=CLOSED)
    assert model.linkage.links[0].n_columns == direct.linkage.links[0].n_columns
    assert abs(score(model, data) - score(direct, data)) < 0.03
    np.testing.assert_allclose(model.embed("rna", abstract), model.embed("rna"), atol=1e-5)


def test_link_data_of_other_cells_is_refused(data):
    with pytest.raises(ValueError, match=r"link_data of 'rna': its cells differ from the view's(.|\n)*Reorder it"):
        xt.Model(data, link_data={"rna": data["rna"][::-1]})


def test_peaks_with_activity_for_the_links():
    data = dict(xt.datasets.simulate_teaseq(n_cells=400, n_genes=200, peaks=True, seed=0).mod)
    views = {name: data[name] for name in ("rna", "atac")}
    activity = xt.data.gene_activity(views["atac"], key="linked_gene")
    by_column, by_activity = xt.integrate(views), xt.integrate(views, link_data={"atac": activity})
    number = {v: np.argsort(views[v].obs["true_cell"].to_numpy()) for v in views}
    scores = [foscttm(*(m.embed(v)[number[v]] for v in views)) for m in (by_column, by_activity)]
    assert max(scores) < 0.2
    assert abs(scores[0] - scores[1]) < 0.05


# ---- kept -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", ["none", pytest.param("full", marks=pytest.mark.trains)])
def test_all_of_it_is_saved(batched, tmp_path, training):
    cells, _ = truth(batched, 40)
    links = [xt.links.by_table(batched, "rna", "adt"), xt.links.paired(batched, "rna", "adt", cells=cells)]
    config = replace(CLOSED, training=training, n_steps=2, hidden=8, critic_hidden=8)
    model = xt.integrate(batched, links, batch_key={"rna": "batch"}, config=config)
    model.save(tmp_path / "run")
    loaded = xt.Model.load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.embed("rna", batched["rna"]), model.embed("rna", batched["rna"]))
    np.testing.assert_array_equal(loaded.embed_joint().X, model.embed_joint().X)
    assert loaded.batch_keys == {"rna": "batch"}
    assert loaded.offsets.names == model.offsets.names
    pd.testing.assert_frame_equal(loaded.linkage.paired[0].cells, cells)
