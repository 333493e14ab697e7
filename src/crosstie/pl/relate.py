"""Which features of one view go with which of another."""

from __future__ import annotations

from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage

from crosstie._errors import sample, unknown_name, value_error
from crosstie.pl.axes import entitle, new_axes
from crosstie.pl.palette import INK

_BLANK = "#EFEFEF"


def relations(
    table: pd.DataFrame,
    *,
    value: Literal["correlation", "response", "score"] = "correlation",
    group: str | None = None,
    n_targets: int = 20,
    n_sources: int = 2,
    max_q: float = 0.05,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Heat map of relations between features: targets as rows, sources as columns.

    Shown are the target features with the highest scores, and the best source features of each. A dot marks pairs
    whose false discovery rate is low. Pairs that the table does not list are grey: relate with `n_top=None` for all.
    Both axes are ordered so that features with like relations are neighbours.

    Parameters
    ----------
    table
        As from `crosstie.tl.relate`.
    value
        Column to colour by.
    group
        Which group of cells to draw, where the table has several.
    n_targets
        Most target features.
    n_sources
        Source features taken for each of them.
    max_q
        Pairs with `q` of at most this have a dot.
    title
        Title of the plot.
    ax
        Axes to draw on; `None` makes a new figure.

    Returns
    -------
    The axes drawn on.

    Raises
    ------
    KeyError
        If the group or value does not exist.
    ValueError
        If the table is empty, lacks columns, has several groups of which none is named, or a number is below 1.
    """
    table = _one_group(table, value, group)
    if n_targets < 1 or n_sources < 1:
        raise value_error(
            "relations: nothing to show.", found=f"n_targets={n_targets}, n_sources={n_sources}", expected="at least 1"
        )
    ranked = table.sort_values("score", ascending=False, kind="stable")
    targets = ranked["target"].drop_duplicates().head(n_targets)
    best = ranked[ranked["target"].isin(targets)].groupby("target", sort=False, observed=True).head(n_sources)
    shown = table[table["target"].isin(targets) & table["source"].isin(best["source"])]
    matrix = _square(shown, value)
    matrix = matrix.iloc[_order(matrix.to_numpy(float)), _order(matrix.to_numpy(float).T)]
    q = _square(shown, "q").reindex_like(matrix).to_numpy(float)

    n_rows, n_columns = matrix.shape
    if ax is None:
        margin = 1.0 + 0.06 * max(len(str(name)) for name in [*matrix.index, *matrix.columns])
        width, height = np.clip([n_columns * 0.19 + margin + 0.9, n_rows * 0.22 + margin], 3.6, 8.0)
        ax = new_axes(width, height)
    values = matrix.to_numpy(float)
    # Not the highest value: a single one would fade all others.
    top = float(np.nanquantile(np.abs(values), 0.98)) or float(np.nanmax(np.abs(values))) or 1.0
    colours = plt.get_cmap("RdBu_r").with_extremes(bad=_BLANK)
    image = ax.imshow(values, cmap=colours, vmin=-top, vmax=top, aspect="auto", interpolation="nearest")
    size = [float(np.clip(8 * 24 / n, 5.0, 8.0)) for n in (n_rows, n_columns)]
    ax.set_yticks(range(n_rows), matrix.index, fontsize=size[0])
    ax.set_xticks(range(n_columns), matrix.columns, fontsize=size[1], rotation=90)
    rows, columns = np.nonzero(q <= max_q)
    if len(rows):
        strong = np.abs(values[rows, columns]) > 0.6 * top
        ax.scatter(columns, rows, s=4, c=np.where(strong, "white", INK), linewidths=0)
    ax.set_xlim(-0.5, n_columns - 0.5)
    ax.set_ylim(n_rows - 0.5, -0.5)
    ax.set_xlabel(f"source features (dot: q ≤ {max_q:g})", fontsize=9)
    ax.set_ylabel("target features", fontsize=9)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.5, aspect=18, pad=0.02)
    bar.set_label(value, fontsize=8)
    bar.ax.tick_params(labelsize=7)
    bar.outline.set_visible(False)
    entitle(ax, title)
    return ax


def _one_group(table: pd.DataFrame, value: str, group: str | None) -> pd.DataFrame:
    """Return the rows to draw."""
    if value not in ("correlation", "response", "score"):
        raise unknown_name("relations: value", value, ("correlation", "response", "score"))
    missing = {"source", "target", "score", "q", value} - set(table.columns)
    if missing or not len(table):
        raise value_error(
            "relations: this is not a table of relations.",
            found=f"{len(table):,} rows, without columns {sample(sorted(missing))}" if missing else "no rows",
            do="Give what xt.tl.relate returns.",
        )
    groups = list(dict.fromkeys(table["group"])) if "group" in table else []
    if group is not None:
        if group not in groups:
            raise unknown_name("relations: group", group, groups)
        return table[table["group"] == group]
    if len(groups) > 1:
        raise value_error("relations: the table has several groups.", found=sample(groups), do="Name one: group=.")
    return table


def _square(table: pd.DataFrame, value: str) -> pd.DataFrame:
    """Return a column of the table as targets × sources, missing where a pair is not listed."""
    return table.pivot_table(value, "target", "source", aggfunc="first", sort=False, observed=True)


def _order(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Leaves of a tree of the rows; pairs without a value count as 0."""
    if len(values) < 3:
        return np.arange(len(values))
    return leaves_list(linkage(np.nan_to_num(values), "average", optimal_ordering=True))
