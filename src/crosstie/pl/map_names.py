"""Names on a map: one for every island of a class, beside small ones and never on top of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy import ndimage

from crosstie.pl.palette import INK

_GRID = 48  # squares of the map in which islands are told apart, along the longer side
_SHARE, _CELLS = 0.15, 12  # an island that is named: share of its class, and number of cells
_LONGEST = 24  # characters of a name on the map


def islands(xy: NDArray, box: NDArray) -> list[NDArray]:
    """Return the row numbers of a class's cells, island by island, the largest first.

    Cells are of one island if the squares of a grid that they lie in touch. Islands that are small parts of the class
    are left out, but for the largest.

    Parameters
    ----------
    xy
        Places of the cells of the class, shape `(n_cells, 2)`.
    box
        Two corners of the whole map, shape `(2, 2)`.
    """
    step = max(float((box[1] - box[0]).max()), 1e-12) / _GRID
    square = np.clip(((xy - box[0]) / step).astype(int), 0, _GRID)
    filled = np.zeros((_GRID + 1, _GRID + 1), bool)
    filled[tuple(square.T)] = True
    number = ndimage.label(filled, np.ones((3, 3)))[0][tuple(square.T)]
    found, n_cells = np.unique(number, return_counts=True)
    large = n_cells >= max(_CELLS, _SHARE * len(xy))
    large[n_cells.argmax()] = True
    order = found[large][np.argsort(-n_cells[large], kind="stable")]
    return [np.flatnonzero(number == one) for one in order]


def middle(xy: NDArray) -> NDArray:
    """Return the cell nearest to the median: the median of a scattered class may be far from all of its cells."""
    return xy[np.argmin(((xy - np.median(xy, axis=0)) ** 2).sum(axis=1))]


def write_names(ax: Axes, names: Mapping[str, str], label: NDArray[np.str_], xy: NDArray, *, fontsize: float) -> None:
    """Write names at the islands of their classes.

    Names move apart where they would overlap, and off islands smaller than they are, with a line back to the place.

    Parameters
    ----------
    ax
        Axes with the cells drawn.
    names
        What is written for each class.
    label, xy
        Class and place of each cell, shapes `(n_cells,)` and `(n_cells, 2)`.
    fontsize
        Size of the names, in points.
    """
    box = np.array([xy.min(axis=0), xy.max(axis=0)])
    texts: list[str] = []
    places: list[NDArray] = []
    groups: list[NDArray] = []
    for cls, text in names.items():
        of_class = xy[label == cls]
        for rows in islands(of_class, box) if len(of_class) else []:
            texts.append(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")
            places.append(middle(of_class[rows]))
            groups.append(of_class[rows])
    if texts:
        _write(ax, texts, np.array(places), groups, fontsize)


def _write(ax: Axes, texts: Sequence[str], places: NDArray, groups: Sequence[NDArray], fontsize: float) -> None:
    figure = ax.figure.canvas.figure  # also where the axes lie in a subfigure
    figure.draw_without_rendering()  # settles the layout: pixels are final from here
    to_pixels, back = ax.transData.transform, ax.transData.inverted().transform
    place = to_pixels(places)
    pixels = fontsize * figure.dpi / 72
    boxes = np.array([[0.62 * len(text) + 0.4, 1.15] for text in texts]) * pixels
    extent = np.array([np.ptp(np.quantile(to_pixels(xy), [0.05, 0.95], axis=0), axis=0) for xy in groups])
    small = (extent < 1.2 * boxes).any(axis=1) & (np.prod(extent, axis=1) < 4 * np.prod(boxes, axis=1))
    fixed = np.column_stack([place, np.minimum(extent, 2 * boxes) + 0.3 * pixels])[small]
    moved = apart(place, boxes, ax.get_window_extent().get_points(), fixed=fixed)
    halo = [effects.withStroke(linewidth=1.6, foreground="white")]
    for text, start, end in zip(texts, place, moved, strict=True):
        if np.abs(end - start).max() > pixels:
            ax.plot(*np.transpose(back([start, end])), color=INK, lw=0.4, zorder=2)
        x, y = back(end)
        ax.text(x, y, text, ha="center", va="center", fontsize=fontsize, color=INK, path_effects=halo, zorder=3)


def apart(
    place: NDArray, boxes: NDArray, frame: NDArray, *, fixed: NDArray | None = None, rounds: int = 300
) -> NDArray:
    """Push overlapping boxes apart, along the side on which they overlap least, inside the frame.

    Parameters
    ----------
    place, boxes
        Middle and size of each box, shape `(n_boxes, 2)`.
    frame
        Two corners.
    fixed
        Boxes that push and do not move: middle and size, shape `(n_fixed, 4)`.
    rounds
        Most rounds of pushing.
    """
    fixed = np.empty((0, 4)) if fixed is None else fixed
    moved = place + np.arange(len(place))[:, None] * 1e-3  # equal places part, too
    size = np.vstack([boxes, fixed[:, 2:]])
    for _ in range(rounds):
        gap = moved[:, None] - np.vstack([moved, fixed[:, :2]])[None]
        overlap = (boxes[:, None] + size[None]) / 2 - np.abs(gap)
        hit = (overlap > 0).all(axis=2)
        np.fill_diagonal(hit, False)
        if not hit.any():
            break
        along = overlap.argmin(axis=2)[..., None] == np.arange(2)
        push = np.where(hit[..., None] & along, np.where(gap < 0, -1, 1) * overlap, 0)
        moved = np.clip(moved + 0.3 * push.sum(axis=1), frame[0] + boxes / 2, frame[1] - boxes / 2)
    return moved
