"""New cells: embedded through the fitted path, or added to a model whose own cells do not move."""

import logging
import re
from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import crosstie as xt
from crosstie.metrics import nearest_labels, transfer_accuracy
from crosstie.model.extend import read_cells

CLOSED = xt.Config(n_components=30, n_latent=20)
TRAINED = replace(CLOSED, training="full", fallback="none", n_steps=3, hidden=8, critic_hidden=8)
WITH_TORCH = pytest.param(TRAINED, marks=pytest.mark.trains)


@pytest.fixture(scope="module")
def whole():
    return dict(xt.datasets.simulate_citeseq(n_cells=600, n_genes=150, n_proteins=30, seed=0).mod)


@pytest.fixture(scope="module")
def parts(whole):
    """Two thirds of the cells to fit, one third to map."""
    return {v: a[:400].copy() for v, a in whole.items()}, {v: a[400:].copy() for v, a in whole.items()}


@pytest.fixture(scope="module", params=[CLOSED, WITH_TORCH], ids=["closed form", "trained"])
def model(parts, request):
    return xt.integrate(parts[0], config=request.param)


@pytest.fixture(scope="module")
def fitted(parts):
    return xt.integrate(parts[0], config=CLOSED)


def accuracy(z, cells, reference, labelled):
    found = nearest_labels(reference, labelled.obs["cell_type"].astype(str).to_numpy(), z)
    return transfer_accuracy(cells.obs["cell_type"].astype(str).to_numpy(), found)


# ---- features -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [sp.csr_matrix, np.asarray])
def test_missing_features_are_counted_and_the_others_place_cells(fitted, parts, kind, caplog):
    rna = parts[1]["rna"]
    recipe = fitted.recipes["rna"]
    gone = list(recipe.names[:20])
    fewer = ad.AnnData(kind(rna.X.toarray()), obs=rna.obs, var=rna.var)[:, ~rna.var_names.isin(gone)].copy()
    with caplog.at_level(logging.WARNING, "crosstie"):
        cells = read_cells(fewer, fitted.map, "rna", slot="X")
        matrix, absent = cells.rows(0, fewer.n_obs), cells.absent
    assert f"embed: 20 of {len(recipe.names)} used features of rna are missing" in caplog.text
    assert set(recipe.features[absent]) == set(gone)
    x = recipe.scale(matrix, absent=absent)
    assert (x[:, :20] == 0).all()
    np.testing.assert_allclose(recipe.scaled(matrix, absent) @ recipe.loadings, x @ recipe.reading, atol=1e-3)
    z = fitted.embed("rna", fewer)
    assert np.linalg.norm(z - fitted.embed("rna", rna), axis=1).mean() < 0.3


def test_cells_of_another_panel_are_placed_and_the_loss_is_told(fitted, parts, caplog):
    """A third of the used genes, as another study's selection of variable genes holds them."""
    rna, names = parts[1]["rna"], fitted.recipes["rna"].names
    panel = names[np.random.default_rng(0).permutation(len(names))[: len(names) * 37 // 100]]
    with caplog.at_level(logging.WARNING, "crosstie"):
        larger = fitted.extend(rna[:, rna.var_names.isin(panel)].copy(), "rna")
    told = re.search(r"are placed by the others, which tell (\d+) % of what places them", caplog.text)
    assert told
    assert 50 <= int(told[1]) < 100
    full = accuracy(fitted.embed("rna", rna), rna, fitted.embed("adt"), parts[0]["adt"])
    assert accuracy(larger.embed("rna_query"), rna, larger.embed("adt"), parts[0]["adt"]) > 0.75 * full


def test_too_few_features_are_refused(fitted, parts):
    rna = parts[1]["rna"][:, :6]
    with pytest.raises(KeyError, match=r"only \d+ of the \d+ used features are there(.|\n)*which tell \d+% of what"):
        fitted.embed("rna", rna)


def test_other_features_may_stand_between(fitted, parts):
    rna = parts[1]["rna"]
    extra = ad.AnnData(
        sp.csr_matrix(np.ones((rna.n_obs, 3), np.float32)), obs=rna.obs, var=pd.DataFrame(index=list("xyz"))
    )
    more = ad.concat([extra, rna], axis=1, merge="first")
    np.testing.assert_allclose(fitted.embed("rna", more), fitted.embed("rna", rna), atol=1e-5)


# ---- extend ---------------------------------------------------------------------------------------------------------


def test_the_fitted_cells_stay_to_the_bit(model, parts):
    before = {view: model.embed(view).copy() for view in ("rna", "adt")}
    new = {view: model.embed(view, parts[1][view]) for view in ("rna", "adt")}
    larger = model.extend(parts[1]["rna"], "rna", name="rna2").extend(parts[1]["adt"], "adt")
    assert list(larger.latents) == ["rna", "adt", "rna2", "adt_query"]
    assert list(model.latents) == ["rna", "adt"]
    for view, z in before.items():
        np.testing.assert_array_equal(larger.embed(view), z)
        np.testing.assert_array_equal(model.embed(view), z)
        np.testing.assert_array_equal(larger.embed(view, parts[1][view]), new[view])
    assert set(larger.anchors) >= {("rna2", "adt"), ("rna", "adt_query")}
    assert ("rna2", "adt_query") not in larger.anchors


def test_mapped_cells_are_placed_as_if_fitted(whole, parts, fitted):
    joint = xt.integrate(whole, config=CLOSED)
    larger = fitted.extend(parts[1]["rna"], "rna")
    mapped = accuracy(larger.embed("rna_query"), parts[1]["rna"], larger.embed("adt"), parts[0]["adt"])
    together = accuracy(joint.embed("rna")[400:], parts[1]["rna"], joint.embed("adt")[:400], parts[0]["adt"])
    assert mapped > together - 0.03


def test_a_batch_effect_of_the_query_is_taken_off(whole):
    both = dict(
        xt.datasets.simulate_citeseq(n_cells=700, n_genes=150, n_proteins=30, n_batches=2, batch_effect=1.0, seed=3).mod
    )
    first = {v: a[a.obs["batch"] == a.obs["batch"].unique()[0]].copy() for v, a in both.items()}
    query = both["rna"][~both["rna"].obs_names.isin(first["rna"].obs_names)].copy()
    model = xt.integrate(first, config=CLOSED)
    larger = model.extend(query, "rna", name="second")

    def gap(z):
        reference, kinds = model.embed("rna"), first["rna"].obs["cell_type"].astype(str).to_numpy()
        own = query.obs["cell_type"].astype(str).to_numpy()
        common = [k for k in np.unique(own) if min((own == k).sum(), (kinds == k).sum()) > 20]
        return np.mean([np.linalg.norm(z[own == k].mean(0) - reference[kinds == k].mean(0)) for k in common])

    assert gap(larger.embed("second")) < 0.7 * gap(model.embed("rna", query))


def test_a_query_of_one_type_is_not_spread(fitted, parts):
    """Cells that lack most types must not be pulled towards them."""
    rna = parts[1]["rna"]
    kind = rna.obs["cell_type"].value_counts().index[0]
    alone = rna[rna.obs["cell_type"] == kind].copy()
    z = fitted.extend(alone, "rna").embed("rna_query")
    assert accuracy(z, alone, fitted.embed("rna"), parts[0]["rna"]) > 0.9


def test_an_extended_model_is_saved(model, parts, tmp_path):
    larger = model.extend(parts[1]["rna"], "rna", name="rna2")
    larger.save(tmp_path / "run")
    loaded = xt.Model.load(tmp_path / "run")
    assert loaded.like == {"rna2": "rna"}
    for view in ("rna", "adt", "rna2"):
        np.testing.assert_array_equal(loaded.embed(view), larger.embed(view))
    np.testing.assert_array_equal(loaded.embed("adt", parts[1]["adt"]), larger.embed("adt", parts[1]["adt"]))
    np.testing.assert_allclose(loaded.embed("rna2", parts[1]["rna"]), larger.embed("rna2"), atol=1e-5)
    # Without its data a model can still take in new cells.
    again = loaded.extend(parts[1]["adt"], "adt")
    assert again.embed("adt_query").shape == (200, loaded.embed("adt").shape[1])


def test_a_model_with_batches_is_extended(parts):
    rna = parts[0]["rna"].copy()
    rna.obs["lane"] = np.where(np.arange(rna.n_obs) % 2, "a", "b")
    model = xt.integrate({"rna": rna, "adt": parts[0]["adt"]}, batch_key={"rna": "lane"}, config=CLOSED)
    larger = model.extend(parts[1]["rna"], "rna")
    np.testing.assert_array_equal(larger.embed("rna"), model.embed("rna"))
    np.testing.assert_array_equal(larger.embed("rna", rna), model.embed("rna", rna))
    assert larger.offsets.names == {"rna": ("a", "b"), "rna_query": ("rna_query",)}


def test_bad_queries_are_refused(fitted, parts):
    with pytest.raises(ValueError, match="there is a view 'adt' already"):
        fitted.extend(parts[1]["rna"], "rna", name="adt")
    with pytest.raises(KeyError, match="view: unknown name 'atac'"):
        fitted.extend(parts[1]["rna"], "atac")
    with pytest.raises(ValueError, match="not fitted"):
        xt.Model(parts[0]).extend(parts[1]["rna"], "rna")


@pytest.mark.parametrize("missing", ["B cells", "NK cells"])
def test_a_query_of_nothing_but_a_new_type_is_said_and_is_novel(caplog, missing):
    mdata = xt.datasets.simulate_citeseq(n_cells=1000, seed=1)
    query = xt.datasets.simulate_citeseq(n_cells={"rna": 1500, "adt": 10}, seed=7)["rna"]
    model = xt.integrate({name: a[a.obs["cell_type"] != missing].copy() for name, a in mdata.mod.items()})

    def labelled(cells):
        caplog.clear()
        larger = model.extend(cells.copy(), "rna", name="new")
        return xt.tl.transfer_labels(larger, "rna", "new", key="cell_type")

    said = "the cells of new are of one kind, and unlike those of rna: a batch effect and biology cannot be told apart"
    new = labelled(query[query.obs["cell_type"] == missing])
    assert said in caplog.text
    assert new["novelty"].median() > 0.3
    known = labelled(query[query.obs["cell_type"] == "CD14+ monocytes"])
    assert said not in caplog.text
    assert known["novelty"].median() < 0.1
    assert (known["label"] == "CD14+ monocytes").mean() > 0.95
