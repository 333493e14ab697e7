from dataclasses import replace
from typing import get_args

import pandas as pd
import pytest

from crosstie.report.sections.checks import MEANINGS, checks
from crosstie.runs.read import read
from crosstie.trust.check import Finding
from crosstie.trust.diagnosis import SignalId
from crosstie.trust.signals import NAMES
from report.conftest import text_of


@pytest.fixture(scope="module")
def run(folder):
    return read(folder)


def test_every_signal_has_a_meaning():
    assert set(MEANINGS) == set(get_args(SignalId))


def test_every_figure_is_shown_with_its_meaning_and_its_name(run):
    said = text_of(checks(run))
    for name in run.signals["signal"].unique():
        assert name in said
    assert MEANINGS["links_held_out"] in said
    assert "None of these checks uses labels" in said


def test_what_the_data_hold_is_shown(run):
    findings = (
        Finding("adt", "empty_cells", "warning", "9 cells <b> without a count", "Drop them."),
        Finding("adt", "controls", "note", "3 isotype controls; set aside"),
    )
    html = checks(replace(run, findings=findings))
    said = " ".join(text_of(html).split())
    assert "What the data hold" in said
    assert "! stands out empty cells 9 cells" in said
    assert "· worth knowing controls 3 isotype controls; set aside adt –" in said
    assert "<b>" not in str(html)
    assert "What the data hold" not in text_of(checks(replace(run, findings=())))


@pytest.mark.parametrize(
    ("id_", "value", "expected", "out"),
    [
        ("doublets", 0.05, "<= 0.15", False),
        ("doublets", 0.3, "<= 0.15", True),
        ("recognised_cells", 0.9, "<= 0.2", True),
        ("links_resolution", 0.1, "<= 0.25", False),
        ("links_held_out", 5.0, ">= 3", False),
        ("links_held_out", 1.0, ">= 3", True),
        ("suspicious_links", 2.0, "0", True),
    ],
)
def test_each_figure_with_a_bound_is_drawn_in_or_out_of_its_range(run, id_, value, expected, out):
    table = pd.DataFrame([("a", NAMES[id_], value, expected, not out)], columns=list(run.signals.columns)[:5])
    drawn = str(checks(replace(run, signals=table)))
    assert ("found out" in drawn) == out
    assert ("found in" in drawn) != out
    assert f"{NAMES[id_]}: {value:.3g}, expected" in drawn


def test_what_has_no_bound_is_not_drawn(run):
    table = pd.DataFrame([("a", NAMES["matches_move_links"], 0.04, "of 0.5", True)], columns=run.signals.columns[:5])
    assert "<circle" not in str(checks(replace(run, signals=table)))
    table = pd.DataFrame([("a – b", NAMES["one_organism"], 0.0, "1", False)], columns=run.signals.columns[:5])
    assert "<circle" not in str(checks(replace(run, signals=table)))


def test_marks(run):
    table = pd.DataFrame(
        [
            ("a – b", NAMES["links_held_out"], 5.0, ">= 3", True),
            ("a – b", NAMES["matches_move_links"], 0.04, "of 0.5", True),
            ("a – b", NAMES["matches_move"], 0.2, "<= 0.1", False),
            ("a – b", "depth of a", float("nan"), "a holds no counts", pd.NA),
        ],
        columns=["edge", "signal", "value", "expected", "ok"],
    )
    html = checks(replace(run, signals=table))
    assert [html.count(f"mark mark-{mark}") for mark in ("pass", "part", "look", "missing")] == [1, 1, 1, 1]
    assert "≤ 0.1" in html
    assert "<div>depth of a</div>" in html  # no signal of this name has a meaning


def test_a_run_without_verdict(run):
    assert "No checks" in text_of(checks(replace(run, signals=pd.DataFrame())))
