"""Which labels are taken for which."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from crosstie._errors import value_error
from crosstie._labels import in_natural_order, means_missing
from crosstie.pl.axes import entitle, new_axes
from crosstie.pl.palette import INK

_WRITTEN = 15  # up to this many classes values are written


def confusion(
    true: Any, predicted: Any, *, normalize: bool = True, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Heat map of true labels (rows) against predicted ones (columns).

    Both axes have one order: labels that are confused with each other are neighbours, and "unknown" comes last. With up
    to fifteen classes the values are written.

    Parameters
    ----------
    true, predicted
        Labels, shape `(n_cells,)`.
    normalize
        Divide each row by its sum, so that a row tells where the cells of a class go; else show numbers of cells.
    title
        Title of the plot.
    ax
        Axes to draw on; `None` makes a new figure.

    Returns
    -------
    The axes drawn on.
    """
    counts = counted(true, predicted)
    n_rows, n_columns = counts.shape
    size = counts.sum(axis=1)
    shown = counts.div(size, axis=0) if normalize else counts
    many = max(n_rows, n_columns)
    if ax is None:
        cell = 0.5 if many <= _WRITTEN else max(0.14, 0.5 * _WRITTEN / many)
        margin = 1.2 + 0.055 * max(map(len, [*counts.index, *counts.columns]))
        width, height = np.clip([n_columns * cell + margin + 0.7, n_rows * cell + margin], 3.6, 8.0)
        ax = new_axes(width, height)

    top = 1.0 if normalize else float(shown.to_numpy().max())
    image = ax.imshow(shown, cmap="Blues", vmin=0, vmax=top, aspect="auto", interpolation="nearest")
    fontsize = 8.0 if many <= _WRITTEN else float(np.clip(8 * 24 / many, 5.0, 7.5))
    ax.set_yticks(range(n_rows), [f"{name} ({n:,})" for name, n in size.items()], fontsize=fontsize)
    ax.set_xticks(range(n_columns), counts.columns, fontsize=fontsize, rotation=90 if many > 6 else 45)
    if many <= 6:
        plt.setp(ax.get_xticklabels(), ha="right", rotation_mode="anchor")
    ax.set_xlabel("predicted", fontsize=9)
    ax.set_ylabel("true (cells)", fontsize=9)
    ax.set_xticks(np.arange(n_columns + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(n_rows + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="#E6E6E6", lw=0.4)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)
    if many <= _WRITTEN:
        _write(ax, shown.to_numpy(), top, normalize=normalize)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.5, aspect=18, pad=0.02)
    bar.set_label("share of the true class" if normalize else "cells", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    bar.outline.set_visible(False)
    entitle(ax, title)
    return ax


def counted(true: Any, predicted: Any) -> pd.DataFrame:
    """Count label pairs; rows and columns follow one order of all labels."""
    true, predicted = (np.asarray(x, dtype=object) for x in (true, predicted))
    if true.ndim != 1 or true.shape != predicted.shape or not len(true):
        raise value_error(
            "confusion: true and predicted labels are needed for the same cells.",
            found=f"{true.shape} and {predicted.shape}",
            expected="two vectors of one length, at least 1",
        )
    true, predicted = (np.where(pd.isna(x), "missing", x).astype(str) for x in (true, predicted))
    counts = pd.crosstab(true, predicted)
    counts.index.name = counts.columns.name = None
    every = in_natural_order({*counts.index, *counts.columns})
    square = counts.reindex(index=every, columns=every, fill_value=0).to_numpy(dtype=float)
    order = [every[i] for i in _order(square)]
    order.sort(key=means_missing)
    rows = [x for x in order if x in counts.index]
    shared = counts.index.isin(counts.columns).any()
    columns = [x for x in order if x in counts.columns or shared]  # a label that is never predicted keeps its column
    return counts.reindex(index=rows, columns=columns, fill_value=0)


def _order(counts: NDArray[np.float64]) -> NDArray[np.int64]:
    """Leaves of a tree of the labels by how often either is taken for the other."""
    if len(counts) < 3:
        return np.arange(len(counts))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    near = (share + share.T) / 2
    distance = 1 - near / max(near.max(), 1)
    np.fill_diagonal(distance, 0)
    return leaves_list(linkage(squareform(distance, checks=False), "average", optimal_ordering=True))


def _write(ax: Axes, values: NDArray, top: float, *, normalize: bool) -> None:
    for (i, j), value in np.ndenumerate(values):
        if value:
            text = f"{value:.2f}".removeprefix("0") if normalize else f"{value:,.0f}"
            text = "<.01" if text == ".00" else text
            dark = value > 0.55 * top
            ax.text(j, i, text, ha="center", va="center", fontsize=7, color="white" if dark else INK)
