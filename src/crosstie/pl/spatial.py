"""Cells at their positions in the tissue, coloured by label or by a number; many of them as counts in squares."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize, to_rgb, to_rgba_array
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from crosstie._errors import unknown_name, value_error
from crosstie._labels import in_natural_order, means_missing
from crosstie._typing import Floats, Index
from crosstie.pl.axes import entitle
from crosstie.pl.palette import GREY, INK, palette
from crosstie.space import Positions

POINTS = 100_000  # cells of a section above which squares are drawn
SQUARES, IN_SQUARE = 400, 4  # most squares along the longer side, and cells in a square on average, at least
_SIDE, _RAMP = 4.4, "viridis"


def spatial(
    positions: Positions,
    *,
    colour: ArrayLike | None = None,
    values: ArrayLike | None = None,
    polygons: Any = None,
    section: str | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the cells of one section where they lie; y points down, as in images.

    Above 100,000 cells, a square shows the most frequent label of its cells, or their mean number.

    Parameters
    ----------
    positions
        Where the cells lie: `model.positions[view]`. Of three coordinates the first two are drawn.
    colour
        Label of each cell, shape `(n_cells,)`; words for a missing label are grey.
    values
        Numbers instead of labels, such as confidence, novelty or an imputed gene; cells without one are grey.
    polygons
        Outline of each cell, arrays of shape `(n_corners, 2)` in the coordinates of the positions; drawn instead of
        points.
    section
        Name of the section; `None` takes the first.
    title
        Title of the plot; `None` takes the name of the section if there are several.
    ax
        Axes to draw on; `None` makes a new figure.

    Returns
    -------
    The axes drawn on.

    Raises
    ------
    KeyError
        If there is no such section.
    ValueError
        If there is not one label, number or outline per cell, or both labels and numbers are given.
    """
    rows = _rows(positions, section)
    _check(positions, colour, values, polygons)
    own_figure = ax is None
    if ax is None:
        ax = plt.subplots(figsize=(_SIDE, _SIDE), dpi=150, layout="constrained")[1]
    xy = positions.xy[rows, :2]
    shapes = None if polygons is None else [np.asarray(polygons[row], dtype=float) for row in rows]
    if values is not None:
        number = np.asarray(values, dtype=float)
        ramp = ScalarMappable(_range(number), _RAMP)
        _draw_numbers(ax, xy, number[rows], ramp, shapes)
    else:
        label = np.full(positions.n_cells, "") if colour is None else np.asarray(colour, dtype=object).astype(str)
        classes = {"": INK} if colour is None else _classes(label)
        _draw_labels(ax, xy, label[rows], classes, shapes)
    _frame(ax, xy, positions.unit)
    entitle(ax, title or (positions.sections[positions.section[rows[0]]] if len(positions.sections) > 1 else None))
    if values is not None:
        bar = ax.figure.colorbar(ramp, ax=ax, shrink=0.5, aspect=18, pad=0.02)
        bar.ax.tick_params(labelsize=7)
        bar.outline.set_visible(False)  # type: ignore[operator]
    elif colour is not None:
        _legend(ax, {name: classes[name] for name in classes if (label[rows] == name).any()}, own_figure=own_figure)
    return ax


def _draw_numbers(ax: Axes, xy: Floats, number: Floats, ramp: ScalarMappable, shapes: list[Floats] | None) -> None:
    if shapes is None and len(xy) > POINTS:
        mean, extent = _means(xy, number)
        shown: Any = ramp.to_rgba(np.ma.masked_invalid(mean))
        ax.imshow(shown, extent=extent, interpolation="nearest", origin="lower")
        return
    known = np.isfinite(number)
    rgb = np.where(known[:, None], ramp.to_rgba(np.where(known, number, 0))[:, :3], to_rgb(GREY))
    _draw_cells(ax, xy, rgb, shapes)


def _draw_labels(ax: Axes, xy: Floats, label: np.ndarray, classes: dict[str, str], shapes: list[Floats] | None) -> None:
    code = pd.Categorical(label, categories=list(classes)).codes.astype(np.int64)
    colours = list(classes.values())
    if shapes is None and len(xy) > POINTS:
        ax.imshow(_most_frequent(xy, code, colours), extent=_extent(xy), origin="lower")
    else:
        _draw_cells(ax, xy, to_rgba_array(colours)[code, :3], shapes)


def _draw_cells(ax: Axes, xy: Floats, rgb: Floats, shapes: list[Floats] | None) -> None:
    """Draw every cell as its outline, or as a point."""
    if shapes is not None:
        ax.add_collection(PolyCollection(shapes, facecolors=rgb, edgecolors="white", linewidths=0.1, rasterized=True))
        ax.autoscale_view()
        return
    draw: Any = ax.scatter  # its types leave out arrays
    draw(*xy.T, s=float(np.clip(12_000 / len(xy), 0.2, 12)), c=rgb, linewidths=0, rasterized=True)


def _rows(positions: Positions, section: str | None) -> Index:
    by_name = dict(positions.by_section())
    if not by_name:
        raise value_error("spatial: there are no cells to draw.")
    name = next(iter(by_name)) if section is None else section
    if name not in by_name:
        raise unknown_name("spatial: section", name, by_name)
    return by_name[name]


def _check(positions: Positions, colour: Any, values: Any, polygons: Any) -> None:
    if colour is not None and values is not None:
        raise value_error("spatial: give labels or numbers, not both.", found="colour and values")
    for name, given in (("label", colour), ("number", values), ("outline", polygons)):
        if given is not None and len(given) != positions.n_cells:
            raise value_error(
                f"spatial: one {name} per cell is needed.", found=f"{len(given):,}", expected=f"{positions.n_cells:,}"
            )


def _range(number: Floats) -> Normalize:
    known = number[np.isfinite(number)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    return Normalize(0, 1) if low >= 0 and high <= 1 else Normalize(low, high)


def _classes(label: np.ndarray) -> dict[str, str]:
    """Return the colour of every label of the view, so that sections can be compared."""
    present = in_natural_order(np.unique(label))
    named = [name for name in present if not means_missing(name)]
    colours = dict(zip(named, palette(len(named)), strict=True))
    return colours | {name: GREY for name in present if name not in colours}


def _squares(xy: Floats) -> tuple[Index, tuple[int, int], float]:
    """Return the square of each cell, the shape of the grid (rows, columns), and the side of a square."""
    low, extent = xy.min(0), np.ptp(xy, axis=0)
    side = max(float(extent.max()) / SQUARES, float(np.sqrt(IN_SQUARE * extent.prod() / len(xy))))
    n_columns, n_rows = (max(1, int(np.ceil(e / side))) for e in extent)
    column, row = (np.minimum((xy - low) // side, [n_columns - 1, n_rows - 1]).astype(np.int64)).T
    return row * n_columns + column, (n_rows, n_columns), side


def _extent(xy: Floats) -> tuple[float, float, float, float]:
    _, (n_rows, n_columns), side = _squares(xy)
    x, y = (float(v) for v in xy.min(0))
    return x, x + n_columns * side, y, y + n_rows * side


def _means(xy: Floats, number: Floats) -> tuple[Floats, tuple[float, float, float, float]]:
    """Return the mean number of every square, NaN without any, and where the grid lies."""
    square, shape, _ = _squares(xy)
    known = np.isfinite(number)
    n = np.bincount(square[known], minlength=shape[0] * shape[1])
    total = np.bincount(square[known], number[known], minlength=shape[0] * shape[1])
    return np.where(n > 0, total / np.maximum(n, 1), np.nan).reshape(shape), _extent(xy)


def _most_frequent(xy: Floats, code: Index, colours: list[str]) -> Floats:
    """Return the colour of the most frequent label of every square, white without any cell."""
    square, shape, _ = _squares(xy)
    size = shape[0] * shape[1]
    most, winner = np.zeros(size), np.full(size, -1)
    for k in range(len(colours)):
        n = np.bincount(square[code == k], minlength=size)
        winner[n > most] = k
        most = np.maximum(most, n)
    rgb = np.vstack([to_rgba_array(colours)[:, :3], [1, 1, 1]])
    return rgb[winner].reshape(*shape, 3)


def _frame(ax: Axes, xy: Floats, unit: str | None) -> None:
    """Equal axes without ticks, y down, and a bar of a round length where the unit is known."""
    ax.set(xticks=[], yticks=[], aspect="equal")
    ax.spines[:].set_visible(False)
    margin = 0.02 * max(float(np.ptp(xy, axis=0).max()), 1e-9)
    (left, top), (right, bottom) = xy.min(0) - margin, xy.max(0) + margin
    ax.set(xlim=(left, right), ylim=(bottom, top))
    if unit is None:
        return
    length = _round(float(right - left) / 4)
    ax.plot([left, left + length], [bottom, bottom], color=INK, lw=2, clip_on=False, solid_capstyle="butt")
    text = f"{length:g} {'µm' if unit == 'micrometre' else 'pixels'}"
    ax.annotate(text, (left, bottom), (0, -3), textcoords="offset points", va="top", fontsize=7, color=INK)


def _round(x: float) -> float:
    """Return 1, 2 or 5 times a power of ten, at most `x`."""
    power = 10.0 ** np.floor(np.log10(max(x, 1e-12)))
    return float(max(step * power for step in (1, 2, 5) if step * power <= x * (1 + 1e-9)))


def _legend(ax: Axes, classes: dict[str, str], *, own_figure: bool) -> None:
    handles = [Line2D([], [], ls="", marker="o", ms=5, mfc=colour, mew=0) for colour in classes.values()]
    where: Any = ax.figure if own_figure else ax
    legend = where.legend(
        handles,
        list(classes),
        loc="outside right center" if own_figure else "center left",
        bbox_to_anchor=None if own_figure else (1.0, 0.5),
        frameon=False,
        fontsize=7,
        handletextpad=0.2,
    )
    if own_figure:
        figure = ax.figure.canvas.figure
        width, height = figure.get_size_inches()
        figure.set_size_inches(width + legend.get_window_extent().width / figure.dpi, height)
