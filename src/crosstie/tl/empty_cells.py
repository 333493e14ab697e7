"""Cells without a single count: they lie where the map puts nothing, so their neighbours tell nothing about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crosstie._log import log
from crosstie._typing import Mask
from crosstie.data.stored import Stored

if TYPE_CHECKING:
    from crosstie.model.model import Model

NEAR = 1e-5  # relative distance that rounding alone explains; cells with counts are at distances of about 1
LEAST_LATENT = 3  # in fewer directions, cells with counts may lie there by chance


def empty_cells(model: Model, view: str) -> Mask:
    """Return which cells of a view have no count in any used feature, shape `(n_cells,)`.

    Counted in the data, if they are in memory. Otherwise found by their coordinates: cells without counts lie where the
    map places a cell of zeros. Where zero is a value like any other (CLR, dsb), no cell is empty.
    """
    recipe, z = model.recipes[view], model.latents[view]
    if recipe.values == "any":
        return np.zeros(len(z), bool)
    if view in model.views and not isinstance(matrix := model.views[view].matrix, Stored):
        used = np.zeros(len(recipe.features), np.float32)
        used[recipe.kept] = 1
        return np.asarray(matrix @ used <= 0)
    if z.shape[1] < LEAST_LATENT:
        return np.zeros(len(z), bool)
    nothing = np.zeros((1, len(recipe.features)), np.float32)
    if view in model.like:
        batch = np.full(len(z), view)
    elif view in model.batch_keys and model.offsets is not None:
        batch = model.obs[view][model.batch_keys[view]].astype(str).to_numpy()
    else:
        batch = None
    found = np.zeros(len(z), bool)
    for one in [None] if batch is None else np.unique(batch):
        place = model.map.encode(view, nothing, None if one is None else np.array([one]))
        there = np.linalg.norm(z - place, axis=1) <= NEAR * np.linalg.norm(place)
        found |= there if one is None else there & (batch == one)
    return found


def warn_of_empty(model: Model, view: str, *, what: str, so: str) -> Mask:
    """Return which cells of a view are empty, as `empty_cells` does; if any is, warn how many, and what follows."""
    empty = empty_cells(model, view)
    if empty.any():
        log.warning(
            "%s: %s of %s cells of %s have no count: %s.", what, f"{empty.sum():,}", f"{len(empty):,}", view, so
        )
    return empty
