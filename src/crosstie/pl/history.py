"""The course of a fit: every term of the objective against the step."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crosstie._errors import sample, value_error
from crosstie.pl.axes import entitle, new_axes
from crosstie.pl.palette import INK, palette


def losses(
    history: pd.DataFrame, *, smooth: float | None = None, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Value of each term at each step: raw values faint, their running mean on top.

    The scale is logarithmic where the values span more than a factor of thirty, symmetric around zero where some are
    negative.

    Parameters
    ----------
    history
        Table with a column `step` and one column per term; a column `total` is drawn in black.
    smooth
        Span of the exponential running mean, in values of the term; by default a fiftieth of them. 1 draws no mean.
    title
        Title of the plot.
    ax
        Axes to draw on; `None` makes a new figure.

    Returns
    -------
    The axes drawn on.
    """
    if "step" not in history.columns:
        raise value_error("losses: the history has no column 'step'.", found=f"columns {sample(history.columns)}")
    numbers = history.drop(columns="step").select_dtypes("number")
    terms = [term for term in numbers.columns if term != "total"]
    drawn = ["total", *terms] if "total" in numbers.columns else terms
    if not drawn or history.empty:
        raise value_error("losses: the history holds no value of any term.", found=f"columns {sample(history.columns)}")
    history = history.sort_values("step", kind="stable")
    if ax is None:
        ax = new_axes(6.4, 3.8)

    colours = dict(zip(terms, palette(len(terms)), strict=True)) | {"total": INK}
    finals = {}
    for term in drawn:
        known = history[["step", term]].dropna()  # a term may be evaluated on some steps only
        span = max(1.0, len(known) / 50 if smooth is None else smooth)
        mean = known[term].ewm(span=span).mean()
        width = 1.8 if term == "total" else 1.3
        marker = "o" if len(known) == 1 else None
        if span > 1:
            ax.plot(known["step"], known[term], color=colours[term], lw=0.6, alpha=0.25)
        ax.plot(known["step"], mean, color=colours[term], lw=width, marker=marker, ms=4, label=str(term))
        finals[str(term)] = float(mean.iloc[-1]) if len(mean) else -np.inf

    _scale(ax, numbers[drawn].to_numpy(dtype=float))
    handles, texts = ax.get_legend_handles_labels()
    order = np.argsort([-finals[text] for text in texts], kind="stable")  # as the lines end
    ax.legend(
        [handles[i] for i in order],
        [texts[i] for i in order],
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        fontsize=8,
    )
    ax.set_xlabel("step", fontsize=9)
    ax.set_ylabel("value of the term", fontsize=9)
    ax.tick_params(labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", lw=0.4, color="#DDDDDD")
    ax.set_axisbelow(True)
    ax.margins(x=0.01)
    entitle(ax, title)
    return ax


def _scale(ax: Axes, values: np.ndarray) -> None:
    size = np.abs(values[np.isfinite(values) & (values != 0)])
    if not len(size) or size.max() < 30 * size.min():
        return
    if np.nanmin(values) > 0:
        ax.set_yscale("log")
    elif size.max() > 30 * (threshold := float(np.quantile(size, 0.1))):
        ax.set_yscale("symlog", linthresh=threshold)
        ax.set_yticks(_symmetric_ticks(threshold, float(np.nanmin(values)), float(np.nanmax(values))))
        ax.set_yticks([], minor=True)


def _symmetric_ticks(threshold: float, low: float, high: float) -> list[float]:
    """Return zero and powers of ten between it and the ends, none in the linear part: labels there would overlap."""
    decades = range(math.ceil(math.log10(threshold)), math.floor(math.log10(max(-low, high))) + 1)
    powers = [10.0**n for n in decades[:: 1 + len(decades) // 6]]
    return [-p for p in reversed(powers) if -p >= low] + [0.0] + [p for p in powers if p <= high]
