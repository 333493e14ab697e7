"""Checks: the figures behind the verdict, and the confidence of cells."""

from __future__ import annotations

import re

import pandas as pd

from crosstie.report import svg
from crosstie.report.html import Child, Html, el, none, section, table
from crosstie.runs.run import Run
from crosstie.trust.diagnosis import SignalId
from crosstie.trust.signals import PARTS, ids_by_name

# The question that each figure answers, for readers who have not read the manual.
MEANINGS: dict[SignalId, str] = {
    "links_held_out": "Do links agree in fits that did not see them?",
    "suspicious_links": "Does each feature move with its own partner rather than with another's?",
    "links_resolution": "How much do the links alone leave undecided? 0 is nothing, 0.5 everything",
    "pairs_held_out": "Do shared cells that the fit did not see find their partners? 0 is perfect, 0.5 is chance",
    "linked_columns": "Are there enough links to tell?",
    "matches_move_links": "Do matches depend on single links?",
    "matches_move_cells": "Do matches depend on which cells were sampled?",
    "matches_move_counts": "Do matches depend on measurement noise?",
    "matches_move": "How far across the other view would matches move in a repeat? 0 is not at all, 0.5 is chance",
    "matches_closed_form": "Does a simpler fit give the same matches?",
    "cells_return": "Do cells that go to the other view and back return to their neighbours?",
    "mixing": "Do the views mix? 1 is as well as their compositions allow",
    "unsupported_cells": "How many cells have no counterpart in the other view?",
    "copied_cells": "Was one matrix given twice?",
    "recognised_cells": "Is one view a copy of the other's measurement, thinned or normalised?",
    "duplicated_cells": "Are cells duplicated?",
    "doublets": "How many cells look like doublets?",
    "one_organism": "Are both views from one organism?",
}
LEVELS = {"warning": ("look", "! stands out"), "note": ("part", "· worth knowing")}
MARKS = {"pass": "✓ passes", "look": "! stands out", "missing": "– not judged", "part": ""}


def checks(run: Run) -> Html:
    """Return the figures behind the verdict, and the distribution of the cells' confidence."""
    title = "What was checked"
    if not len(run.signals):
        return section("checks", title, none("No checks: this run was not judged."))
    ids, rows = ids_by_name(), []
    for edge, name, value, expected, ok in run.signals[["edge", "signal", "value", "expected", "ok"]].itertuples(
        index=False
    ):
        id_ = ids.get(str(name))
        known = not pd.isna(value)
        mark = "missing" if not known else "part" if id_ in PARTS else "pass" if str(ok) == "True" else "look"
        rows.append(
            [
                el("span", MARKS[mark], class_=f"mark mark-{mark}"),
                [el("div", name if id_ is None else MEANINGS[id_]), None if id_ is None else el("small", name)],
                edge,
                "–" if not known else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}",
                _drawn(float(value), str(expected), str(name)) if known else None,
                _range(str(expected)),
            ]
        )
    heads = ["", "Question", "Of", "Found", "", "Expected"]
    cells: list[Child] = [
        el("figure", svg.histogram(values, label=f"Confidence of the cells of {name}"), el("figcaption", name))
        for name, values in run.confidence.items()
    ]
    how = (
        "Confidence in the position of each cell, from 0 to 1. It is high for cells that are close to the other view, "
        "have a counterpart there, and return to their neighbours. It ranks cells and is not a probability."
    )
    return section(
        "checks",
        title,
        el(
            "p",
            "None of these checks uses labels or known pairs of cells. Each figure is a dot on a scale, on which its "
            "expected range is shaded.",
        ),
        table(heads, rows, numbers=(3, 5), class_="checks", caption="Figures behind the verdict"),
        _of_data(run),
        el("h3", "Confidence of cells"),
        [el("p", how), el("div", cells, class_="small-multiples")]
        if cells
        else none("No confidence of cells: this run was not judged."),
    )


def _of_data(run: Run) -> list[Child]:
    """Return what was found in the data before the fit, if anything was."""
    rows = []
    for found in run.findings:
        mark, words = LEVELS.get(found.level, ("part", found.level))
        what = [el("div", found.id.replace("_", " ")), el("small", found.found)]
        rows.append([el("span", words, class_=f"mark mark-{mark}"), what, found.about, found.do or "–"])
    if not rows:
        return []
    heads = ["", "Found", "In", "What to do"]
    return [el("h3", "What the data hold"), table(heads, rows, class_="checks", caption="Findings before the fit")]


def _drawn(value: float, expected: str, name: str) -> Html | None:
    """Return the figure on a scale with the range that is expected, if that has a bound: `<= 0.1`, `>= 3`, `0`."""
    bound = re.fullmatch(r"(<=|>=) ([\d.]+)", "<= 0" if expected == "0" else expected)
    if bound is None:
        return None
    return svg.gauge(value, float(bound[2]), below=bound[1] != ">=", label=name)


def _range(expected: str) -> str:
    return expected.replace(">=", "≥").replace("<=", "≤")
