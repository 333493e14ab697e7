"""From views to one latent space: what comes out, and what must not matter to it."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import crosstie as xt
from crosstie._mudata import views_as_they_are
from crosstie.metrics import foscttm, nearest_labels, transfer_accuracy

from .small_models import CLOSED, TRAINED, score, simulate

WITH_TORCH = pytest.param(TRAINED, marks=pytest.mark.trains)


def similarity(model, source="rna", target="adt"):
    """How alike cells of two views are: what does not depend on the axes of the latent space."""
    return model.embed(source) @ model.embed(target).T


def check_same(found, expected):
    """Equal but for rounding, which may give a cell another neighbour to be averaged with."""
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() < 2e-3
    assert np.abs(found - expected).max() < 0.2


def renamed(adata, prefix):
    out = adata.copy()
    out.obs_names = [f"{prefix}{i}" for i in range(out.n_obs)]
    return out


def test_two_views(fitted, data):
    assert {view: z.shape for view, z in fitted.latents.items()} == {"rna": (250, 20), "adt": (250, 20)}
    assert all(z.dtype == np.float32 and np.isfinite(z).all() for z in fitted.latents.values())
    assert list(fitted.anchors) == [("rna", "adt")]
    assert len(fitted.anchors["rna", "adt"]) > 250
    assert fitted.history.empty
    assert score(fitted, data) < 0.15
    types = {view: data[view].obs["cell_type"].astype(str).to_numpy() for view in data}
    predicted = nearest_labels(fitted.embed("adt"), types["adt"], fitted.embed("rna"))
    assert transfer_accuracy(types["rna"], predicted) > 0.6


def test_mudata_is_a_mapping_of_views(fitted, data):
    with views_as_they_are():
        mdata = md.MuData(data)
    np.testing.assert_array_equal(similarity(xt.integrate(mdata, config=CLOSED)), similarity(fitted))


def test_kinds_of_matrix_agree(fitted, data):
    for convert in (sp.csc_matrix, lambda x: x.toarray(), lambda x: x.toarray().astype(np.int64)):
        other = {view: adata.copy() for view, adata in data.items()}
        for adata in other.values():
            adata.X = convert(adata.X)
        check_same(similarity(xt.integrate(other, config=CLOSED)), similarity(fitted))


@pytest.mark.parametrize("config", [CLOSED, WITH_TORCH], ids=["closed form", "trained"])
def test_same_seed_same_bits(data, config):
    one, other = (xt.integrate(data, config=config, seed=3) for _ in range(2))
    for view in data:
        np.testing.assert_array_equal(one.embed(view), other.embed(view))
    np.testing.assert_array_equal(one.anchors["rna", "adt"].weight, other.anchors["rna", "adt"].weight)


def test_data_and_global_random_numbers_stay_as_they_are(data):
    before, state = {view: adata.copy() for view, adata in data.items()}, np.random.get_state()[1].copy()  # noqa: NPY002
    xt.integrate(data, config=CLOSED, batch_key="batch")
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    for view, adata in data.items():
        assert (adata.X != before[view].X).nnz == 0
        pd.testing.assert_frame_equal(adata.obs, before[view].obs)
        assert set(adata.obsm) == set(before[view].obsm)
        assert not adata.uns


def test_order_of_views_does_not_matter(fitted, data):
    back = {"adt": data["adt"], "rna": data["rna"]}
    other = xt.integrate(back, xt.links.by_table(data, "rna", "adt"), config=CLOSED)
    np.testing.assert_array_equal(similarity(other), similarity(fitted))


def test_direction_of_a_link_hardly_matters(fitted, data):
    """Sinkhorn's iterations end on one side; the match differs in what they have not settled."""
    other = xt.integrate(data, xt.links.by_table(data, "adt", "rna"), config=CLOSED)
    assert list(other.anchors) == [("adt", "rna")]
    assert np.abs(similarity(other) - similarity(fitted)).mean() < 0.02


def test_names_of_views_do_not_matter(fitted, data):
    names = {"rna": "values", "adt": "protein.1/b"}
    other = xt.integrate(
        {names[view]: data[view] for view in data},
        modality={names["rna"]: "rna", names["adt"]: "protein"},
        config=CLOSED,
    )
    np.testing.assert_array_equal(similarity(other, *names.values()), similarity(fitted))


@pytest.mark.parametrize("what", ["cells", "features", "views", "names of cells"])
def test_order_does_not_matter(what):
    """Not a bit: cells are drawn for sketches, clusters are sought for batches, and components start at random."""
    data = simulate(n_cells={"rna": 330, "adt": 300}, n_batches=2)
    rng, config = np.random.default_rng(0), replace(CLOSED, n_sketch=200)
    rows, mixed = {name: np.arange(a.n_obs) for name, a in data.items()}, dict(data)
    if what == "cells":
        rows = {name: rng.permutation(a.n_obs) for name, a in data.items()}
        mixed = {name: a[rows[name]].copy() for name, a in data.items()}
    elif what == "features":
        mixed = {name: a[:, rng.permutation(a.n_vars)].copy() for name, a in data.items()}
    elif what == "views":
        mixed = dict(reversed(data.items()))
    else:
        for name in mixed:
            mixed[name] = renamed(data[name], "another ")
    one, other = (xt.integrate(d, config=config, batch_key="batch") for d in (data, mixed))
    for name in data:
        np.testing.assert_array_equal(other.embed(name), one.embed(name)[rows[name]])
        np.testing.assert_array_equal(other.closed_form.reference[name], one.closed_form.reference[name][rows[name]])
    ((a, b), found), (edge, again) = *one.anchors.items(), *other.anchors.items()
    again = again if edge == (a, b) else again.reversed()
    pairs = zip(rows[a][again.source], rows[b][again.target], again.weight, strict=True)
    assert set(pairs) == set(zip(found.source, found.target, found.weight, strict=True))


def test_slots_by_view(fitted, data):
    moved = data["rna"].copy()
    moved.layers["raw"] = moved.X
    moved.X = np.full(moved.shape, np.nan)
    other = xt.integrate({"rna": moved, "adt": data["adt"]}, slot={"rna": "layers/raw"}, config=CLOSED)
    np.testing.assert_array_equal(similarity(other), similarity(fitted))
    moved.X[:] = data["rna"].X.toarray()
    del moved.layers["raw"]
    with pytest.raises(KeyError, match="view 'rna': slot: unknown name 'layers/raw'"):
        other.embed("rna", moved)


def test_views_of_unequal_size():
    data = simulate(n_cells={"rna": 300, "adt": 120})
    model = xt.integrate(data, config=CLOSED)
    assert [len(model.embed(view)) for view in ("rna", "adt")] == [300, 120]


@pytest.fixture(scope="module")
def three(data):
    return data | {"rna2": renamed(simulate(seed=1)["rna"], "second-")}


def test_three_views(three):
    model = xt.integrate(three, config=CLOSED)
    assert list(model.anchors) == [("rna", "adt"), ("rna", "rna2"), ("adt", "rna2")]
    assert score(model, three) < 0.15
    types = {view: three[view].obs["cell_type"].astype(str).to_numpy() for view in three}
    predicted = nearest_labels(model.embed("rna"), types["rna"], model.embed("rna2"))
    assert transfer_accuracy(types["rna2"], predicted) > 0.6
    assert model.translate("rna2", "adt").shape == (250, len(model.recipes["adt"].names))


@pytest.mark.trains
def test_links_of_the_user_make_a_chain(three):
    links = [xt.links.by_table(three, "adt", "rna"), xt.links.by_name(three, "rna", "rna2")]
    model = xt.integrate(three, links, config=CLOSED)
    assert list(model.anchors) == [("adt", "rna"), ("rna", "rna2")]
    assert [link.edge for link in model.linkage.links] == list(model.anchors)
    assert score(model, three) < 0.15
    trained = xt.integrate(three, links, config=TRAINED)
    assert trained.embed("rna2").shape == (250, 20)


def test_one_link_need_not_be_in_a_list(data, fitted):
    link = xt.links.by_table(data, "rna", "adt")
    np.testing.assert_array_equal(similarity(xt.integrate(data, link, config=CLOSED)), similarity(fitted))


def test_links_of_one_edge_stand_side_by_side(data, fitted):
    whole = xt.links.by_table(data, "rna", "adt")
    first = whole.pairs["column"] % 2 == 0
    parts = [xt.links.Link("rna", "adt", whole.pairs[keep], whole.report) for keep in (first, ~first)]
    for links in (parts, [parts[0], parts[1].reversed()]):
        model = xt.integrate(data, links, config=CLOSED)
        assert list(model.anchors) == [("rna", "adt")]
        check_same(similarity(model), similarity(fitted))


def test_torch_is_imported_only_to_train(tmp_path):
    code = f"""
import sys, anndata
theirs = set(sys.modules)  # anndata 0.11 imports torch
import crosstie as xt
data = xt.datasets.simulate_citeseq(n_cells=40, n_genes=100, n_proteins=20)
xt.integrate(data, config=xt.Config(n_components=8, n_latent=4)).save({str(tmp_path / "run")!r})
xt.Model.load({str(tmp_path / "run")!r}).embed("rna", data["rna"])
assert not {{"torch", "matplotlib.pyplot"}} & (set(sys.modules) - theirs)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def twice(adata, seed=0):
    """A protein matrix as two views, the cells of the second shuffled."""
    order = np.random.default_rng(seed).permutation(adata.n_obs)
    return {"adt1": adata, "adt2": renamed(adata[order], "again-")}, order


def check_self_alignment(adata, labels, caplog, exclude=()):
    data, order = twice(adata)
    model = xt.integrate(data)
    assert "adt1 and adt2 hold the same matrix: 100 % of the cells" in caplog.text
    z, w = model.embed("adt1"), model.embed("adt2")
    assert foscttm(z[order], w) <= 0.00092
    assert transfer_accuracy(labels[order], nearest_labels(z, labels, w), exclude=exclude) >= 0.9796
    assert transfer_accuracy(labels, nearest_labels(w, labels[order], z), exclude=exclude) >= 0.9796


def test_self_alignment(caplog):
    adt = simulate()["adt"]
    check_self_alignment(adt, adt.obs["cell_type"].astype(str).to_numpy(), caplog)


def find_real_data(name):
    default = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("CROSSTIE_DATA", default)) / name
    if not folder.is_dir():
        pytest.skip(f"no real data: set CROSSTIE_DATA to the folder that holds {name}")
    return folder


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["pbmc_wnn", "pbmc10k"])
def test_self_alignment_of_real_data(name, caplog):
    adt = ad.read_h5ad(find_real_data(name) / "adt.h5ad")
    check_self_alignment(adt, adt.obs["cell_type"].astype(str).to_numpy(), caplog, exclude=["unknown"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: np.log1p(x / x.sum(1, keepdims=True) * 1000), "taken as log-normalised, left on its scale"),
        (lambda x: x / x.sum(1, keepdims=True) * 10_000, "normalised again and logarithm taken"),
    ],
    ids=["log", "normalised"],
)
def test_normalised_matrix(data, change, words, caplog):
    other = data["rna"].copy()
    other.X = sp.csr_matrix(change(other.X.toarray()).astype(np.float32))
    model = xt.integrate({"rna": other, "adt": data["adt"]}, config=CLOSED)
    assert f"rna: the matrix is not counts (fractions, up to {other.X.max():.3g}): {words}" in caplog.text
    assert score(model, data) < 0.15
    np.testing.assert_allclose(model.embed("rna", other), model.embed("rna"), atol=1e-4)


def test_components_of_ones_own(data, caplog):
    rna = data["rna"].copy()
    rna.obsm["X_mine"] = np.random.default_rng(0).normal(size=(250, 6)).astype(np.float32)
    pairs = pd.DataFrame({"source": ["X_mine_0"], "target": [data["adt"].var_names[0]], "column": [0], "weight": [1.0]})
    link = xt.links.Link("rna", "adt", pairs, pd.DataFrame())
    model = xt.integrate({"rna": rna, "adt": data["adt"]}, link, slot={"rna": "obsm/X_mine"}, config=CLOSED)
    assert model.embed("rna").shape[0] == 250
    np.testing.assert_allclose(model.embed("rna", rna), model.embed("rna"), atol=1e-4)
