"""What is learned about the cells of a fitted model."""

from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

import crosstie as xt
from crosstie.runs import background
from crosstie.runs.run import Run, pairs_table


def test_labels_are_those_of_the_library(run, model):
    assert set(run.truth) == {"rna", "adt"}
    assert list(run.labels) == [("rna", "adt"), ("adt", "rna")]
    expected = xt.tl.transfer_labels(model, "rna", "adt", key="cell_type")
    pd.testing.assert_frame_equal(run.labels["rna", "adt"], expected.astype({"label": object}))


def test_matches_are_those_of_the_library(run, model):
    assert list(run.matches) == list(model.anchors)
    pd.testing.assert_frame_equal(
        run.matches["rna", "adt"], pairs_table(model, ("rna", "adt"), xt.tl.match_cells(model, "rna", "adt"))
    )


def test_scores_are_those_of_the_library(run, model, data):
    pairs = {name: adata.obs["true_cell"].to_numpy() for name, adata in data.items()}
    pd.testing.assert_frame_equal(run.scores, xt.metrics.evaluate(model.latents, run.truth, pairs=pairs))


def test_nothing_is_known(model):
    run = Run.of(model).with_scores(None)
    assert (run.truth, run.labels, run.level) == ({}, {}, None)
    assert list(run.scores.columns) == ["metric", "source", "target", "value"]
    assert not len(run.scores)


def test_stages_are_said(model):
    said = []

    @contextmanager
    def stage(text):
        said.append(text)
        yield

    Run.of(model, label_key="cell_type", stage=stage).with_matches(stage).with_scores(None, stage=stage)
    assert said == ["transferring labels", "matching cells", "scoring"]
    Run.of(model, stage=stage).with_scores(None, stage=stage)
    assert len(said) == 3, "nothing was done"


def test_scores_of_a_core(data):
    """Where a core was fitted, its cells are scored; labels are transferred to all."""
    model = xt.Model(data, config=xt.Config(n_core=60, n_rounds=2, n_sketches=1, n_components=20)).fit()
    pairs = {name: adata.obs["true_cell"].to_numpy() for name, adata in data.items()}
    run = Run.of(model, label_key="cell_type").with_scores(pairs)
    assert len(run.labels["rna", "adt"]) == 120
    rows = model.core_rows
    expected = xt.metrics.evaluate(
        model.core.latents,
        {name: y[rows[name]] for name, y in run.truth.items()},
        pairs={name: cell[rows[name]] for name, cell in pairs.items()},
    )
    pd.testing.assert_frame_equal(run.scores, expected)


def test_work_begun_in_another_process_gives_the_same_run(run, model, data):
    pairs = {name: adata.obs["true_cell"].to_numpy() for name, adata in data.items()}
    with background.second_process(int) as submit:
        begun = Run(model, data, label_key="cell_type")
        matching, scoring = begun.begin_matches(submit), begun.begin_scores(pairs, submit=submit)
        begun = begun.with_labels().with_scores(pairs, begun=scoring).with_matches(begun=matching)
    pd.testing.assert_frame_equal(begun.scores, run.scores)
    for edge, table in run.matches.items():
        pd.testing.assert_frame_equal(begun.matches[edge], table)
    for edge, table in run.labels.items():
        pd.testing.assert_frame_equal(begun.labels[edge], table)


def test_work_on_many_cells_stays_here(run, model, monkeypatch):
    monkeypatch.setattr("crosstie.runs.run.MOST_SENT", 0)
    begun = Run(model, label_key="cell_type")
    scoring, matching = begun.begin_scores(None, submit=pytest.fail), begun.begin_matches(pytest.fail)
    assert len(scoring())
    assert all(len(finish()) for finish in matching.values())


def test_a_verdict_replaces_what_was_there(run, model):
    diagnosis = xt.trust.diagnose(model)
    judged = run.with_verdict(diagnosis)
    assert (judged.level, judged.reasons) == (diagnosis.level, diagnosis.reasons)
    pd.testing.assert_frame_equal(judged.signals, diagnosis.table)
    np.testing.assert_array_equal(judged.confidence["rna"], diagnosis.confidence["rna"])
    assert run.level is None, "the run itself was changed"


def test_a_run_cannot_be_changed(run):
    with pytest.raises(AttributeError):
        run.level = "ok"


def test_reliability_needs_data(run, written):
    assert {name: len(found) for name, found in run.reliability.items()} == {
        name: len(run.model.recipes[name].names) for name in ("rna", "adt")
    }
    assert Run.of(xt.Model.load(written / "model")).reliability == {}
