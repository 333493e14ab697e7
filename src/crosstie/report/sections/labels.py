"""Labels: the transferred labels, how they compare with known ones, and the scores."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crosstie.metrics.score_names import ARROWS, explained_name
from crosstie.pl.confusion import counted
from crosstie.report import svg
from crosstie.report.html import Child, Html, el, none, section, table
from crosstie.runs.known_truth import UNKNOWN
from crosstie.runs.run import Run


def labels(run: Run) -> Html:
    """Return the transferred labels, their comparison with known ones, and the scores."""
    title = "Labels"
    if not run.labels:
        return section(
            "labels",
            title,
            none("No labels were given to this run, so there are no transferred labels to show."),
            _scores(run),
        )
    parts: list[Child] = []
    order: list[str] = []  # of labels, the same in all tables
    for (source, target), found in run.labels.items():
        predicted = found["label"].fillna("no label").to_numpy(str)
        parts.append(el("h3", f"{run.label_key}: {source} → {target}"))
        truth = run.truth.get(target)
        known = None if truth is None else truth != UNKNOWN
        if truth is not None and known is not None and known.any():
            right = predicted[known] == truth[known]
            counts = counted(truth[known], predicted[known])
            order += [x for x in dict.fromkeys([*counts.index, *counts.columns]) if x not in order]
            counts = counts.reindex(
                index=[x for x in order if x in counts.index], columns=[x for x in order if x in counts.columns]
            )
            per_class = pd.Series(right).groupby(truth[known]).mean()
            parts.append(
                el(
                    "p",
                    f"{right.mean():.1%} of the {int(known.sum()):,} labelled cells of {target} receive their "
                    f"own label ({per_class.mean():.1%} on average over labels). Rows are the labels of {target} and "
                    "sum to 1; hover over a field for cell counts.",
                )
            )
            parts.append(svg.heat(counts, rows="own", columns="transferred"))
        else:
            parts.append(none(f"{target} has no labels of its own to compare with."))
        parts.append(
            el(
                "details",
                el("summary", f"Labels transferred to {target}, and their confidence"),
                _got(found, predicted, truth),
            )
        )
    return section("labels", title, *parts, _scores(run))


def _got(found: pd.DataFrame, predicted: np.ndarray, truth: np.ndarray | None) -> Html:
    rows: list[list[Child]] = []
    for label, n in pd.Series(predicted).value_counts(sort=True).items():
        mine = predicted == label
        judged = mine if truth is None else mine & (truth != UNKNOWN)
        right = "–" if truth is None or not judged.any() else f"{(truth[judged] == label).mean():.1%}"
        rows.append(
            [
                str(label),
                f"{n:,}",
                f"{found['confidence'].to_numpy(float)[mine].mean():.2f}",
                f"{found['novelty'].to_numpy(float)[mine].mean():.2f}",
                right,
            ]
        )
    return table(
        ["Label", "Cells", "Mean confidence", "Mean novelty", "Correct"],
        rows,
        numbers=(1, 2, 3, 4),
        caption="Transferred labels",
    )


def _scores(run: Run) -> Child:
    if not len(run.scores):
        return [el("h3", "Scores"), none("No scores: they need labels in two views, or known pairs of cells.")]
    scores = run.scores.rename(columns={"score": "metric"})
    both = scores["source"].astype(str) + " → " + scores["target"].astype(str)
    both = both.where(scores["source"] != scores["target"], "all views")
    if {"linked_only", "chance"} <= set(scores.columns):  # the table of the demo, with a baseline
        rows: list[list[Child]] = [
            [m, b, *("–" if pd.isna(x) else f"{float(x):.3f}" for x in line)]
            for m, b, line in zip(
                scores["metric"], both, scores[["value", "linked_only", "chance"]].to_numpy(), strict=True
            )
        ]
        return [
            el("h3", "Scores"),
            table(["", "", "crosstie", "Linked features only", "Chance"], rows, numbers=(2, 3, 4), caption="Scores"),
        ]
    wide = scores.assign(direction=both).pivot_table(index="metric", columns="direction", values="value", sort=False)
    lines: list[list[Child]] = [
        [explained_name(str(m)), *("" if pd.isna(x) else f"{x:.3f}" for x in line)]
        for m, line in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    return [
        el("h3", "Scores"),
        table(["", *map(str, wide.columns)], lines, numbers=range(1, 1 + wide.shape[1]), caption="Scores"),
        el("p", ARROWS, class_="quiet"),
    ]
