"""The printed table of scores: a line per metric, a column per direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crosstie.cli.console import table

if TYPE_CHECKING:
    import pandas as pd

# Arrows show whether higher or lower is better. Views should mix only as far as their compositions agree.
_WORDS = {
    "mixing": "mixing",
    "alignment": "mixing, relative to perfect",
    "accuracy": "label accuracy, nearest cell ↑",
    "balanced_accuracy": "label accuracy, balanced ↑",
    "macro_f1": "label macro F1 ↑",
    "ari": "label ARI ↑",
    "knn_accuracy": "label accuracy, 15 nearest cells ↑",
    "silhouette": "label silhouette ↑",
    "foscttm": "FOSCTTM ↓",
    "matching_accuracy": "nearest cell is the same cell ↑",
}


def print_scores(scores: pd.DataFrame) -> None:
    """Print the table of `metrics.evaluate`."""
    both = scores["source"] + " → " + scores["target"]
    both = both.where(scores["source"] != scores["target"], "all views")
    wide = scores.assign(direction=both).pivot_table(index="metric", columns="direction", values="value", sort=False)
    rows = [
        [_WORDS.get(str(metric), str(metric)), *("" if value != value else f"{value:.3f}" for value in line)]
        for metric, line in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    table("Scores", ["", *map(str, wide.columns)], rows, right=range(1, len(wide.columns) + 1), note=NOTE)


NOTE = "↑ higher is better, ↓ lower is better. Labels go from the cells left of the arrow to those right of it."
