"""Cells without a single count are found in data and in coordinates, and get no label."""

import logging

import numpy as np
import pytest
import scipy.sparse as sp

import crosstie as xt
from crosstie.tl import impute, label_probabilities, match_cells, transfer_labels
from crosstie.tl.empty_cells import empty_cells

DEAD = np.arange(3, 240, 12)


@pytest.fixture(scope="module", params=["without batches", "with batches"])
def dead(request, data):
    """A model of views of which the proteins of some cells were lost."""
    adt = data["adt"].copy()
    x = sp.csr_matrix(adt.X).toarray()
    x[DEAD] = 0
    adt.X = x
    adt.obs["batch"] = np.arange(240) % 2
    batch = {"batch_key": {"adt": "batch"}} if request.param == "with batches" else {}
    return xt.integrate({"adt": adt, "rna": data["rna"]}, **batch)


def test_they_are_found_with_the_data_and_without(dead, tmp_path):
    dead.save(tmp_path / "model")
    for model in (dead, xt.Model.load(tmp_path / "model")):
        assert np.flatnonzero(empty_cells(model, "adt")).tolist() == DEAD.tolist()
        assert not empty_cells(model, "rna").any()


def test_they_get_no_label_and_do_not_change_the_others_much(dead, model, caplog):
    labels = transfer_labels(dead, "rna", "adt", key="cell_type")
    gone = np.isin(np.arange(240), DEAD)
    assert (labels["label"].isna() == gone).all()
    assert (labels["confidence"][gone] == 0).all()
    assert (labels["novelty"][gone] == 1).all()
    before = transfer_labels(model, "rna", "adt", key="cell_type")
    assert (before["label"] == labels["label"])[~gone].mean() > 0.9
    assert "transfer_labels: 20 of 240 cells of adt have no count" in caplog.text
    odds = label_probabilities(dead, "rna", "adt", key="cell_type")
    np.testing.assert_allclose(odds.sum(axis=1), 1, rtol=1e-5)
    assert odds[gone].nunique().eq(1).all()


def test_whole_numbers_stay_whole(dead):
    labels = transfer_labels(dead, "rna", "adt", labels=np.arange(300) % 3)
    assert labels["label"].dtype == "Int64"


def test_matches_and_imputed_values_say_so(dead, caplog):
    assert len(match_cells(dead, "adt", "rna")) == 240
    assert np.isfinite(impute(dead, "adt", "rna").X).all()
    for what in ("match_cells", "impute"):
        assert f"{what}: 20 of 240 cells of adt have no count" in caplog.text


def test_a_query_of_nothing_but_zeros_gets_no_label(model, data, caplog):
    query = data["rna"][:20, :150].copy()  # features that were not measured move the place of nothing
    query.X = np.zeros(query.shape, np.float32)
    new = model.extend(query, "rna", name="new")
    labels = transfer_labels(new, "adt", "new", key="cell_type")
    assert labels["label"].isna().all()
    assert (labels["confidence"] == 0).all()
    assert "20 of 20 cells of new have no count" in caplog.text


def test_data_without_them_are_not_warned_of(model, bare, caplog):
    with caplog.at_level(logging.WARNING, "crosstie"):
        for one in (model, bare):
            assert not empty_cells(one, "adt").any()
            assert not empty_cells(one, "rna").any()
            transfer_labels(one, "rna", "adt", key="cell_type")
    assert not caplog.records
