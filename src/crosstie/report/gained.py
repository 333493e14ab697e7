"""What came out: the map, labels and their confusion, imputation, anchors and matches, the course of training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crosstie.pl.confusion import counted
from crosstie.report import svg
from crosstie.report.given import packed_table
from crosstie.report.html import Child, Html, data_block, el, none, section, table
from crosstie.report.points import points
from crosstie.runs.known_truth import UNKNOWN
from crosstie.runs.run import Run

MAX_FEATURES = 5_000  # of a view, in the table: the most reliable ones
SCORES = {
    "mixing": "Share of other views among a cell's nearest",
    "alignment": "Mixing, relative to perfect (1 is best)",
    "accuracy": "Label accuracy, nearest cell ↑",
    "balanced_accuracy": "Label accuracy, balanced ↑",
    "macro_f1": "Label macro F1 ↑",
    "ari": "Label ARI ↑",
    "knn_accuracy": "Label accuracy, 15 nearest cells ↑",
    "silhouette": "Label silhouette ↑",
    "foscttm": "FOSCTTM ↓ (0 is best, 0.5 chance)",
    "matching_accuracy": "Nearest cell is the same cell ↑",
}


def joint_map(run: Run) -> Html:
    """Return the interactive map."""
    drawn, n_cells = sum(map(len, run.plane.values())), sum(map(len, run.model.latents.values()))
    which = (
        f"{drawn:,} of {n_cells:,} cells, drawn at random from every view"
        if drawn < n_cells
        else f"all {n_cells:,} cells"
    )
    button = {"type": "button"}
    bar = el(
        "div",
        el("label", "Colour by ", el("select")),
        el(
            "div",
            el("button", "Move", data_mode_to="move", aria_pressed="true", **button),
            el("button", "Lasso", data_mode_to="lasso", aria_pressed="false", **button),
            class_="group",
            role="group",
            aria_label="What dragging does",
        ),
        el(
            "div",
            el("button", "+", class_="zoom-in", aria_label="Zoom in", **button),
            el("button", "−", class_="zoom-out", aria_label="Zoom out", **button),
            el("button", "Reset", class_="reset", **button),
            class_="group",
            role="group",
            aria_label="Zoom",
        ),
        el("label", el("input", type="checkbox", checked=True, class_="names-toggle"), " Names"),
        class_="map-bar",
    )
    stage = el(
        "div",
        el("canvas", class_="points", aria_hidden="true"),
        el(
            "canvas",
            class_="over",
            tabindex=0,
            role="application",
            aria_label=f"Map of {drawn:,} cells. Arrow keys move "
            "it, plus "
            "and minus "
            "zoom, 0 shows "
            "all, Enter "
            "lists the cells in the frame, Escape clears.",
        ),
        el("div", class_="tip", hidden=True),
        class_="stage",
    )
    picked = el(
        "div",
        el("h3", "Selected cells"),
        el("div", class_="counts"),
        el("label", "View and name of each cell", el("textarea", rows=7, readonly=True, spellcheck="false")),
        el(
            "div",
            el("button", "Copy the list", class_="copy", **button),
            el("button", "Save as file", class_="save", **button),
            el("button", "Clear", class_="clear", **button),
            class_="group",
        ),
        class_="picked",
        hidden=True,
    )
    beside = el(
        "div",
        el("div", class_="legend", aria_label="Legend", role="group"),
        el("button", "List the cells shown", class_="list-shown", **button),
        el("p", class_="map-status", role="status"),
        class_="beside",
    )
    hint = (
        "Click a cell to pick it, drag to move, shift and drag (or Lasso) to select; click "
        "the map once, and the wheel zooms."
    )
    return section(
        "map",
        "The joint map",
        el("p", f"UMAP of the common coordinates of all views, {which}. Distances between far groups mean little."),
        el("div", bar, stage, beside, picked, data_block(points(run)), id="map-root"),
        el("p", hint, class_="quiet screen-only"),
        el("noscript", none("The map needs JavaScript; everything else on this page reads without.")),
    )


def labels(run: Run) -> Html:
    """Return the labels carried over, how they compare with known ones, and the scores."""
    title = "Labels"
    if not run.labels:
        return section(
            "labels",
            title,
            none("No labels were given to this run, so none were carried over and nothing can be compared."),
            _scores(run),
        )
    parts: list[Child] = []
    order: list[str] = []  # of labels: that of the first table, for all
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
                    f"{right.mean():.1%} of the {int(known.sum()):,} labelled cells of {target} get their "
                    f"own label ({per_class.mean():.1%} on average over labels). Rows are {target}'s own "
                    "labels and sum to 1; hover for numbers.",
                )
            )
            parts.append(svg.heat(counts, rows="own", columns="carried over"))
        else:
            parts.append(none(f"{target} has no labels of its own, so there is no confusion to show."))
        parts.append(
            el(
                "details",
                el("summary", f"What the cells of {target} got, and how sure it is"),
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
        ["Label", "Cells", "Mean confidence", "Mean novelty", "Right"],
        rows,
        numbers=(1, 2, 3, 4),
        caption="Labels carried over",
    )


def _scores(run: Run) -> Child:
    if not len(run.scores):
        return [el("h3", "Scores"), none("No scores: neither labels in two views nor shared cells are known.")]
    scores = run.scores.rename(columns={"score": "metric"})
    both = scores["source"].astype(str) + " → " + scores["target"].astype(str)
    both = both.where(scores["source"] != scores["target"], "all views")
    if {"linked_only", "chance"} <= set(scores.columns):  # as the demo has them, beside a baseline
        rows: list[list[Child]] = [
            [m, b, *(f"{float(x):.3f}" for x in line)]
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
        [SCORES.get(str(m), str(m)), *("" if pd.isna(x) else f"{x:.3f}" for x in line)]
        for m, line in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    note = "↑ higher is better, ↓ lower is better. Labels go from the cells left of the arrow to those right of it."
    return [
        el("h3", "Scores"),
        table(["", *map(str, wide.columns)], lines, numbers=range(1, 1 + wide.shape[1]), caption="Scores"),
        el("p", note, class_="quiet"),
    ]


def imputation(run: Run) -> Html:
    """Return how well each feature can be imputed where it was not measured."""
    title = "Imputation, feature by feature"
    if not run.reliability:
        return section(
            "imputation",
            title,
            none("No figures: the data of this run are not at hand, and reliability is estimated from them."),
        )
    parts: list[Child] = [
        el(
            "p",
            "Reliability predicts, from its own view alone, the correlation of a feature's "
            "imputed values with its true ones: 1 can be relied on, 0 says nothing. It takes for "
            "granted that the verdict above is good.",
        )
    ]
    linked = _linked(run)
    for name, found in run.reliability.items():
        order = found.sort_values(ascending=False, kind="stable")
        shown = order.head(MAX_FEATURES)
        mean = run.model.recipes[name].mean
        by_name = pd.Series(np.asarray(mean, float), index=run.model.recipes[name].names)
        columns: list[dict[str, Any]] = [
            {"type": "text", "values": [str(f) for f in shown.index]},
            {
                "type": "number",
                "digits": 2,
                "bar": True,
                "values": [None if pd.isna(v) else round(float(v), 3) for v in shown],
            },
            {"type": "number", "digits": 2, "values": [round(float(v), 3) for v in by_name[shown.index]]},
            {"type": "text", "values": [linked.get((name, str(f)), "") for f in shown.index]},
        ]
        left = f" The table has the {MAX_FEATURES:,} most reliable." if len(order) > MAX_FEATURES else ""
        good = int((found >= 0.5).sum())
        parts += [
            el("h3", f"Features of {name}"),
            el(
                "p",
                f"{good:,} of {len(found):,} features have a reliability of 0.5 or more; the median "
                f"is {float(found.median()):.2f}.{left}",
            ),
            el(
                "figure",
                svg.histogram(found.to_numpy(float), label=f"Reliability of the features of {name}"),
                el("figcaption", "Reliability"),
            ),
            packed_table(
                ["Feature", "Reliability", f"Mean ({run.model.recipes[name].units})", "Linked to"],
                columns,
                sorted_by=1,
                name=f"Reliability of {name}",
            ),
        ]
    return section("imputation", title, *parts)


def _linked(run: Run) -> dict[tuple[str, str], str]:
    out: dict[tuple[str, str], list[str]] = {}
    for link in run.model.linkage.links:
        for s, t in zip(link.pairs["source"].astype(str), link.pairs["target"].astype(str), strict=True):
            out.setdefault((link.source, s), []).append(t)
            out.setdefault((link.target, t), []).append(s)
    return {key: ", ".join(dict.fromkeys(names)) for key, names in out.items()}


def anchors(run: Run) -> Html:
    """Return how many pairs of cells hold the views together, how far they are believed, and the matches."""
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
    heads = ["", "Views", "Pairs", "Cells of the first", "Cells of the second", "Of one label"]
    return section(
        "anchors",
        "Anchors and matches",
        el(
            "p",
            "Anchors are pairs of cells among each other's nearest in the common coordinates. "
            "Matches assign to cells the best partner in the other view.",
        ),
        table(heads, rows, numbers=(2, 3, 4, 5), caption="Pairs of cells"),
        none("No matches were written in this run.") if not run.matches else None,
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


def training(run: Run) -> Html:
    """Return the loss curves, if anything was trained."""
    model, title = run.model, "Training"
    history = model.history
    if model.config.training != "full" or not len(history) or "step" not in history or len(history.columns) < 2:
        return section(
            "training",
            title,
            none("Nothing was trained: this run is the closed form, linear algebra without steps or losses."),
        )
    said = (
        f"{int(history['step'].max()):,} steps. Each curve is a running mean of a term of the "
        "objective; the number is its last value."
    )
    if model.networks is None:
        said += (
            " The trained coordinates did worse than the closed form by what can be seen without "
            "labels, so the closed form was kept."
        )
    return section("training", title, el("p", said), svg.curves(history))
