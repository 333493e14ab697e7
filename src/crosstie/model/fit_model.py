"""The only place that fits: recipes, closed form, training where the settings ask for it, anchors, decoders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from crosstie._extras import require
from crosstie._files import claimed
from crosstie._log import log
from crosstie._ranks import Group
from crosstie._threads import few_threads
from crosstie._typing import Array, Edge, Index, Tick
from crosstie.anchors import Anchors, ClosedForm, find
from crosstie.anchors.linear import linear_fit
from crosstie.config import Config
from crosstie.data import Recipe
from crosstie.data.blocks import Blocks
from crosstie.data.canonical_order import canonical_order
from crosstie.links.linked_columns import link_recipes, projections, shared_rows
from crosstie.model.closed_form_problem import ClosedFormProblem
from crosstie.model.core import cell_ranks, core_rows
from crosstie.model.fitted import Fitted
from crosstie.model.inputs import Inputs
from crosstie.model.latent_map import LatentMap
from crosstie.model.linked_blocks import fit_blocks
from crosstie.model.placement import CellReader, Pool, place
from crosstie.model.recipes import fit_recipes, set_aside
from crosstie.model.resume import ResumeFolder
from crosstie.training.device import on_device


@dataclass(frozen=True)
class Work:
    """Settings, seed and workers of a fit; see `Model.fit`.

    Parameters
    ----------
    config
        Settings.
    seed, device, progress, pool
        As in `Model.fit`.
    kept
        Where finished parts are kept for a run that may be interrupted; `None` keeps nothing.
    """

    config: Config
    seed: int = 0
    device: str = "auto"
    progress: Tick | None = None
    pool: Pool | None = None
    kept: ResumeFolder | None = None


def fit_model(inputs: Inputs, work: Work, *, resume: str | Path | None = None) -> Fitted:
    """Fit all cells, or a core of them through which all are then placed.

    Parameters
    ----------
    inputs
        Views with their data, and links.
    work
        Settings, seed and workers.
    resume
        Folder for the progress of fits that train or place a large view; removed at the end.
    """
    with on_device(work.device):
        return _kept_or_fitted(inputs, work, resume)


def _kept_or_fitted(inputs: Inputs, work: Work, resume: str | Path | None) -> Fitted:
    cells, pairs = inputs.cells, shared_rows(inputs.linkage, inputs.cells)
    ranks = {n: cell_ranks(cells[n], f"{work.seed} {v.modality} {v.n_features}") for n, v in inputs.views.items()}
    rows = core_rows(ranks, work.config.n_core, pairs=pairs, batches=inputs.batches)
    if resume is None or not (rows or work.config.training == "full"):
        return _fit(inputs, rows, work)
    with claimed(Path(resume).resolve()):
        kept = ResumeFolder(resume, inputs, work.config, work.seed)
        fitted = _fit(inputs, rows, replace(work, kept=kept))
        kept.remove()
        return fitted


def _fit(inputs: Inputs, rows: Mapping[str, Index], work: Work) -> Fitted:
    if not rows:
        return _fit_whole(inputs, work)
    core = None if work.kept is None else work.kept.core()
    if core is None:
        parts = ", ".join(f"{len(rows[name]):,} of {view.n_cells:,} of {name}" for name, view in inputs.views.items())
        log.info("fitting on a core of the cells (%s); the others are placed through it.", parts)
        inside = inputs.subset(rows)
        core = inside, _fit_whole(inside, work)
        if work.kept is not None:
            work.kept.keep_core(*core)
    found, batches = core[1], inputs.batches
    latents = {
        name: place(
            found.map, CellReader(name, view.matrix, view.values), batches.get(name), pool=work.pool, parts=work.kept
        )
        for name, view in inputs.views.items()
    }
    anchors = {
        (a, b): Anchors(rows[a][pairs.source], rows[b][pairs.target], pairs.weight)
        for (a, b), pairs in found.anchors.items()
    }
    return Fitted(
        found.map, latents, anchors, found.history, dict(rows), found.disagreement, core if core[0].views else None
    )


def _fit_whole(inputs: Inputs, work: Work) -> Fitted:
    """Fit all cells, in memory, in an order that their contents decide; the result is in the order of the inputs."""
    order = {name: canonical_order(view.loaded, set_aside(view)) for name, view in inputs.views.items()}
    return _fit_sorted(inputs.subset(order), work).restored(order)


def _fit_sorted(inputs: Inputs, work: Work) -> Fitted:
    config, batches = work.config, inputs.batches
    if config.training == "full":
        require("train", 'fit: training networks (training="full")')
    n_cells = max(view.n_cells for view in inputs.views.values())
    pairs = shared_rows(inputs.linkage, inputs.cells)
    form: ClosedForm | None = None
    latents: dict[str, Array] = {}
    problem: ClosedFormProblem | None = None
    with few_threads(n_cells):
        fits = fit_recipes(inputs, config, work.seed)
        recipes = {name: recipe for name, (recipe, _) in fits.items()}
        components = {name: scores for name, (_, scores) in fits.items()}
        if config.needs_closed_form:
            problem = ClosedFormProblem.of(inputs, recipes, config.refinement, components=components, seed=work.seed)
            form = problem.fit(seed=work.seed)
            latents = {name: form.coordinates(name, x, batches.get(name)) for name, x in components.items()}

    def anchors(edges: Iterable[Edge]) -> dict[Edge, Anchors]:
        """Return the anchors of edges: shared cells are their own, the others are found among the rest."""
        k = config.n_neighbors
        return {(a, b): find(latents[a], latents[b], k=k, known=pairs.get((a, b))) for a, b in edges}

    edges = tuple(inputs.linkage.edges)
    history, trained = pd.DataFrame(), None
    if config.training == "full":
        from crosstie.training.trained import TrainingData, train

        blocks: Mapping[str, Blocks] = {}
        linked: Mapping[Edge, tuple[Array, Array]] = {}
        if config.features == "linked apart":
            blocks, linked = fit_blocks(inputs, recipes, work.seed)
        elif config.anchor_scope == "batch" or config.keep == "best":
            linked = _linked(inputs, recipes, work.seed)
        data = TrainingData(
            views=inputs.views,
            recipes=recipes,
            components=components,
            closed_form=form,
            edges=edges,
            columns={} if problem is None else problem.columns,
            linked=linked,
            anchors=anchors(edges) if latents else {},
            batches=batches,
            blocks=blocks,
        )
        trained, history, coordinates = train(
            config,
            data,
            seed=work.seed,
            device=work.device,
            progress=work.progress,
            group=work.pool if isinstance(work.pool, Group) else None,
            state=None if work.kept is None else work.kept.training,
        )
        if trained is not None:
            latents, form = coordinates, None if form is None else replace(form, offsets=None)
    with few_threads(n_cells):
        found = anchors(edges)
        decoders = {name: linear_fit(latents[name], x) for name, x in components.items()}
        own = latents if form is None or trained is not None else form.reference
        told = problem.disagreements(latents, own) if problem is not None else {}
    return Fitted(LatentMap(config, recipes, form, trained, decoders), latents, found, history, disagreement=told)


def _linked(inputs: Inputs, recipes: Mapping[str, Recipe], seed: int) -> dict[Edge, tuple[Array, Array]]:
    """Return the linked columns of the two sides of every edge."""
    read = {**recipes, **link_recipes(inputs.linkage, inputs.link_views, seed=seed)}
    data = {**inputs.views, **inputs.link_views}
    dense = {name: recipe.scale(data[name].loaded) for name, recipe in read.items()}
    return {
        (a, b): ((dense[a] @ p).astype("float32"), (dense[b] @ q).astype("float32"))
        for (a, b), (p, q) in projections(inputs.linkage, read).items()
    }
