"""The printed table of scores: a line per metric, a column per direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crosstie.cli.console import table
from crosstie.metrics.score_names import ARROWS, long_name

if TYPE_CHECKING:
    import pandas as pd


def print_scores(scores: pd.DataFrame) -> None:
    """Print the table of `metrics.evaluate`."""
    both = scores["source"] + " → " + scores["target"]
    both = both.where(scores["source"] != scores["target"], "all views")
    wide = scores.assign(direction=both).pivot_table(index="metric", columns="direction", values="value", sort=False)
    rows = [
        [long_name(str(metric)), *("" if value != value else f"{value:.3f}" for value in line)]
        for metric, line in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    table("Scores", ["", *map(str, wide.columns)], rows, right=range(1, len(wide.columns) + 1), note=ARROWS)
