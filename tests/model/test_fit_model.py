"""The fit: the networks that the settings ask for, and the pairs of features that can be used."""

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import crosstie as xt

from .small_models import CLOSED, TRAINED, score


@pytest.mark.trains
def test_training(trained, fitted, data):
    assert list(trained.history.columns) == [
        "step", "reconstruction", "cycle", "anchors", "hold", "adversarial", "total", "critic",
    ]  # fmt: skip
    assert trained.history["step"].tolist() == [1, 3]
    np.testing.assert_allclose(np.linalg.norm(trained.embed("rna"), axis=1), 1, atol=1e-5)
    assert score(trained, data) < 0.2
    assert not np.array_equal(trained.embed("rna"), fitted.embed("rna"))


@pytest.mark.trains
def test_progress_is_told(data):
    seen = []
    xt.integrate(data, config=TRAINED, progress=lambda step, n_steps, losses: seen.append((step, n_steps, set(losses))))
    assert [s[:2] for s in seen] == [(1, 3), (3, 3)]
    assert "total" in seen[0][2]


@pytest.mark.trains
def test_published_method(data):
    model = xt.integrate(data, config=replace(xt.Config.scmodal(), n_steps=3, batch_size=50))
    assert model.closed_form is None
    assert {z.shape for z in model.latents.values()} == {(250, 20)}
    assert len(model.anchors["rna", "adt"])
    np.testing.assert_allclose(model.embed("adt", data["adt"][:9]), model.embed("adt")[:9], atol=1e-3)
    assert model.translate("rna", "adt").shape == (250, len(model.recipes["adt"].names))


@pytest.mark.trains
def test_networks_alone_on_components(data):
    model = xt.integrate(data, config=replace(TRAINED, encoder="mlp", decoder="mlp", anchor_scope="batch", hold=0))
    assert model.closed_form is None
    np.testing.assert_allclose(model.embed("rna", data["rna"]), model.embed("rna"), atol=1e-4)


def test_link_whose_features_do_not_vary(data):
    rna = data["rna"].copy()
    rna.X = rna.X @ sp.diags((np.arange(150) > 0).astype(np.float32))
    first = {"source": [rna.var_names[0]], "target": [data["adt"].var_names[0]], "column": [0], "weight": [1.0]}
    link = xt.links.Link("rna", "adt", pd.DataFrame(first), pd.DataFrame())
    with pytest.raises(ValueError, match="link rna -> adt: none of its 1 pairs has features that vary on both sides"):
        xt.integrate({"rna": rna, "adt": data["adt"]}, link, config=CLOSED)


def test_pairs_that_do_not_vary_are_left_out_and_said(data, caplog):
    rna, whole = data["rna"].copy(), xt.links.by_table(data, "rna", "adt")
    rna.X = rna.X @ sp.diags((rna.var_names != "CD19").astype(np.float32))
    constant = rna.var_names[np.ravel(rna.X.sum(0)) == 0]
    with caplog.at_level(logging.INFO, "crosstie"):
        model = xt.integrate({"rna": rna, "adt": data["adt"]}, whole, config=CLOSED)
    n_left_out = whole.pairs["source"].isin(constant).sum()
    assert n_left_out > 1
    assert f"link rna -> adt: {n_left_out} pairs are ignored" in caplog.text
    assert "CD19" not in model.recipes["rna"].names


def with_controls(adt, seed=0):
    """A panel with two isotype controls that follow the background, six hashtags and a row of unmapped reads."""
    rng, x = np.random.default_rng(seed), adt.X.toarray()
    total = x.sum(1, keepdims=True)
    isotypes = rng.poisson(0.004 * total * np.ones(2))
    tags = rng.poisson(5, (len(x), 6))
    tags[np.arange(len(x)), rng.integers(0, 6, len(x))] += rng.poisson(np.maximum(total[:, 0], 1))
    added = np.hstack([isotypes, tags, rng.poisson(0.1 * total)])
    names = [*adt.var_names, "Mouse_IgG1", "Rat_IgG2b", *(f"HTO{i}" for i in range(1, 7)), "unmapped"]
    both = sp.csr_matrix(np.hstack([x, added]).astype(np.float32))
    return type(adt)(both, obs=adt.obs, var=pd.DataFrame(index=names))


def test_controls_enter_neither_coordinates_nor_imputation(data, fitted, caplog):
    adt = with_controls(data["adt"])
    with caplog.at_level(logging.INFO, "crosstie"):
        model = xt.integrate({"rna": data["rna"], "adt": adt}, config=CLOSED)
    said = [r.message for r in caplog.records if "set aside" in r.message]
    assert len(said) == 1
    assert "6 hashtags" in said[0]
    assert "1 blank" in said[0]
    for view in ("rna", "adt"):
        np.testing.assert_allclose(model.latents[view], fitted.latents[view], atol=2e-3)
    imputed = xt.tl.impute(model, "rna", "adt").var_names
    assert not set(imputed) & {"Mouse_IgG1", "HTO1", "unmapped"}
    assert set(imputed) == set(xt.tl.impute(fitted, "rna", "adt").var_names)
