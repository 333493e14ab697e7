"""The published figures that crosstie is compared with: `figures.csv`, one row for each figure, with its source.

    python benchmarks/public/published.py          # writes docs/published.md

Figures of others were not measured here: they hold on their cells, with their preprocessing and on their machine. They
are means of the runs that `runs` counts. A figure belongs into a page only if it is a row of this file.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

FIGURES = Path(__file__).with_name("figures.csv")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "published.md"
SETTING = ["task", "data", "n_cells"]
SCORES = {"foscttm": 3, "nearest cell type": 3, "seconds": 0, "gigabytes": 1}  # and the digits that pages print


def figures() -> pd.DataFrame:
    """Return all rows; `n_cells` is empty where the source does not say it."""
    return pd.read_csv(FIGURES, dtype={"n_cells": "Int64"})


def of(task: str, data: str) -> pd.DataFrame:
    """Return the figures of one setting: a row for each method, a column for each score."""
    found = figures()
    found = found[(found["task"] == task) & (found["data"] == data)]
    return found.pivot_table(index="method", columns="score", values="value")


def page() -> str:
    """Return the page: a table for each source, a row for each setting and method."""
    out = [
        "# Published figures",
        "",
        "Figures of other tools that others published, as `benchmarks/public/figures.csv` holds them; none was",
        "measured here. They hold on the cells, with the preprocessing and on the machine of their source, so compare",
        "them with rows of the same setting only. `make public-benchmarks` runs crosstie in these settings, with the",
        "metrics of their authors: `benchmarks/public/README.md` says what it downloads and how long it takes.",
        "",
        "```",
        "python benchmarks/public/published.py",
        "```",
    ]
    for (source, date), rows in figures().groupby(["source", "date"], sort=False):
        out += ["", f"## {source}, {date}", ""]
        out += ["| task | data | cells | method | FOSCTTM | accuracy of the nearest cell | s | GB |"]
        out += ["|---|---|---|---|---|---|---|---|"]
        for (task, data, n), part in rows.groupby(SETTING, sort=False, dropna=False):
            wide = part.pivot_table(index="method", columns="score", values="value").reindex(columns=list(SCORES))
            cells = "" if pd.isna(n) else f"{n:,}"
            for method, row in wide.sort_values(["foscttm", "seconds"], kind="stable").iterrows():
                values = ["" if pd.isna(row[s]) else f"{row[s]:,.{digits}f}" for s, digits in SCORES.items()]
                out.append(f"| {task} | {data} | {cells} | {method} | {' | '.join(values)} |")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
