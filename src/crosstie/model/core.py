"""The core: the cells of large views that a model is fitted on. All others are placed through what was fitted.

Matching looks at sketches of some thousand cells, and preprocessing has settled long before a view has a million.
So whatever grows faster than reading the cells once is done on the core alone, in memory.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from crosstie._log import log
from crosstie._typing import Edge, Floats, Index, Labels
from crosstie.anchors import Anchors
from crosstie.links.linkage import Linkage
from crosstie.model.fit_model import Work, fit_whole
from crosstie.model.placement import Cells, place

if TYPE_CHECKING:
    from crosstie.model.model import Model

OF_BATCH = 100  # cells of each batch that are in the core, however small its share


def core_rows(
    sizes: Mapping[str, int],
    n_core: int,
    *,
    pairs: Mapping[Edge, tuple[Index, Index]],
    batches: Mapping[str, Labels],
    seed: int,
) -> dict[str, Index]:
    """Return the rows of each view that a model is fitted on, rising; nothing where no view has more than `n_core`.

    Cells are drawn at random, so that the core has the mixture of the view, but shared cells come first, with their
    partners, up to half of the core, and then 100 cells of every batch.

    Parameters
    ----------
    sizes
        Number of cells of each view.
    n_core
        Largest number of cells of a view in the core.
    pairs
        Row numbers of shared cells of the edges that have some.
    batches
        Batch of each cell, for views with batches.
    seed
        Of the draw.
    """
    if max(sizes.values()) <= n_core:
        return {}
    rng = np.random.default_rng([seed, 4])
    rank: dict[str, Floats] = {view: rng.random(n) for view, n in sizes.items()}
    for view, batch in batches.items():
        code = np.unique(np.asarray(batch, dtype=str), return_inverse=True)[1]
        order = np.lexsort((rank[view], code))
        starts = np.flatnonzero(np.diff(code[order], prepend=-1))
        within = np.arange(len(code)) - np.repeat(starts, np.diff([*starts, len(code)]))
        rank[view][order[within < OF_BATCH]] -= 1
    for (a, b), (i, j) in pairs.items():
        first = np.argsort(rank[a][i], kind="stable")[: n_core // 2]
        rank[a][i[first]] = rank[b][j[first]] = np.linspace(-3, -2, len(first), endpoint=False)
    return {view: np.sort(np.argsort(r, kind="stable")[:n_core]) for view, r in rank.items()}


def restricted(model: Model, rows: Mapping[str, Index]) -> Model:
    """Return a model of some cells of every view, in memory, fitted if the model is.

    Parameters
    ----------
    model
        Not changed.
    rows
        Row numbers of each view, rising.
    """
    out = copy.copy(model)
    out.core_rows, out.fitted_core = {}, None
    out.views = {name: view.subset(rows[name]) for name, view in model.views.items()}
    out.link_views = {name: view.subset(rows[name]) for name, view in model.link_views.items()}
    out.obs = {name: obs.iloc[rows[name]] for name, obs in model.obs.items()}
    cells = out.cells
    paired = [
        replace(link, cells=link.cells[link.cells["source"].isin(cells[a]) & link.cells["target"].isin(cells[b])])
        for link in model.linkage.paired
        for a, b in [link.edge]
    ]
    out.linkage = Linkage(model.linkage.views, model.linkage.links, tuple(link for link in paired if len(link.cells)))
    out.latents = {name: z[rows[name]] for name, z in model.latents.items()}
    out.anchors = {
        (a, b): Anchors(np.searchsorted(rows[a], found.source), np.searchsorted(rows[b], found.target), found.weight)
        for (a, b), found in model.anchors.items()
    }
    return out


def fit_model(model: Model, rows: Mapping[str, Index], work: Work) -> None:
    """Fit a model on all its cells; or on its core, and place all cells through that.

    Parameters
    ----------
    model
        Of views and links.
    rows
        Rows of the core in each view, as from `core_rows`; none: all cells.
    work
        How.
    """
    if not rows:
        fit_whole(model, work)
        return
    core = None if work.kept is None else work.kept.core(type(model))
    if core is None:
        parts = ", ".join(f"{len(rows[name]):,} of {view.n_cells:,} of {name}" for name, view in model.views.items())
        log.info("fitting on a core of the cells (%s); the others are placed through it.", parts)
        core = restricted(model, rows)
        fit_whole(core, work)
        if work.kept is not None:
            work.kept.keep_core(core)
    _adopt(model, core, rows)
    encoder, batches = model.encoder(), model.batches
    model.latents = {
        name: place(encoder, Cells(name, view.matrix, view.values), batches.get(name), pool=work.pool, parts=work.kept)
        for name, view in model.views.items()
    }


def _adopt(model: Model, core: Model, rows: Mapping[str, Index]) -> None:
    """Give a model what was fitted on its core; its own cells are yet to be placed."""
    model.core_rows, model.fitted_core = dict(rows), core if core.views else None
    for fitted in ("recipes", "closed_form", "offsets", "input_scale", "networks", "decoders", "history"):
        setattr(model, fitted, getattr(core, fitted))
    model.anchors = {
        (a, b): Anchors(rows[a][found.source], rows[b][found.target], found.weight)
        for (a, b), found in core.anchors.items()
    }
