"""Anchors: the pairs of cells that hold the views together, and the matches."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crosstie.report import svg
from crosstie.report.html import Child, Html, el, none, section, table
from crosstie.runs.known_truth import UNKNOWN
from crosstie.runs.run import Run


def anchors(run: Run) -> Html:
    """Return the numbers and weights of anchors, and the numbers of matches."""
    rows: list[list[Child]] = []
    figures: list[Child] = []
    for (source, target), found in run.model.anchors.items():
        rows.append(
            [
                "Anchors",
                f"{source} – {target}",
                f"{len(found):,}",
                _share(found.source, run, source),
                _share(found.target, run, target),
                _same(run, source, target, found.source, found.target),
            ]
        )
        if len(found):
            figures.append(
                el(
                    "figure",
                    svg.histogram(np.asarray(found.weight, float), label=f"Weights of anchors {source} – {target}"),
                    el("figcaption", f"Weight of anchors, {source} – {target}"),
                )
            )
    for (source, target), part in run.matches.items():
        at = [
            run.model.cells[v].get_indexer(pd.Index(part[c])) if run.model.cells[v].is_unique else None
            for v, c in ((source, "source"), (target, "target"))
        ]
        s, t = at
        if s is None or t is None:
            rows.append(["Matches", f"{source} → {target}", f"{len(part):,}", "–", "–", "–"])
            continue
        rows.append(
            [
                "Matches",
                f"{source} → {target}",
                f"{len(part):,}",
                _share(s, run, source),
                _share(t, run, target),
                _same(run, source, target, s, t),
            ]
        )
    if not rows:
        return section("anchors", "Anchors and matches", none("This run has no anchors."))
    heads = ["", "Views", "Pairs", "Cells of the first", "Cells of the second", "Same label"]
    return section(
        "anchors",
        "Anchors and matches",
        el(
            "p",
            "Anchors are pairs of cells that are among each other's nearest neighbours in the common coordinates. "
            "A match is the best partner of a cell in the other view.",
        ),
        table(heads, rows, numbers=(2, 3, 4, 5), caption="Pairs of cells"),
        none("This run has no matches.") if not run.matches else None,
        el("div", figures, class_="small-multiples"),
    )


def _share(rows: np.ndarray, run: Run, view: str) -> str:
    return f"{len(np.unique(rows)) / max(len(run.model.latents[view]), 1):.1%}"


def _same(run: Run, source: str, target: str, s: np.ndarray, t: np.ndarray) -> str:
    if source not in run.truth or target not in run.truth or not len(s):
        return "–"
    a, b = run.truth[source][s], run.truth[target][t]
    known = (a != UNKNOWN) & (b != UNKNOWN)
    return f"{(a[known] == b[known]).mean():.1%}" if known.any() else "–"
