"""Checks: the figures behind the verdict, and the confidence of cells."""

from __future__ import annotations

import pandas as pd

from crosstie.report import svg
from crosstie.report.html import Child, Html, el, none, section, table
from crosstie.report.run import Run

# What figures mean, for readers who did not read the manual.
MEANINGS = {
    "agreement of links above permuted links, in s.d.": "Do linked features agree better than links drawn at random?",
    "agreement of links left out, above other pairings, in s.d.": "Do links that the fit did not see agree, too?",
    "FOSCTTM of shared cells left out": "Do shared cells that the fit did not see find their partners? 0 always, "
    "0.5 chance",
    "linked columns": "Are there enough links to judge by?",
    "matches move, a third of the links left out": "Do matches depend on single links?",
    "matches move, a fifth of the cells left out": "Do matches depend on which cells were sampled?",
    "matches move, counts drawn again": "Do matches depend on measurement noise?",
    "matches move, in all": "How far across the other view would matches move in a repeat? 0 not at all, 0.5 anywhere",
    "matches of the model, away from those of the closed form": "Does a simpler fit give the same matches?",
    "cells return, away from themselves": "Do cells that go to the other view and back come home?",
    "mixing, of what composition allows": "Do the views lie in one another? 1 as far as they can",
    "share of cells unsupported": "How many cells have no counterpart in the other view?",
    "share of cells with the same numbers in both": "Was one matrix given twice?",
    "share of cells that occur twice": "Are cells duplicated?",
    "one organism": "Are both views of one organism?",
}


def checks(run: Run) -> Html:
    """Return the figures behind the verdict, and how the confidence of cells is distributed."""
    title = "What was checked"
    if not len(run.signals):
        return section("checks", title, none("No figures: the verdict was not asked for in this run."))
    rows: list[list[Child]] = []
    for edge, name, value, expected, ok in run.signals[["edge", "signal", "value", "expected", "ok"]].itertuples(
        index=False
    ):
        known = not pd.isna(value)
        # Parts of a sum ("of 0.5") are no checks of their own.
        mark = (
            "part"
            if str(expected).startswith("of ")
            else "missing"
            if not known
            else "pass"
            if str(ok) == "True"
            else "look"
        )
        text = {"pass": "✓ passes", "look": "! stands out", "missing": "– not judged", "part": ""}[mark]
        meaning = MEANINGS.get(str(name))
        rows.append(
            [
                el("span", text, class_=f"mark mark-{mark}"),
                [el("div", meaning or name), el("small", name) if meaning else None],
                edge,
                "–" if not known else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}",
                _range(str(expected)),
            ]
        )
    heads = ["", "Question", "Of", "Found", "Expected"]
    cells: list[Child] = [
        el("figure", svg.histogram(values, label=f"Confidence of the cells of {name}"), el("figcaption", name))
        for name, values in run.confidence.items()
    ]
    how = (
        "Confidence of each cell's place, 0 to 1: near to cells of the other view, supported by them, and coming home. "
        "It ranks cells and is not a probability."
    )
    return section(
        "checks",
        title,
        el("p", "All of this is seen without labels and without knowing which cells are the same."),
        table(heads, rows, numbers=(3, 4), class_="checks", caption="Figures behind the verdict"),
        el("h3", "Confidence of cells"),
        [el("p", how), el("div", cells, class_="small-multiples")]
        if cells
        else none("No confidence of cells: the verdict was not asked for in this run."),
    )


def _range(expected: str) -> str:
    return expected.replace(">=", "≥").replace("<=", "≤")
