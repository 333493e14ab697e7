"""From arrays to trained networks: what a fit does where its settings say `training="full"`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crosstie._errors import message
from crosstie._log import log
from crosstie._typing import Array, Edge, Floats, Labels, Mask, Matrix, Tick
from crosstie.anchors import Anchors, ClosedForm
from crosstie.anchors.batch_offsets import Offsets
from crosstie.anchors.linear import input_scale, unit_rows
from crosstie.config import Config
from crosstie.data import Recipe, View
from crosstie.data.blocks import Blocks
from crosstie.training.fallback import what_fell
from crosstie.training.problem import Problem

if TYPE_CHECKING:
    from crosstie._ranks import Group
    from crosstie.training.networks import Networks


@dataclass(frozen=True)
class Trained:
    """Trained networks, and what belongs to them.

    Parameters
    ----------
    networks
        Encoders and decoders of all views.
    input_scale
        Factors of each view's components, shape `(n_components,)`; empty where networks do not start at a closed form.
    offsets
        What is subtracted from the coordinates of each batch; `None` without batches.
    blocks
        Preprocessing of each view where linked features are normalised apart; empty elsewhere.
    """

    networks: Networks
    input_scale: Mapping[str, Array]
    offsets: Offsets | None
    blocks: Mapping[str, Blocks] = field(default_factory=dict)

    def inputs(
        self,
        config: Config,
        view: str,
        recipe: Recipe,
        matrix: Matrix,
        components: Array,
        closed_form: ClosedForm | None,
        absent: Mask | None = None,
    ) -> Array:
        """Return what the networks read of cells: blocks of features, or see `network_inputs`."""
        if view in self.blocks:
            return self.blocks[view].scale(recipe, matrix, absent=absent)
        return network_inputs(config, view, recipe, matrix, components, closed_form, self.input_scale, absent)

    def raw(self, config: Config, view: str, inputs: Array) -> Array:
        """Return the coordinates that the network of a view gives, before batches are corrected."""
        return _normed(config, self.networks.encode_array(view, inputs))


def network_inputs(
    config: Config,
    view: str,
    recipe: Recipe,
    matrix: Matrix,
    components: Array,
    closed_form: ClosedForm | None,
    scale: Mapping[str, Array],
    absent: Mask | None = None,
) -> Array:
    """Return what the networks read: scaled features or components, shape `(n_cells, n_inputs)`.

    Parameters
    ----------
    config
        Settings; `features` chooses between the two.
    view, recipe
        The view, and its preprocessing.
    matrix, components
        Cells × features of the recipe, and component scores of the same cells.
    closed_form, scale
        Whose means are subtracted from components, and the factors of these by view; without a closed form components
        are scaled to unit mean square.
    absent
        Features that were not measured.
    """
    if config.features == "features":
        return recipe.scale(matrix, absent=absent)
    if closed_form is None:
        return components / np.sqrt(recipe.variance.mean(), dtype=np.float32)
    return (components - closed_form.mean[view]) * scale[view]


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """What networks are trained on.

    Parameters
    ----------
    views, recipes, components
        Data of each view, their preprocessing, and their principal component scores.
    closed_form
        Where the networks start; `None` if the settings need none.
    edges
        The linked pairs of views.
    columns
        Maps from components to linked columns of each edge; empty without a closed form.
    linked
        Linked columns of the two sides of every edge, where anchors are found in minibatches.
    anchors
        Anchors of each edge, in the coordinates of the closed form; empty without one.
    batches
        Batch of each cell, for views with batches.
    blocks
        Preprocessing of each view where linked features are normalised apart; empty elsewhere.
    """

    views: Mapping[str, View]
    recipes: Mapping[str, Recipe]
    components: Mapping[str, Array]
    closed_form: ClosedForm | None
    edges: tuple[Edge, ...]
    columns: Mapping[Edge, tuple[Floats, Floats]]
    linked: Mapping[Edge, tuple[Array, Array]]
    anchors: Mapping[Edge, Anchors]
    batches: Mapping[str, Labels]
    blocks: Mapping[str, Blocks] = field(default_factory=dict)

    def problem(self, config: Config, scale: Mapping[str, Array]) -> Problem:
        """Return the problem of the training loop, with components scaled by these factors."""
        inputs = {
            name: self.blocks[name].scale(self.recipes[name], view.loaded)
            if name in self.blocks
            else network_inputs(
                config, name, self.recipes[name], view.loaded, self.components[name], self.closed_form, scale
            )
            for name, view in self.views.items()
        }
        start: dict[str, tuple[Array, Array]] = {}
        for name, matrix in ({} if self.closed_form is None else self.closed_form.maps).items():
            # Unit mean square of every coordinate, and not of the length: the scale that the terms expect.
            scaled = matrix * np.float32(np.sqrt(config.n_latent)) / scale[name][:, None]
            start[name] = scaled, np.zeros(config.n_latent, np.float32)
        return Problem(
            inputs=inputs,
            edges=self.edges,
            anchors=dict(self.anchors),
            linked=self.linked,
            closed={name: inputs[name] @ matrix + offset for name, (matrix, offset) in start.items()},
            linear=start,
            batches=self.batches,
        )

    def what_fell(self, encoded: Mapping[str, Array]) -> list[str]:
        """Return what trained coordinates do worse than the closed form; nothing without one."""
        form, x = self.closed_form, self.components
        if form is None:
            return []
        linked = {
            (a, b): ((x[a] - form.mean[a]) @ p, (x[b] - form.mean[b]) @ q) for (a, b), (p, q) in self.columns.items()
        }
        return what_fell(encoded, {name: form.raw(name, scores) for name, scores in x.items()}, linked)


def train(
    config: Config,
    data: TrainingData,
    *,
    seed: int,
    device: str,
    progress: Tick | None,
    group: Group | None,
    state: Path | None,
) -> tuple[Trained | None, pd.DataFrame, dict[str, Array]]:
    """Train networks, from the closed form where the settings say so.

    Parameters
    ----------
    config
        Settings.
    data
        What to train on.
    seed, device, progress
        As in `Model.fit`.
    group, state
        As in `crosstie.training.loop.fit`.

    Returns
    -------
    trained
        `None` where training diverged or did not improve on the closed form, and the settings fall back to that; a
        warning says so.
    history
        One row per recorded step.
    latents
        Coordinates of each view's cells; empty where the closed form is kept.
    """
    from crosstie.training.loop import fit

    scale: dict[str, Array] = {}
    if data.closed_form is not None:
        config = replace(config, n_latent=len(next(iter(data.closed_form.maps.values())).T))
        scale = {name: input_scale(x, config.damping) for name, x in data.components.items()}
    problem = data.problem(config, scale)
    falls_back = config.fallback == "closed form" and data.closed_form is not None
    history = pd.DataFrame()
    try:
        networks, history = fit(problem, config, seed=seed, device=device, progress=progress, group=group, state=state)
        encoded = {name: _normed(config, networks.encode_array(name, x)) for name, x in problem.inputs.items()}
        _check_finite(encoded)
    except FloatingPointError as error:
        if not falls_back:
            raise
        log.warning("training failed; keeping the closed form: %s", " ".join(str(error).split()))
        return None, history, {}
    if falls_back and (fell := data.what_fell(encoded)):
        log.warning("training did not improve on the closed form; keeping the closed form: %s.", "; ".join(fell))
        return None, history, {}
    offsets, batches = _offsets(config, encoded, data.batches, seed), data.batches
    latents = {
        name: offsets.corrected(name, z, batches[name]) if offsets is not None and name in batches else z
        for name, z in encoded.items()
    }
    return Trained(networks, scale, offsets, data.blocks), history, latents


def _normed(config: Config, z: Array) -> Array:
    return unit_rows(z) if config.latent_norm == "unit" else z


def _check_finite(encoded: Mapping[str, Array]) -> None:
    """Raise if coordinates are not finite: the losses after the very last step are never checked."""
    for name, z in encoded.items():
        if not np.isfinite(z).all():
            what = f"training: the coordinates of {name} are not finite."
            raise FloatingPointError(message(what, do="Lower learning_rate."))


def _offsets(config: Config, latents: Mapping[str, Array], batches: Mapping[str, Labels], seed: int) -> Offsets | None:
    if not batches:
        return None
    if config.latent_norm == "none":
        log.warning("batches are not corrected: latent_norm='none' gives coordinates without a common length.")
        return None
    return Offsets.fit(latents, batches, seed=seed)
