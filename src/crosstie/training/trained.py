"""From a model's arrays to trained networks and back: what `fit` of a model does where its settings say `"full"`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crosstie._errors import message
from crosstie._log import log
from crosstie._typing import Array, Edge, Floats
from crosstie.anchors import Anchors
from crosstie.anchors.batch_offsets import Offsets
from crosstie.anchors.linear import input_scale
from crosstie.data import Recipe
from crosstie.links.linked_columns import Projection
from crosstie.training.fallback import what_fell
from crosstie.training.problem import Problem

if TYPE_CHECKING:
    from crosstie._ranks import Group
    from crosstie._typing import Tick
    from crosstie.model.model import Model


def train(
    model: Model,
    components: Mapping[str, Array],
    edges: Mapping[Edge, tuple[Projection, Projection]],
    columns: Mapping[Edge, tuple[Floats, Floats]],
    link_recipes: Mapping[str, Recipe],
    *,
    anchors: Mapping[Edge, Anchors],
    seed: int,
    device: str,
    progress: Tick | None,
    group: Group | None,
    state: Path | None,
) -> None:
    """Train networks, from the closed form where the settings say so, and take their coordinates.

    Where the settings have a fallback and training diverged or lost to its start, the closed form stays, which is said.

    Parameters
    ----------
    model
        With recipes, and with a closed form if its settings need one; gets networks, history and latents.
    components
        Principal components of each view.
    edges, columns
        Maps from features and from components to linked columns.
    link_recipes
        Of the views whose links read another matrix.
    anchors
        Of each edge, in the coordinates of the closed form; none without one.
    seed, device, progress
        As in `Model.fit`.
    group, state
        As in `crosstie.training.loop.fit`.
    """
    from crosstie.training.loop import fit

    config = model.config
    start: dict[str, tuple[Array, Array]] = {}
    if model.closed_form is not None:
        n_latent = len(next(iter(model.closed_form.maps.values())).T)
        config = replace(config, n_latent=n_latent)
        model.input_scale = {name: input_scale(x, config.damping) for name, x in components.items()}
        for name, matrix in model.closed_form.maps.items():
            # Unit mean square of every coordinate, and not of the length: the scale that the terms expect.
            scaled = matrix * np.float32(np.sqrt(n_latent)) / model.input_scale[name][:, None]
            start[name] = scaled, np.zeros(n_latent, np.float32)
    inputs = {name: model._inputs(name, view.loaded, components[name]) for name, view in model.views.items()}
    problem = Problem(
        inputs=inputs,
        edges=tuple(edges),
        anchors=dict(anchors),
        linked=_linked(model, edges, link_recipes) if config.anchor_scope == "batch" else {},
        closed={name: inputs[name] @ matrix + offset for name, (matrix, offset) in start.items()},
        linear=start,
        batches=model.batches,
    )
    falls_back = config.fallback == "closed form" and model.closed_form is not None
    try:
        networks, model.history = fit(
            problem, config, seed=seed, device=device, progress=progress, group=group, state=state
        )
        encoded = {name: model._latent(networks.encode_array(name, x)) for name, x in inputs.items()}
        _check_finite(encoded)
    except FloatingPointError as error:
        if not falls_back:
            raise
        log.warning("training failed, and the closed form is kept: %s", " ".join(str(error).split()))
        model.input_scale = {}
        return
    if falls_back:
        assert model.closed_form is not None
        form = model.closed_form
        linked = {
            (a, b): ((components[a] - form.mean[a]) @ p, (components[b] - form.mean[b]) @ q)
            for (a, b), (p, q) in columns.items()
        }
        raw = {name: form.raw(name, x) for name, x in components.items()}
        if fell := what_fell(encoded, raw, linked):
            log.warning("training lost to the closed form, which is kept: %s.", "; ".join(fell))
            model.input_scale = {}
            return
    model.networks = networks
    model.offsets = _offsets(model, encoded, seed)
    if model.closed_form is not None:
        model.closed_form = replace(model.closed_form, offsets=None)
    batches = model.batches
    model.latents = {name: model._without_batch(name, z, batches.get(name)) for name, z in encoded.items()}


def _check_finite(encoded: Mapping[str, Array]) -> None:
    """Raise if coordinates are not numbers: the last step of all is followed by no look at the losses."""
    for name, z in encoded.items():
        if not np.isfinite(z).all():
            what = f"training: the coordinates of {name} are not finite."
            raise FloatingPointError(message(what, do="Lower learning_rate."))


def _linked(
    model: Model, edges: Mapping[Edge, tuple[Projection, Projection]], link_recipes: Mapping[str, Recipe]
) -> dict[Edge, tuple[Array, Array]]:
    """Return the linked columns of the two sides of every edge."""
    read = model.views | model.link_views
    dense = {name: recipe.scale(read[name].loaded) for name, recipe in (model.recipes | dict(link_recipes)).items()}
    return {
        (a, b): ((dense[a] @ p).astype(np.float32), (dense[b] @ q).astype(np.float32))
        for (a, b), (p, q) in edges.items()
    }


def _offsets(model: Model, latents: Mapping[str, Array], seed: int) -> Offsets | None:
    if not model.batch_keys:
        return None
    if model.config.latent_norm == "none":
        log.warning("batches are not corrected: latent_norm='none' gives coordinates without a common length.")
        return None
    return Offsets.fit(latents, model.batches, seed=seed)
