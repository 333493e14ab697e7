"""Linked features side by side: a gene and its protein on the map, and their distributions in each class of cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from crosstie._errors import check_integer, sample, unknown_name, value_error
from crosstie._labels import in_natural_order, means_missing
from crosstie._typing import Floats, Index
from crosstie.links.linked_columns import link_recipes
from crosstie.pl.embedding import bare, dot_area
from crosstie.pl.joint_umap import joint_umap
from crosstie.pl.palette import INK, palette

if TYPE_CHECKING:
    from crosstie.model.model import Model

_PANEL = 2.1  # inches
_CLASSES = 14  # with distributions; the most frequent ones


@dataclass(frozen=True)
class Column:
    """Linked features that count as one, with their values in the drawn cells.

    Parameters
    ----------
    names
        Of the source's and of the target's features.
    values
        Mean of the features of either side, normalised, shapes `(n_source,)` and `(n_target,)`.
    agreement
        Pearson's correlation of both sides over the anchors.
    """

    names: tuple[str, str]
    values: tuple[Floats, Floats]
    agreement: float


def linked(
    model: Model,
    source: str,
    target: str,
    *,
    features: Sequence[str] | None = None,
    n: int = 4,
    labels: Mapping[str, Any] | None = None,
    coords: Mapping[str, ArrayLike] | None = None,
    rows: Mapping[str, Index] | None = None,
    title: str | None = None,
) -> NDArray[Any]:
    """Draw linked features beside each other, such as a gene in RNA cells and its protein in the others.

    A row per link: the source's feature on the map of its cells, the target's feature on the map of its own, and, with
    labels, the distribution of both in each class. Where the views are integrated well, both are high in one place.

    Parameters
    ----------
    model
        A fitted model with its data.
    source, target
        Two linked views.
    features
        Features of either view whose links are drawn, in this order. `None` takes the `n` links whose sides agree best
        over the anchors.
    n
        Number of links drawn where `features` is `None`.
    labels
        Labels of cells, own or transferred, shape `(n_cells,)`, per view.
    coords
        Two coordinates per cell, per view; `None` computes :func:`joint_umap` of the model.
    rows
        Row numbers of the cells that `coords` and `labels` are of, ascending, per view; `None` means all cells.
    title
        Title of the plot.

    Returns
    -------
    The axes, shape `(n_links, 3)`, or `(n_links, 2)` without labels.

    Raises
    ------
    KeyError
        If a view does not exist or a feature has no link.
    ValueError
        If the model has no data, or no features of the views are linked.
    """
    check_integer("linked: n", n, least=1, name="n")
    latents = {view: model.embed(view) for view in (source, target)}
    if not model.views:
        raise value_error("linked: this model was loaded without its data.", do="Use model.with_data(data).")
    rows = dict(rows or {view: np.arange(len(z)) for view, z in latents.items()})
    coords = joint_umap({view: z[rows[view]] for view, z in latents.items()}) if coords is None else coords
    columns = _columns(model, source, target, rows)
    chosen = _best(columns, n) if features is None else [_column_of(columns, name) for name in features]
    n_panels = 2 if not labels else 3
    ratios = [1.0, 1.0, 1.9][:n_panels]
    longest = max((len(_short(name)) for name in _classes(labels, (source, target))), default=0) if labels else 0
    size = (_PANEL * sum(ratios), _PANEL * len(chosen) + 0.3 + 0.05 * longest)
    figure, axes = plt.subplots(
        len(chosen), n_panels, figsize=size, dpi=150, layout="constrained", squeeze=False, width_ratios=ratios
    )
    for line, column in zip(axes, chosen, strict=True):
        for ax, view, name, values in zip(line, (source, target), column.names, column.values, strict=False):
            _panel(ax, np.asarray(coords[view], dtype=float), values)
            ax.set_title(f"{_short(name)}, {view}", fontsize=8, loc="left")
        if labels:
            _distributions(line[2], column, (source, target), labels)
    if labels:
        for ax in axes[:-1, 2]:
            ax.set_xticklabels([])
        _legend(axes[0, 2], (source, target))
    if title:
        figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    return axes


def _panel(ax: Axes, xy: Floats, values: Floats) -> None:
    """Draw a feature on the map, with high values on top."""
    order = np.argsort(values, kind="stable")
    x, y = xy[order].T
    shown, size = np.clip(_scaled(values)[order], 0, 1), dot_area(len(xy), _PANEL)
    ax.scatter(x, y, c=shown, cmap="viridis", vmin=0, vmax=1, s=size, linewidths=0, rasterized=True)
    bare(ax, "")
    ax.set(xlabel="", ylabel="")


def _scaled(values: Floats) -> Floats:
    """Return values in units of their 99 % quantile."""
    return values / (float(np.quantile(values, 0.99)) or float(values.max()) or 1.0)


def _legend(ax: Axes, views: tuple[str, str]) -> None:
    handles = [Patch(color=colour) for colour in palette(2)]
    ax.legend(handles, views, fontsize=7, frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))


def _columns(model: Model, source: str, target: str, rows: Mapping[str, Index]) -> list[Column]:
    """Return every linked column between two views, with its values in some cells."""
    links = [
        x if x.edge == (source, target) else x.reversed() for x in model.linkage.links if {*x.edge} == {source, target}
    ]
    if not links:
        edges = sample(f"{a} – {b}" for a, b in (link.edge for link in model.linkage.links))
        raise value_error(f"linked: {source} and {target} share no linked features.", found=f"linked are {edges}")
    read = {**model.recipes, **link_recipes(model.linkage, model.link_views, seed=0)}
    views = {**model.views, **model.link_views}
    recipes = [read[view] for view in (source, target)]
    normal = [
        recipe.log_normalize(views[view].subset(np.asarray(rows[view])).loaded)
        for view, recipe in zip((source, target), recipes, strict=True)
    ]
    near = _anchor_rows(model, source, target, rows)
    found = []
    for link in links:
        used = link.restricted(recipes[0].names, recipes[1].names)
        sides = [x @ p for x, p in zip(normal, used.projections(recipes[0].names, recipes[1].names), strict=True)]
        dense = [np.asarray(x.todense() if hasattr(x, "todense") else x, dtype=float) for x in sides]
        for i, (_, pairs) in enumerate(used.pairs.groupby("column", sort=True)):
            names = tuple("/".join(map(str, pairs[side].unique())) for side in ("source", "target"))
            values = (dense[0][:, i], dense[1][:, i])
            found.append(Column(names, values, _correlation(values[0][near[0]], values[1][near[1]])))  # type: ignore[arg-type]
    return found


def _anchor_rows(model: Model, source: str, target: str, rows: Mapping[str, Index]) -> tuple[Index, Index]:
    """Return the anchors between the drawn cells, as positions among these."""
    edge = (source, target) if (source, target) in model.anchors else (target, source)
    found = model.anchors.get(edge)
    if found is None:
        return np.array([], np.int64), np.array([], np.int64)
    ends = (found.source, found.target) if edge[0] == source else (found.target, found.source)
    at = [pd.Index(rows[view]).get_indexer(pd.Index(end)) for view, end in zip((source, target), ends, strict=True)]
    both = (at[0] >= 0) & (at[1] >= 0)
    return at[0][both], at[1][both]


def _correlation(x: Floats, y: Floats) -> float:
    if len(x) < 3 or x.std() == 0 or y.std() == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def _best(columns: Sequence[Column], n: int) -> list[Column]:
    return sorted(columns, key=lambda column: -column.agreement)[:n]


def _column_of(columns: Sequence[Column], feature: str) -> Column:
    for column in columns:
        if any(feature in name.split("/") for name in column.names):
            return column
    known = dict.fromkeys(part for column in columns for name in column.names for part in name.split("/"))
    raise unknown_name("linked: a linked feature", feature, known)


def _short(name: str) -> str:
    return name if len(name) <= 22 else name[:21] + "…"


def _classes(labels: Mapping[str, Any], views: tuple[str, str]) -> list[str]:
    """Return the most frequent labels of both views."""
    own = [np.asarray(labels[view], dtype=object) for view in views if view in labels]
    names = pd.Series(np.concatenate(own), dtype=object).dropna().astype(str)
    counts = names[~names.map(means_missing)].value_counts()
    return in_natural_order(counts.index[:_CLASSES])


def _distributions(ax: Axes, column: Column, views: tuple[str, str], labels: Mapping[str, Any]) -> None:
    """Draw half a violin per class and side; both sides are scaled to their 99 % quantile."""
    own = [np.asarray(labels[view], dtype=object).astype(str) if view in labels else np.array([]) for view in views]
    classes = _classes(labels, views)
    for side, (label, values, colour) in enumerate(zip(own, column.values, palette(2), strict=True)):
        shown = np.clip(_scaled(values), None, 1.1)
        for i, cls in enumerate(classes):
            mine = shown[label == cls] if len(label) else np.array([])
            if len(mine) < 3:
                continue
            bodies: Any = ax.violinplot(mine, [i], widths=0.9, showextrema=False)["bodies"]
            shape = bodies[0]
            shape.set(facecolor=colour, alpha=0.9, linewidth=0)
            corners = shape.get_paths()[0].vertices
            corners[:, 0] = np.minimum(corners[:, 0], i) if side == 0 else np.maximum(corners[:, 0], i)
            middle = float(np.median(mine))
            ax.plot([i - 0.3, i] if side == 0 else [i, i + 0.3], [middle] * 2, color=INK, lw=0.8)
    long = max(map(len, classes), default=0) * len(classes) > 45
    ax.set_xticks(range(len(classes)), [_short(name) for name in classes], fontsize=6, rotation=90 if long else 0)
    ax.set_yticks([])
    ax.set_ylabel(f"r = {column.agreement:.2f} over anchors", fontsize=7)
    ax.tick_params(length=0)
    ax.spines[["top", "right"]].set_visible(False)
