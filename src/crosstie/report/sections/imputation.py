"""Imputation: how well each feature can be imputed where it was not measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crosstie.report import svg
from crosstie.report.html import Child, Html, el, none, section
from crosstie.report.packed_table import packed_table
from crosstie.runs.run import Run

MAX_FEATURES = 5_000  # of a view in the table: the most reliable ones


def imputation(run: Run) -> Html:
    """Return how well each feature can be imputed where it was not measured."""
    title = "Imputation, feature by feature"
    if not run.reliability:
        return section(
            "imputation",
            title,
            none("No figures: reliability is estimated from the data, which are not available to this report."),
        )
    parts: list[Child] = [
        el(
            "p",
            "Reliability predicts the correlation of a feature's imputed values with its true values, using only the "
            "view that measured it: 1 is reliable, 0 is uninformative. It assumes that the verdict above is good.",
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
        left = f" The table shows the {MAX_FEATURES:,} most reliable features." if len(order) > MAX_FEATURES else ""
        good = int((found >= 0.5).sum())
        parts += [
            el("h3", f"Features of {name}"),
            el(
                "p",
                f"{good:,} of {len(found):,} features have a reliability of at least 0.5; the median "
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
