"""The table of scores as a picture."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crosstie._errors import sample, value_error
from crosstie.metrics.score_names import short_name
from crosstie.pl.axes import entitle, new_axes
from crosstie.pl.palette import INK, palette


def scores(table: pd.DataFrame, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Dot plot of scores: a line per metric, a dot per ordered pair of views.

    Parameters
    ----------
    table
        Tidy scores with columns `metric`, `source`, `target`, `value`, as `metrics.evaluate` returns them.
    title
        Title of the plot.
    ax
        Axes to draw on; `None` makes a new figure.

    Returns
    -------
    The axes drawn on.
    """
    needed = ["metric", "source", "target", "value"]
    if lacking := [column for column in needed if column not in table.columns]:
        raise value_error(f"scores: the table lacks columns {sample(lacking)}.", found=sample(table.columns))
    if table.empty:
        raise value_error("scores: the table is empty.")
    metrics = list(pd.unique(table["metric"]))
    single = table["source"] == table["target"]
    pair = np.where(single, "all views", table["source"].astype(str) + " → " + table["target"].astype(str))
    pairs = [name for name in pd.unique(pd.Series(pair)) if name != "all views"]
    colours = dict(zip(pairs, palette(len(pairs)), strict=True)) | {"all views": INK}
    if ax is None:
        ax = new_axes(6.4, 1.1 + 0.3 * len(metrics))

    line = table["metric"].map({metric: i for i, metric in enumerate(metrics)})
    for i, name in enumerate([*pairs, *(["all views"] if single.any() else [])]):
        chosen = pair == name
        shift = 0 if name == "all views" else 0.4 * ((i + 0.5) / len(pairs) - 0.5)  # equal scores stay visible
        marker = "D" if name == "all views" else "o"
        ax.scatter(
            table["value"][chosen], line[chosen] + shift, color=colours[name], marker=marker, s=30, label=name, lw=0
        )
    texts = [short_name(str(metric)) for metric in metrics]
    ax.set_yticks(range(len(metrics)), texts, fontsize=8)
    ax.set_ylim(len(metrics) - 0.5, -0.5)
    low, high = min(0.0, float(table["value"].min())), max(1.0, float(table["value"].max()))
    ax.set_xlim(low - 0.03, high + 0.03)
    ax.grid(lw=0.4, color="#DDDDDD")
    ax.set_axisbelow(True)
    ax.tick_params(axis="x", labelsize=8)
    ax.tick_params(axis="y", length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("score (↑ higher is better, ↓ lower is better)", fontsize=8)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
    entitle(ax, title)
    return ax
