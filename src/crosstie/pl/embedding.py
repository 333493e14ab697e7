"""The joint map of all views, coloured by view, by label or by a number; and the same map split by view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb, to_rgba_array
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from crosstie._errors import sample, unknown_name, value_error
from crosstie._labels import in_natural_order, means_missing
from crosstie._typing import Floats, Mask
from crosstie.pl.axes import entitle
from crosstie.pl.map_names import write_names
from crosstie.pl.palette import GREY, palette

_SIDE, _PANEL = 4.4, 2.8  # inches of the square that cells are drawn in, alone or among others
_LEGEND_ROWS = 26
_MANY = 20  # above this, colours alone no longer tell classes apart
_FAINT = to_rgb("#EBEBEB")  # cells of other views
_ABSENT = "missing"
_RAMP = "viridis"

Names = Literal["auto", "legend", "on_data", "none"]


@dataclass(frozen=True)
class Cells:
    """The cells of a map, views one after the other.

    Parameters
    ----------
    xy
        Places, shape `(n_cells, 2)`.
    view
        Name of each cell's view.
    rgb
        Colour of each cell, shape `(n_cells, 3)`.
    level
        Cells of a higher level are drawn on top.
    hollow
        Whether a cell is drawn as a ring: its label is transferred.
    label
        Class of each cell; empty where colours show numbers.
    classes
        Colour of each class, in the order of the legend.
    ramp
        Colours of numbers.
    """

    xy: Floats
    view: NDArray[np.str_]
    rgb: Floats
    level: NDArray[np.int64]
    hollow: Mask
    label: NDArray[np.str_]
    classes: Mapping[str, str]
    ramp: ScalarMappable | None = None

    @property
    def numbered(self) -> bool:
        """Whether there are too many classes for names on the map."""
        return len(self.classes) > _MANY


def embedding(
    coords: Mapping[str, ArrayLike],
    *,
    colour: Mapping[str, Any] | None = None,
    transferred: Mapping[str, Any] | None = None,
    values: Mapping[str, ArrayLike] | None = None,
    names: Names = "auto",
    title: str | None = None,
    axis_name: str = "UMAP",
    ax: Axes | None = None,
) -> Axes:
    """Scatter plot of all views in one plane.

    Cells are drawn in random order, so that no view hides another. A class less than half as frequent as another lies
    on top of it, so that no small population is hidden. A class that means unknown is grey and lies below the rest.

    Parameters
    ----------
    coords
        Two coordinates per cell, shape `(n_cells, 2)`, of every view: see :func:`joint_umap`.
    colour
        Labels of cells, shape `(n_cells,)`, per view; a view without labels is grey. By default the view's name.
    transferred
        Transferred labels, shape `(n_cells,)`, per view, for cells without a label of their own. These cells are drawn
        as rings, and the legend says so.
    values
        Numbers instead of labels, shape `(n_cells,)`, per view, such as confidence or novelty; cells without one are
        grey.
    names
        Where classes are named: in a "legend" beside the plot, "on_data" at every island of their cells, or nowhere
        ("none"). "auto" does both; above twenty classes, the legend numbers them and the map has the numbers.
    title
        Title of the plot.
    axis_name
        What the axes are called.
    ax
        Axes to draw on; `None` makes a new figure.

    Returns
    -------
    The axes drawn on.

    Raises
    ------
    KeyError
        If labels or numbers are given for a view without coordinates.
    ValueError
        If there are no cells, shapes do not agree, a coordinate is not finite, or both labels and numbers are given.
    """
    cells = _read(coords, colour, transferred, values)
    own_figure = ax is None
    if ax is None:
        ax = plt.subplots(figsize=(_SIDE, _SIDE), dpi=150, layout="constrained")[1]
    box = ax.get_window_extent()
    side = _SIDE if own_figure else min(box.width, box.height) / ax.figure.canvas.figure.dpi
    _scatter(ax, cells, np.ones(len(cells.xy), bool), side=side)
    bare(ax, axis_name)
    entitle(ax, title)
    if names in ("auto", "legend"):
        _explain([ax], cells, names, own_figure=own_figure)
    if cells.label.size and (names == "on_data" or (names == "auto" and (colour or transferred))):
        _name(ax, cells, np.ones(len(cells.xy), bool), names)
    return ax


def embedding_by_view(
    coords: Mapping[str, ArrayLike],
    *,
    colour: Mapping[str, Any] | None = None,
    transferred: Mapping[str, Any] | None = None,
    values: Mapping[str, ArrayLike] | None = None,
    names: Names = "auto",
    title: str | None = None,
    axis_name: str = "UMAP",
) -> dict[str, Axes]:
    """Draw the map once for each view, with the cells of the other views faint behind it.

    A view without any numbers, where `values` are given, has no panel.

    Parameters
    ----------
    coords, colour, transferred, values, names, title, axis_name
        As of :func:`embedding`. All panels share one legend.

    Returns
    -------
    The axes of each view, in one new figure.
    """
    cells = _read(coords, colour, transferred, values)
    views = [view for view in coords if values is None or view in values]
    n_columns = min(len(views), 3)
    n_rows = -(-len(views) // n_columns)
    size = (_PANEL * n_columns, _PANEL * n_rows + 0.2)
    figure, grid = plt.subplots(n_rows, n_columns, figsize=size, dpi=150, layout="constrained", squeeze=False)
    panels = dict(zip(views, grid.flat, strict=False))
    for ax in grid.flat[len(views) :]:
        ax.set_visible(False)
    for view, ax in panels.items():
        mine = cells.view == view
        x, y = cells.xy[~mine].T
        ax.scatter(x, y, color=_FAINT, s=0.6 * dot_area(len(cells.xy), _PANEL), linewidths=0, rasterized=True)
        _scatter(ax, cells, mine, side=_PANEL)
        bare(ax, axis_name)
        ax.set(xlim=_reach(cells.xy[:, 0]), ylim=_reach(cells.xy[:, 1]))
        kind = " (labels transferred)" if cells.hollow[mine].any() and cells.hollow[mine].all() else ""
        entitle(ax, f"{view}{kind}")
    if title:
        figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    if names in ("auto", "legend"):
        _explain(list(panels.values()), cells, names, own_figure=True)
    if cells.label.size and names in ("on_data", "auto") and (colour or transferred):
        for view, ax in panels.items():
            _name(ax, cells, cells.view == view, names)
    return panels


def _read(
    coords: Mapping[str, ArrayLike],
    colour: Mapping[str, Any] | None,
    transferred: Mapping[str, Any] | None,
    values: Mapping[str, ArrayLike] | None,
) -> Cells:
    """Check what was given and choose colours, or raise naming the view."""
    for name in (name for given in (colour, transferred, values) for name in given or {}):
        if name not in coords:
            raise unknown_name("embedding, colour", name, coords)
    xy = _places(coords)
    if values is not None and (colour is not None or transferred is not None):
        raise value_error("embedding: give labels or numbers, not both.", found="values beside colour or transferred")
    view = np.repeat(np.array(list(xy), dtype=str), [len(part) for part in xy.values()])
    flat = np.vstack(list(xy.values()))
    level, solid = np.zeros(len(flat), np.int64), np.zeros(len(flat), bool)
    if values is not None:
        number = _spread(xy, values, "embedding, values", np.nan).astype(float)
        known = np.isfinite(number)
        low, high = (float(number[known].min()), float(number[known].max())) if known.any() else (0.0, 1.0)
        unit = low >= 0 and high <= 1  # confidence and novelty: the whole range, so that pictures compare
        ramp = ScalarMappable(Normalize(0, 1) if unit else Normalize(low, high), _RAMP)
        rgb = np.where(known[:, None], ramp.to_rgba(np.where(known, number, low))[:, :3], to_rgb(GREY))
        return Cells(flat, view, rgb, known.astype(np.int64), solid, np.array([], dtype=str), {}, ramp)
    if colour is None and transferred is None:
        label, order = view, list(xy)
        colours = dict(zip(order, palette(len(order)), strict=True))
        return Cells(flat, view, to_rgba_array([colours[v] for v in view])[:, :3], level, solid, label, colours)
    label = _spread(xy, colour or {}, "embedding, colour", _ABSENT)
    own = ~np.array([means_missing(x) for x in label])
    given = _spread(xy, transferred or {}, "embedding, transferred", _ABSENT)
    hollow = ~own & ~np.array([means_missing(x) for x in given])
    label = np.where(hollow, given, label).astype(str)
    colours = _classes(label)
    code = pd.Categorical(label, categories=list(colours)).codes.astype(int)
    n_cells = np.bincount(code, minlength=len(colours))
    grey = np.array([c == GREY for c in colours.values()])
    rank = np.where(grey, -100, -np.floor(np.log2(np.maximum(n_cells, 1))).astype(int))
    rgb = to_rgba_array(list(colours.values()))[code, :3]
    return Cells(flat, view, rgb, rank[code], hollow, label, colours)


def _places(coords: Mapping[str, ArrayLike]) -> dict[str, Floats]:
    xy = {view: np.asarray(value, dtype=float) for view, value in coords.items()}
    if not sum(len(value) for value in xy.values()):
        raise value_error("embedding: there are no cells to draw.", found=f"views {sample(xy)}")
    for view, value in xy.items():
        if value.ndim != 2 or value.shape[1] != 2:
            raise value_error(
                f"embedding, view {view!r}: coordinates have the wrong shape.",
                found=f"{value.shape}",
                expected="(n_cells, 2)",
                do="Bring latent coordinates to the plane with crosstie.pl.joint_umap first.",
            )
        if not np.isfinite(value).all():
            raise value_error(f"embedding, view {view!r}: coordinates are not finite.")
    return xy


def _spread(xy: Mapping[str, Floats], given: Mapping[str, Any], what: str, fill: object) -> NDArray[Any]:
    """Return one value per cell of all views; a cell without one, and a view without any, get `fill`."""
    parts = []
    for view, value in xy.items():
        column = np.full(len(value), fill, dtype=object) if view not in given else np.array(given[view], dtype=object)
        if column.shape != (len(value),):
            raise value_error(
                f"{what}, view {view!r}: one {'label' if isinstance(fill, str) else 'number'} per cell is needed.",
                found=f"{column.shape}",
                expected=f"({len(value):,},)",
            )
        column[pd.isna(column)] = fill
        parts.append(column)
    return np.concatenate(parts)


def _classes(label: NDArray[np.str_]) -> dict[str, str]:
    """Return the colour of each class in the order of the legend: sorted, those that mean unknown last and grey."""
    present = in_natural_order(np.unique(label))
    named = [name for name in present if not means_missing(name)]
    return dict(zip(named, palette(len(named)), strict=True)) | {n: GREY for n in present if n not in set(named)}


def dot_area(n_cells: int, side: float) -> float:
    """Return the area of a dot, in square points, on a square map with sides of so many inches."""
    return float(np.clip(25_000 / n_cells, 0.5, 13)) * (side / _SIDE) ** 2


def _scatter(ax: Axes, cells: Cells, drawn: Mask, *, side: float) -> None:
    """Draw cells in random order within a level, as discs, or as rings if their label is transferred."""
    order = np.random.default_rng(0).permutation(len(cells.xy))
    order = order[drawn[order]]
    order = order[np.argsort(cells.level[order], kind="stable")]
    size, rgb, ring = dot_area(len(cells.xy), side), cells.rgb[order], cells.hollow[order]
    line = 0.3 * np.sqrt(size)  # of a ring, whose outside is that of a disc
    draw: Any = ax.scatter  # its types leave out arrays
    draw(
        *cells.xy[order].T,
        s=np.where(ring, (np.sqrt(size) - line) ** 2, size),
        facecolors=np.where(ring[:, None], 1.0, rgb),
        edgecolors=rgb,
        linewidths=np.where(ring, line, 0),
        alpha=0.85,
        rasterized=True,
    )


def _name(ax: Axes, cells: Cells, drawn: Mask, names: Names) -> None:
    """Write the names of classes, or their numbers, at their islands."""
    numbers = names == "auto" and cells.numbered
    texts = {
        name: str(i) if numbers else name
        for i, (name, colour) in enumerate(cells.classes.items(), start=1)
        if colour != GREY
    }
    write_names(ax, texts, cells.label[drawn], cells.xy[drawn], fontsize=6 if numbers else 7)


def _explain(panels: list[Axes], cells: Cells, names: Names, *, own_figure: bool) -> None:
    """Draw a legend beside these axes, or a colour bar, and make the figure as much wider."""
    ax, figure = panels[0], panels[0].figure.canvas.figure
    if cells.ramp is not None:
        bar = ax.figure.colorbar(cells.ramp, ax=panels, shrink=0.5, aspect=18, pad=0.02)
        bar.ax.tick_params(labelsize=7)
        bar.outline.set_visible(False)
        if own_figure:
            width, height = figure.get_size_inches()
            figure.set_size_inches(width + 0.5, height)
        return
    numbered = cells.numbered and names == "auto"
    handles = [_dot_of(colour) for colour in cells.classes.values()]
    texts = [_clipped(f"{i}  {name}" if numbered else name) for i, name in enumerate(cells.classes, start=1)]
    if cells.hollow.any():
        handles += [_dot_of(GREY), _dot_of(GREY, hollow=True)]
        texts += ["own label", "transferred label"]
    legend = (figure if own_figure else ax).legend(
        handles,
        texts,
        loc="outside right center" if own_figure else "center left",
        bbox_to_anchor=None if own_figure else (1.0, 0.5),
        ncols=-(-len(texts) // _LEGEND_ROWS),
        frameon=False,
        fontsize=6.2 if cells.numbered else 8,
        handletextpad=0.2,
        columnspacing=0.6,
        labelspacing=0.3 if cells.numbered else 0.45,
    )
    if own_figure:
        width, height = figure.get_size_inches()
        box = legend.get_window_extent()
        figure.set_size_inches(width + box.width / figure.dpi + 0.05, max(height, box.height / figure.dpi + 0.2))


def _dot_of(colour: str, *, hollow: bool = False) -> Line2D:
    inside, line = ("white", 1.3) if hollow else (colour, 0.0)
    return Line2D([], [], ls="", marker="o", ms=5, mfc=inside, mec=colour, mew=line, color=colour)


def _clipped(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def _reach(x: Floats) -> tuple[float, float]:
    low, high = float(x.min()), float(x.max())
    margin = 0.03 * max(high - low, 1e-9)
    return low - margin, high + margin


def bare(ax: Axes, axis_name: str) -> None:
    """Units of an embedding mean nothing: no ticks, no box."""
    ax.set(xticks=[], yticks=[])
    ax.set_box_aspect(1)
    ax.spines[:].set_visible(False)
    ax.set_xlabel(f"{axis_name} 1", fontsize=8, loc="left", color="#666666")
    ax.set_ylabel(f"{axis_name} 2", fontsize=8, loc="bottom", color="#666666")
    ax.margins(0.03)
