"""A fit on all cells, in memory: recipes, closed form, training where the settings ask for it, anchors, decoders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crosstie._extras import require
from crosstie._threads import few_threads
from crosstie._typing import Edge, Floats, Tick
from crosstie.anchors import Anchors, find, fit_closed_form
from crosstie.anchors.linear import linear_fit
from crosstie.data import Recipe
from crosstie.links.linked_columns import column_maps, link_recipes, linked_features, projections, readings, shared_rows
from crosstie.model.placement import Pool
from crosstie.model.resume import Progress
from crosstie.model.workers import Ranks

if TYPE_CHECKING:
    from crosstie.model.model import Model


@dataclass(frozen=True)
class Work:
    """How a fit is done, as `Model.fit` takes it.

    Parameters
    ----------
    seed, device, progress, pool
        As there.
    kept
        What is done so far, and kept; `None` where nothing is.
    """

    seed: int
    device: str = "auto"
    progress: Tick | None = None
    pool: Pool | None = None
    kept: Progress | None = None


def fit_whole(model: Model, work: Work) -> None:
    """Fit a model on all its cells."""
    config, views = model.config, model.views
    if config.training == "full":
        require("train", 'fit: training networks (training="full")')
    n_cells = max(view.n_cells for view in views.values())
    pairs = shared_rows(model.linkage, model.cells)
    with few_threads(n_cells):
        model.recipes = {
            # What links read in a view stays, whatever its variance.
            name: Recipe.fit(
                view,
                keep=set() if name in model.link_views else linked_features(model.linkage, name),
                n_components=config.n_components,
                seed=work.seed,
            )
            for name, view in views.items()
        }
        components = {name: model.recipes[name].transform(view.loaded) for name, view in views.items()}
        beside = link_recipes(model.linkage, model.link_views, seed=work.seed)
        edges = projections(model.linkage, model.recipes | beside)
        columns: dict[Edge, tuple[Floats, Floats]] = {}
        if config.needs_closed_form:
            columns = column_maps(edges, readings(model.recipes, beside, model.link_views, components))
            form = model.closed_form = fit_closed_form(
                components, columns, config.refinement, pairs=pairs, batches=model.batches, seed=work.seed
            )
            model.offsets = form.offsets
            model.latents = {name: form.coordinates(name, x, model.batches.get(name)) for name, x in components.items()}

    def anchors(edges: Iterable[Edge]) -> dict[Edge, Anchors]:
        """Return the anchors of edges: shared cells are their own, the others are found among the rest."""
        z, k = model.latents, config.n_neighbors
        return {(a, b): find(z[a], z[b], k=k, known=pairs.get((a, b))) for a, b in edges}

    if config.training == "full":
        from crosstie.training.trained import train

        train(
            model,
            components,
            edges,
            columns,
            beside,
            anchors=anchors(edges) if model.latents else {},
            seed=work.seed,
            device=work.device,
            progress=work.progress,
            group=work.pool if isinstance(work.pool, Ranks) else None,
            state=None if work.kept is None else work.kept.training,
        )
    with few_threads(n_cells):
        model.anchors = anchors(edges)
        model.decoders = {name: linear_fit(model.latents[name], x) for name, x in components.items()}
