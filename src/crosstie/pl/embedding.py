"""The joint picture of all views: a UMAP of their common latent space, coloured by view or by label."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal

import matplotlib.patheffects as effects
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from crosstie._errors import sample, unknown_name, value_error
from crosstie._extras import require
from crosstie._labels import in_natural_order, means_missing
from crosstie.anchors.neighbours import nearest
from crosstie.pl.axes import entitle
from crosstie.pl.layout import plane_layout, principal_plane
from crosstie.pl.palette import GREY, INK, palette

METHODS = ("crosstie", "umap-learn")

_SIDE = 4.4  # inches of the square that cells are drawn in
_MARGINS = {"left": 0.06, "right": 0.98, "bottom": 0.06, "top": 0.93}  # of that square
_LEGEND_ROWS = 26
_MANY = 20  # above this, colours alone no longer tell classes apart


def joint_umap(
    latents: Mapping[str, ArrayLike],
    *,
    n_neighbors: int = 15,
    seed: int = 0,
    method: Literal["crosstie", "umap-learn"] = "crosstie",
) -> dict[str, NDArray]:
    """UMAP of all views together.

    Parameters
    ----------
    latents
        Latent coordinates of every view, shape `(n_cells, n_latent)` each.
    n_neighbors
        Size of the neighbourhoods that are kept, the cell itself counted; smaller when there are fewer cells.
    seed
        Seed; the same seed gives the same picture.
    method
        "crosstie" minimises UMAP's objective with NumPy and SciPy alone. "umap-learn" calls that package, which takes
        longer because its code is compiled in every process, and needs `pip install "crosstie[umap]"`. Both keep
        neighbourhoods equally well.

    Returns
    -------
    Coordinates per view, shape `(n_cells, 2)`.

    Raises
    ------
    ValueError
        If the views do not have the same number of coordinates, or a value is not finite.
    ImportError
        If umap-learn is asked for and not installed.
    """
    if method not in METHODS:
        raise unknown_name("joint_umap, method", method, METHODS)
    z = {name: np.asarray(value, dtype=np.float32) for name, value in latents.items()}
    shapes = {name: value.shape for name, value in z.items()}
    if not z or any(len(s) != 2 for s in shapes.values()) or len({s[1] for s in shapes.values()}) != 1:
        raise value_error(
            "joint_umap: the views' latents do not form one space.",
            found=", ".join(f"{name!r}: {s}" for name, s in shapes.items()) or "no view",
            expected="(n_cells, n_latent) per view, with one n_latent",
        )
    for name, value in z.items():
        if not np.isfinite(value).all():
            raise value_error(f"joint_umap, view {name!r}: latent coordinates are not finite.")
    joint = np.vstack(list(z.values()))
    if len(joint) <= 4:  # no neighbourhood is left to keep
        coords = principal_plane(joint)
    elif method == "umap-learn":
        coords = _umap_learn(joint, n_neighbors, seed)
    else:
        coords = plane_layout(joint, n_neighbors=n_neighbors, seed=seed)
    stops = np.cumsum([len(value) for value in z.values()])[:-1]
    return dict(zip(z, np.split(coords, stops), strict=True))


def embedding(
    coords: Mapping[str, ArrayLike],
    *,
    colour: Mapping[str, Any] | None = None,
    names: Literal["auto", "legend", "on_data", "none"] = "auto",
    title: str | None = None,
    axis_name: str = "UMAP",
    ax: Axes | None = None,
) -> Axes:
    """Scatter plot of all views in one plane.

    Cells are drawn in random order, so that no view or class hides another. A class that means unknown is grey
    and is drawn below the rest.

    Parameters
    ----------
    coords
        Two coordinates per cell, shape `(n_cells, 2)`, of every view: see :func:`joint_umap`.
    colour
        Labels of cells, shape `(n_cells,)`, per view; a view without labels is grey. By default the view's name.
    names
        Where classes are named: in a legend beside the plot, in the middle of their cells, or nowhere. "auto" takes a
        legend, and with more than twenty classes numbers its entries and writes the numbers on the plot.
    title
        Title of the plot.
    axis_name
        What the axes are called.
    ax
        Axes to draw on; `None` makes a new figure.

    Returns
    -------
    The axes drawn on.
    """
    xy, label = _flat(coords, colour)
    classes, colours = _classes(label, by_view=colour is None)
    numbered = names == "auto" and len(classes) > _MANY
    legend = names in ("auto", "legend")
    columns = -(-len(classes) // _LEGEND_ROWS) if legend else 0
    own_figure = ax is None
    if ax is None:
        figure, ax = plt.subplots(figsize=(_SIDE, _SIDE), dpi=150)
        figure.subplots_adjust(**_MARGINS)

    order = np.random.default_rng(0).permutation(len(xy))
    named = np.array([colours[name] != GREY for name in classes])
    code = pd.Categorical(label, categories=classes).codes
    order = order[np.argsort(named[code[order]], kind="stable")]  # grey first
    size = float(np.clip(25_000 / len(xy), 0.5, 13))
    rgb = np.array([colours[name] for name in classes])[code[order]]
    x, y = xy[order].T
    ax.scatter(x, y, c=rgb, s=size, linewidths=0, alpha=0.85, rasterized=True)
    _bare(ax, axis_name)
    entitle(ax, title)
    if legend:
        _legend(ax, classes, colours, columns=columns, numbered=numbered, widen=own_figure)

    if numbered or names == "on_data":
        middles = {
            str(i) if numbered else name: _middle(xy[label == name])
            for i, name in enumerate(classes, start=1)
            if colours[name] != GREY
        }
        _write(ax, middles, fontsize=6 if numbered else 7)
    return ax


def _umap_learn(joint: NDArray[np.float32], n_neighbors: int, seed: int) -> NDArray:
    """Return the layout of umap-learn, which is seeded and so runs on one thread."""
    require("umap", 'joint_umap(method="umap-learn")')
    from umap import UMAP  # imports numba, which takes seconds

    n_neighbors = min(n_neighbors, len(joint) - 1)
    # Our own neighbours: umap-learn's search is compiled in every process, too.
    squared, row = nearest(joint, joint, n_neighbors)
    known = (row, np.sqrt(np.maximum(squared, 0)))
    model = UMAP(n_neighbors=n_neighbors, min_dist=0.3, init="pca", random_state=seed, n_jobs=1, precomputed_knn=known)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "precomputed_knn")  # that new cells cannot be added to it
        return model.fit_transform(joint)


def _flat(coords: Mapping[str, ArrayLike], colour: Mapping[str, Any] | None) -> tuple[NDArray, NDArray[np.str_]]:
    """Stack views and bring labels to strings, or raise naming the view."""
    xy = {view: np.asarray(value, dtype=float) for view, value in coords.items()}
    if not sum(len(value) for value in xy.values()):
        raise value_error("embedding: there are no cells to draw.", found=f"views {sample(xy)}")
    for view in colour or {}:
        if view not in xy:
            raise unknown_name("embedding, colour", view, xy)
    parts = []
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
        if colour is None:
            parts.append(np.full(len(value), view, dtype=object))
            continue
        given = colour.get(view)
        label = np.full(len(value), "missing", dtype=object) if given is None else np.array(given, dtype=object)
        if label.shape != (len(value),):
            raise value_error(
                f"embedding, view {view!r}: one label per cell is needed.",
                found=f"{label.shape}",
                expected=f"({len(value):,},)",
            )
        label[pd.isna(label)] = "missing"
        parts.append(label)
    return np.vstack(list(xy.values())), np.concatenate(parts).astype(str)


def _classes(label: NDArray[np.str_], *, by_view: bool) -> tuple[list[str], dict[str, str]]:
    """Classes in the order of the legend, and their colours: views as given, labels sorted, unnamed ones last."""
    present = list(pd.unique(pd.Series(label)))
    if by_view:
        return present, dict(zip(present, palette(len(present)), strict=True))
    present = in_natural_order(present)
    named, unnamed = ([x for x in present if means_missing(x) is missing] for missing in (False, True))
    colours = dict(zip(named, palette(len(named)), strict=True))
    return [*named, *unnamed], colours | dict.fromkeys(unnamed, GREY)


def _legend(
    ax: Axes, classes: list[str], colours: Mapping[str, str], *, columns: int, numbered: bool, widen: bool
) -> None:
    handles = [Line2D([], [], ls="", marker="o", ms=5, mew=0, color=colours[name]) for name in classes]
    texts = [_clipped(f"{i}  {name}" if numbered else name) for i, name in enumerate(classes, start=1)]
    legend = ax.legend(
        handles,
        texts,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        ncols=columns,
        frameon=False,
        fontsize=8 if len(classes) <= _MANY else 6.2,
        handletextpad=0.2,
        columnspacing=0.6,
        labelspacing=0.45 if len(classes) <= _MANY else 0.3,
    )
    if widen:
        figure = ax.figure.canvas.figure
        width = _SIDE + legend.get_window_extent().width / figure.dpi + 0.05
        figure.set_size_inches(width, _SIDE)
        figure.subplots_adjust(left=_MARGINS["left"] * _SIDE / width, right=_MARGINS["right"] * _SIDE / width)


def _clipped(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def _middle(xy: NDArray) -> NDArray:
    """Return the cell nearest to the median: the median of a scattered class may be far from all of its cells."""
    return xy[np.argmin(((xy - np.median(xy, axis=0)) ** 2).sum(axis=1))]


def _write(ax: Axes, places: Mapping[str, NDArray], *, fontsize: float) -> None:
    """Write names at their places, moved apart where they would overlap, with a line back to the place."""
    if not places:
        return
    figure = ax.figure.canvas.figure  # also where the axes lie in a subfigure
    figure.draw_without_rendering()  # settles the layout: pixels are final from here
    place = ax.transData.transform(np.array(list(places.values())))  # pixels
    pixels = fontsize * figure.dpi / 72
    boxes = np.array([[0.62 * len(text) + 0.2, 1.15] for text in places]) * pixels
    moved = _apart(place, boxes, ax.get_window_extent().get_points())
    halo = [effects.withStroke(linewidth=1.8, foreground="white")]
    back = ax.transData.inverted().transform
    for text, start, end in zip(places, place, moved, strict=True):
        if np.abs(end - start).max() > pixels:
            ax.plot(*np.transpose(back([start, end])), color=INK, lw=0.4, zorder=2)
        x, y = back(end)
        ax.text(x, y, text, ha="center", va="center", fontsize=fontsize, color=INK, path_effects=halo, zorder=3)


def _apart(place: NDArray, boxes: NDArray, frame: NDArray, *, rounds: int = 300) -> NDArray:
    """Push overlapping boxes apart, along the side on which they overlap least, inside the frame (two corners)."""
    moved = place + np.arange(len(place))[:, None] * 1e-3  # equal places part, too
    for _ in range(rounds):
        gap = moved[:, None] - moved[None]
        overlap = (boxes[:, None] + boxes[None]) / 2 - np.abs(gap)
        hit = (overlap > 0).all(axis=2)
        np.fill_diagonal(hit, False)
        if not hit.any():
            break
        along = overlap.argmin(axis=2)[..., None] == np.arange(2)
        push = np.where(hit[..., None] & along, np.sign(gap) * overlap, 0)
        moved = np.clip(moved + 0.3 * push.sum(axis=1), frame[0] + boxes / 2, frame[1] - boxes / 2)
    return moved


def _bare(ax: Axes, axis_name: str) -> None:
    """Units of an embedding mean nothing: no ticks, no box."""
    ax.set(xticks=[], yticks=[])
    ax.set_box_aspect(1)
    ax.spines[:].set_visible(False)
    ax.set_xlabel(f"{axis_name} 1", fontsize=8, loc="left", color="#666666")
    ax.set_ylabel(f"{axis_name} 2", fontsize=8, loc="bottom", color="#666666")
    ax.margins(0.03)
