"""New cells for a fitted model: read in the fitted features, with their batches, and added as a view of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import InputKeyError, input_error, sample, value_error
from crosstie._log import log
from crosstie._typing import Array, Labels, Mask
from crosstie.anchors import find
from crosstie.anchors.batch_offsets import Offsets
from crosstie.anchors.linear import unit_rows
from crosstie.anchors.unlike_cells import is_unlike
from crosstie.data import Recipe, View
from crosstie.data.stored import Stored
from crosstie.data.values import MAX_LOG
from crosstie.data.view import read_slot
from crosstie.model.fitted import Fitted
from crosstie.model.inputs import Inputs
from crosstie.model.latent_map import LatentMap
from crosstie.model.placement import CellReader, place
from crosstie.space.positions import positions_of

if TYPE_CHECKING:
    from anndata import AnnData

Item = TypeVar("Item")
LEAST_KNOWN = 0.5  # of what places cells, which the features of new cells must tell


def read_cells(adata: AnnData, found: LatentMap, like: str, *, slot: str, name: str | None = None) -> CellReader:
    """Return new cells, to be read in the features of a fitted view.

    Parameters
    ----------
    adata
        New cells; features in any order, others are ignored.
    found, like
        The fitted map, and the view that the cells are like.
    slot
        Where the matrix is.
    name
        Name of the new view, if they become one.

    Returns
    -------
    The cells. If features were not measured, cells are placed by the others, and a warning says what these tell
    (`crosstie.data.absent_features`).

    Raises
    ------
    KeyError
        If the features that are there tell less than half of what places cells.
    """
    view, recipe = name or like, found.recipes[like]
    matrix, features = read_slot(adata, slot, view=view)
    if not matrix.shape[0]:
        raise value_error(f"view {view!r}: there are no cells.", found="0 cells", expected="at least one")
    where = features.get_indexer(recipe.features)
    absent: Mask = where < 0
    if absent.any():
        used = absent[recipe.kept]
        n_there, n_used = int((~used).sum()), len(used)
        known = recipe.without(absent).kept(found.components_to_coordinates(like))
        if known < LEAST_KNOWN:
            what = "Name the features of the new cells like those of the fitted ones"
            instead = "If they are another panel, integrate the data sets on the features that they share"
            raise input_error(
                InputKeyError,
                f"embed {view!r}: only {n_there:,} of the {n_used:,} used features are there.",
                found=f"features such as {sample(features, 3)}, which tell {known:.0%} of what places cells",
                expected=f"at least {LEAST_KNOWN:.0%}, by features such as {sample(recipe.names[used], 3)}",
                do=f"{what}: adata.var_names = ... {instead}.",
                cli={"do": f"{what}. {instead}."},
            )
        if used.any():
            log.warning(
                "embed: %s of %s used features of %s are missing (%s): cells are placed by the others, which tell "
                "%.0f %% of what places them.",
                f"{n_used - n_there:,}",
                f"{n_used:,}",
                view,
                sample(recipe.names[used], 3),
                100 * known,
            )
    same = np.array_equal(where, np.arange(len(features)))
    new = CellReader(view, matrix, recipe.values, None if same else where)
    _check_no_counts(new, recipe)
    return new


def _check_no_counts(new: CellReader, recipe: Recipe) -> None:
    """Raise if new cells hold counts, but the fitted ones values on a log scale, such as CLR.

    Nothing else would tell: counts are finite, and not negative.
    """
    if not (recipe.values == "log" or (recipe.values == "any" and recipe.steps.weigh_by_signal)):
        return
    part = new.rows(*new.bounds()[0])
    values = part.data if sp.issparse(part) else np.asarray(part)
    if values.size and values.max() > MAX_LOG and np.array_equal(values, np.rint(values)):
        raise value_error(
            f"view {new.view!r}: the new cells hold counts, but the view was fitted on values on a log scale.",
            found=f"whole numbers up to {float(values.max()):,.0f}",
            expected=f"values below {MAX_LOG:g}",
            do="Normalise the new cells as the fitted ones were (CLR, dsb, log).",
        )


def batch_of(inputs: Inputs, found: LatentMap, view: str, adata: AnnData) -> Labels | None:
    """Return the batches of new cells, if the view was fitted with batches; warn of what cannot be corrected."""
    if view in found.like:
        return np.full(adata.n_obs, view)
    if view not in inputs.batch_keys or found.offsets is None:
        return None
    key, known = inputs.batch_keys[view], found.offsets.names[view]
    if key not in adata.obs:
        log.warning("embed: the new cells of %s have no obs[%r]: batches are not corrected.", view, key)
        return None
    batch = adata.obs[key].astype(str)
    if not (fitted := batch.isin(known)).all():
        log.warning(
            "embed: %d cells of %s belong to batches that were not fitted: they are not corrected.",
            (~fitted).sum(),
            view,
        )
    return batch.to_numpy()


def extended(inputs: Inputs, fitted: Fitted, query: AnnData, *, like: str, name: str) -> tuple[Inputs, Fitted]:
    """Add one more view: new cells, measured like those of a fitted view, in its latent space.

    Parameters
    ----------
    inputs, fitted
        The two halves of a fitted model; not changed.
    query
        The new cells.
    like
        The fitted view whose recipe, links and map they take.
    name
        Name of the new view.
    """
    if name in fitted.latents:
        raise value_error(f"extend: there is a view {name!r} already.", do="Give another name.")
    found = fitted.map
    recipe = found.recipes[like]
    new = read_cells(query, found, like, slot=inputs.slots[like], name=name)
    cells, values = pd.Index(query.obs_names).astype(str), recipe.values
    batch = pd.Series(name, index=cells)
    matrix = new.matrix if isinstance(new.matrix, Stored) else new.rows(0, len(cells))
    view = View(name, inputs.modalities[like], matrix, recipe.features, cells, values, inputs.slots[like], batch)
    raw = np.concatenate([found.raw(like, new.rows(*bound), new.absent) for bound in new.bounds()])
    partners = [(a, b) for a, b in fitted.anchors if like in (a, b) and not {a, b} & set(found.like)]
    new_edges = [(name, b) if a == like else (a, name) for a, b in partners]
    offsets = _offsets(fitted, like, raw, name)
    form, trained = found.closed_form, found.trained
    if form is not None:
        form = replace(
            form,
            mean={**form.mean, name: form.mean[like]},
            maps={**form.maps, name: form.maps[like]},
            reference={**form.reference, name: offsets.corrected(name, raw, batch.to_numpy())},
            edges=(*form.edges, *new_edges),
            offsets=offsets if trained is None else None,
            extensions=(*form.extensions, name),
        )
    if trained is not None:
        scale, blocks = _with_copy(trained.input_scale, like, name), _with_copy(trained.blocks, like, name)
        trained = replace(trained, input_scale=scale, blocks=blocks, offsets=offsets)
    wider = replace(
        found,
        recipes=_with_copy(found.recipes, like, name),
        closed_form=form,
        trained=trained,
        decoders=_with_copy(found.decoders, like, name),
        like={**found.like, name: found.like.get(like, like)},
    )
    latents = {**fitted.latents, name: place(wider, new, batch.to_numpy())}
    k = found.config.n_neighbors
    anchors = {**fitted.anchors, **{(a, b): find(latents[a], latents[b], k=k) for a, b in new_edges}}
    out = replace(fitted, map=wider, latents=latents, anchors=anchors, core=None)
    positions = positions_of({name: query}) if like in inputs.positions else {}
    return inputs.extended(view, query.obs, like=like, positions=positions), out


def _with_copy(table: Mapping[str, Item], like: str, name: str) -> dict[str, Item]:
    """Return a table by view in which a new view has what `like` has, if it has anything."""
    return {**table, **({name: table[like]} if like in table else {})}


def _offsets(fitted: Fitted, like: str, raw: Array, name: str) -> Offsets:
    """Return the offsets with those of the new cells, which move them to the fitted cells of their kind.

    New cells of one kind that are unlike all fitted cells stay where they are: the biology may set them apart.
    """
    form, known = fitted.map.closed_form, fitted.map.offsets
    if fitted.map.trained is None:
        assert form is not None
        before = form.reference[like]
    else:
        before = unit_rows(fitted.latents[like])
    both = np.concatenate([before, raw])
    batch = np.repeat(["fitted", "new"], [len(before), len(raw)])
    centroids = None if known is None else known.centroids
    found = Offsets.fit({like: both}, {like: batch}, to="fitted", centroids=centroids)
    shift = found.shifts[like][1:]
    if is_unlike(before, raw):
        log.warning(
            "extend: the cells of %s are of one kind, and unlike those of %s: a batch effect and biology cannot be "
            "told apart. Nothing is taken off as a batch effect. Map them together with other cells of their batch.",
            *(name, like),
        )
        shift = np.zeros_like(shift)
    if known is None:
        return Offsets(found.centroids, {name: (name,)}, {name: shift})
    return Offsets(known.centroids, dict(known.names) | {name: (name,)}, dict(known.shifts) | {name: shift})
