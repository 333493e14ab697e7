"""The verdict, first and in plain words, and the figures behind it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crosstie.report import svg
from crosstie.report.html import Child, Html, el, none, section, table
from crosstie.runs.run import Run

TITLES = {"ok": "Trustworthy", "care": "Use with care", "fail": "Do not use", None: "Not judged"}
SIGNS = {"ok": "✓", "care": "!", "fail": "✕", None: "?"}
LEADS = {
    "ok": "Nothing that can be checked without labels speaks against this run: the links hold, "
    "the map repeats, and the "
    "views lie in one another.",
    "care": "Some checks stand out. Read the reasons below before you build on this run.",
    "fail": "The checks say that this map does not show what the data have in common. Do not build on it.",
    None: "Whether this run can be believed was not asked for. Ask: crosstie diagnose RUN.",
}
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


def verdict(run: Run) -> Html:
    """Return the verdict with its reasons and the most important numbers of the run."""
    level = run.level if run.level in TITLES else None
    reasons = (
        el("ul", [el("li", reason[0].upper() + reason[1:] + ".") for reason in run.reasons if reason])
        if run.reasons
        else None
    )
    words = el("div", el("h2", TITLES[level], id="verdict-title"), el("p", LEADS[level]), reasons)
    return el(
        "section",
        el(
            "div",
            el("span", SIGNS[level], class_="sign", aria_hidden="true"),
            words,
            class_=f"verdict level-{level or 'none'}",
        ),
        el(
            "dl",
            [el("div", el("dt", what), el("dd", value, el("small", unit))) for what, value, unit in _key_figures(run)],
            class_="figures",
        ),
        id="verdict",
        aria_labelledby="verdict-title",
    )


def _key_figures(run: Run) -> list[tuple[str, str, str]]:
    model = run.model
    out = [(f"{name}", f"{len(z):,}", " cells") for name, z in model.latents.items()]
    n_columns = sum(link.n_columns for link in model.linkage.links)
    if n_columns:
        out.append(("Links", f"{n_columns:,}", " columns"))
    if n_shared := sum(len(link.cells) for link in model.linkage.paired):
        out.append(("Shared cells", f"{n_shared:,}", ""))
    for (source, target), labels in run.labels.items():
        known = target in run.truth and run.truth[target] != "unknown"
        if np.any(known):
            right = float((labels["label"].to_numpy(str)[known] == run.truth[target][known]).mean())
            out.append((f"Labels {source} → {target}", f"{right:.1%}", " right"))
    if len(run.scores):
        what = run.scores.iloc[:, 0].astype(str)  # "foscttm", or as the demo has it "FOSCTTM ↓"
        found = run.scores.loc[what.str.lower().str.startswith("foscttm"), "value"]
        if len(found):
            out.append(("FOSCTTM", f"{found.mean():.3f}", " 0 is best"))
    return out


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
