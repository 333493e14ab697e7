"""Subject: features that outweigh all others are found, and change nothing but the log."""

import logging

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import crosstie as xt
from crosstie.data.dominant_features import dominant_features
from crosstie.trust import check


def with_column(adata, column):
    x = sp.hstack([sp.csr_matrix(adata.X), sp.csr_matrix(np.asarray(column, np.float32)[:, None])], "csr")
    return ad.AnnData(x, obs=adata.obs, var=pd.DataFrame(index=[*adata.var_names, "intruder"]))


def intruders(n):
    rng = np.random.default_rng(5)
    return {
        "random": rng.integers(0, 10**9, n),
        "constant": np.full(n, 1e9),
        "lognormal": np.exp(rng.normal(12, 3, n)).round(),
        "a tenth of the cells": np.where(rng.random(n) < 0.1, 10**8, 0),
    }


@pytest.fixture(scope="module")
def views():
    return dict(xt.datasets.simulate_citeseq(n_cells=150, n_genes=120, n_proteins=20, seed=2).mod)


@pytest.mark.parametrize("kind", intruders(3))
def test_the_fit_is_that_of_the_data_without_it(views, kind, caplog):
    fast = xt.Config(n_rounds=2)
    plain = xt.integrate(views, config=fast)
    with caplog.at_level(logging.WARNING, "crosstie"):
        found = xt.integrate(views | {"rna": with_column(views["rna"], intruders(150)[kind])}, config=fast)
    assert "'intruder'" in caplog.text
    assert "set aside" in caplog.text
    for name in views:
        assert np.abs(found.latents[name] - plain.latents[name]).max() < 1e-5


def test_an_antibody_that_outweighs_its_panel_stays_and_is_said(views, caplog):
    """In a small panel it may be real."""
    adt = with_column(views["adt"], intruders(150)["lognormal"])
    with caplog.at_level(logging.WARNING, "crosstie"):
        model = xt.integrate(views | {"adt": adt}, config=xt.Config(n_rounds=2))
    assert "'intruder' has more than four times the counts of all other features, and is used as it is" in caplog.text
    assert "intruder" in model.recipes["adt"].names
    found = [f for f in check(views | {"adt": adt}, quick=True).findings if f.id == "dominant_features"]
    assert [f.about for f in found] == ["adt"]
    assert "set aside" not in found[0].found


def test_a_model_with_such_a_feature_is_saved_and_places_the_same_cells(views, tmp_path):
    rna = with_column(views["rna"], intruders(150)["random"])
    model = xt.integrate(views | {"rna": rna}, config=xt.Config(n_rounds=2))
    model.save(tmp_path / "model")
    again = xt.Model.load(tmp_path / "model")
    assert np.allclose(again.embed("rna", rna), model.embed("rna", rna), atol=1e-6)
    assert list(again.recipes["rna"].features[again.recipes["rna"].ignored]) == ["intruder"]


@pytest.mark.parametrize("column", ["total_counts", "n_genes", "index"])
def test_columns_of_quality_control_of_the_size_of_totals_stay(views, column, caplog):
    x = views["rna"].X
    columns = {"total_counts": x.sum(1), "n_genes": (x > 0).sum(1), "index": np.arange(150)}
    with caplog.at_level(logging.WARNING, "crosstie"):
        xt.integrate(
            views | {"rna": with_column(views["rna"], np.asarray(columns[column]).ravel())},
            config=xt.Config(n_rounds=1),
        )
    assert "set aside" not in caplog.text


def test_check_says_it(views):
    rna = with_column(views["rna"], intruders(150)["random"])
    found = [f for f in check(views | {"rna": rna}, quick=True).findings if f.id == "dominant_features"]
    assert [f.about for f in found] == ["rna"]
    assert "'intruder'" in found[0].found
    assert 0.99 < found[0].value < 1
    assert not [f for f in check(views, quick=True).findings if f.id == "dominant_features"]


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_which_features_stand_out(kind):
    rng = np.random.default_rng(0)
    x = rng.poisson(3, (50, 40)).astype(np.float32)
    assert not len(dominant_features(kind(x)))
    x[:, 7], x[:, 20] = 5_000, 5_000  # equal: neither outweighs the other, both outweigh the rest
    assert dominant_features(kind(x)).tolist() == [7, 20]
    x[:, 7], x[:, 20] = 300, 300  # together 5 times the others, but not each
    assert dominant_features(kind(x)).tolist() == []
    assert not len(dominant_features(kind(np.zeros((5, 40), np.float32))))
    few = np.array([[1, 2, 30.0]] * 2, np.float32)
    assert dominant_features(kind(few)).tolist() == [2]
    assert not len(dominant_features(kind(few * [0, 0, 1])))  # no other counts at all


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_a_feature_that_stands_out_in_few_cells_stays(kind):
    x = np.random.default_rng(0).poisson(3, (300, 40)).astype(np.float32)
    x[:3, 7] = 1e9
    assert not len(dominant_features(kind(x)))
    x[3, 7] = 1e9
    assert dominant_features(kind(x)).tolist() == [7]
