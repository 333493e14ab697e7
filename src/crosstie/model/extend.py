"""Data for a fitted model: new cells in the fitted features, a view of them, and its own data given back."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crosstie._errors import InputKeyError, message, sample, unknown_name, value_error
from crosstie._log import log
from crosstie._typing import Array, Mask
from crosstie.anchors import find
from crosstie.anchors.batch_offsets import Offsets
from crosstie.anchors.linear import unit_rows
from crosstie.data import Recipe, View
from crosstie.data.stored import Stored
from crosstie.data.view import as_mapping, link_view, read_slot
from crosstie.links.linked_columns import linked_features
from crosstie.model.placement import Cells, place

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie._typing import Data
    from crosstie.model.model import Model

MIN_SHARE = 0.5  # of the used features, which new cells must have


def read_cells(adata: AnnData, recipe: Recipe, *, slot: str, view: str) -> Cells:
    """Return new cells, to be read in a recipe's features.

    Parameters
    ----------
    adata
        New cells; features in any order, others are ignored.
    recipe
        Of the view that the cells are like.
    slot, view
        Where the matrix is, and the name of the view.

    Returns
    -------
    The cells; features that were not measured are counted in a warning: the model takes them to be at their mean.

    Raises
    ------
    KeyError
        If less than half of the used features are there.
    """
    matrix, features = read_slot(adata, slot, view=view)
    if not matrix.shape[0]:
        raise value_error(f"view {view!r}: there are no cells.", found="0 cells", expected="at least one")
    where = features.get_indexer(recipe.features)
    absent: Mask = where < 0
    if absent.any():
        used = absent[recipe.kept]
        n_there, n_used = int((~used).sum()), len(used)
        if n_there < MIN_SHARE * n_used:
            raise InputKeyError(
                message(
                    f"embed {view!r}: only {n_there:,} of the {n_used:,} used features are there.",
                    found=f"features such as {sample(features, 3)}",
                    expected=f"features such as {sample(recipe.names[used], 3)}",
                    do="Name the features of the new cells like those of the fitted ones: adata.var_names = ...",
                )
            )
        if used.any():
            missing = sample(recipe.names[used], 3)
            log.warning(
                "embed: %d of %d used features of %s are missing (%s): taken to be at their mean.",
                n_used - n_there,
                n_used,
                view,
                missing,
            )
    same = np.array_equal(where, np.arange(len(features)))
    return Cells(view, matrix, recipe.values, None if same else where)


def extended(model: Model, query: AnnData, *, like: str, name: str) -> Model:
    """Return a model with one more view: new cells, measured like those of a fitted view, in its latent space.

    Parameters
    ----------
    model
        Fitted; not changed.
    query
        The new cells.
    like
        The fitted view whose recipe, links and map they take.
    name
        Of the new view.
    """
    if name in model.latents:
        raise value_error(f"extend: there is a view {name!r} already.", do="Give another name.")
    recipe = model.recipes[like]
    new = read_cells(query, recipe, slot=model.slots[like], view=name)
    cells, values = pd.Index(query.obs_names).astype(str), recipe.values
    batch = pd.Series(name, index=cells)
    matrix = new.matrix if isinstance(new.matrix, Stored) else new.rows(0, len(cells))
    view = View(name, model.modalities[like], matrix, recipe.features, cells, values, model.slots[like], batch)
    out = copy.copy(model)
    for table in ("recipes", "slots", "modalities", "decoders", "input_scale"):
        known = getattr(model, table)
        setattr(out, table, known | ({name: known[like]} if like in known else {}))
    out.fitted_core = None
    out.like = model.like | {name: model.like.get(like, like)}
    out.views = model.views | ({name: view} if model.views else {})
    out.obs = model.obs | {name: query.obs.copy()}
    out.linkage = replace(
        model.linkage,
        views=(*model.linkage.views, name),
        links=(*model.linkage.links, *(link.renamed(like, name) for link in model.linkage.links if like in link.edge)),
    )
    raw = np.concatenate([model._raw(like, new.rows(*bound), new.absent) for bound in new.bounds()])
    offsets = _offsets(model, like, raw, name)
    out.offsets = offsets
    partners = [(a, b) for a, b in model.anchors if like in (a, b) and not {a, b} & set(model.like)]
    new_edges = [(name, b) if a == like else (a, name) for a, b in partners]
    if model.closed_form is not None:
        form = model.closed_form
        out.closed_form = replace(
            form,
            mean=dict(form.mean) | {name: form.mean[like]},
            maps=dict(form.maps) | {name: form.maps[like]},
            reference=dict(form.reference) | {name: offsets.corrected(name, raw, batch.to_numpy())},
            edges=(*form.edges, *new_edges),
            offsets=offsets if model.networks is None else None,
            extensions=(*form.extensions, name),
        )
    out.latents = model.latents | {name: place(out.encoder(), new, batch.to_numpy())}
    k = model.config.n_neighbors
    out.anchors = model.anchors | {(a, b): find(out.latents[a], out.latents[b], k=k) for a, b in new_edges}
    return out


def with_data(model: Model, data: Data, link_data: Mapping[str, AnnData] | None = None) -> Model:
    """Return a loaded model with the data it was fitted on; the model itself stays as it is.

    Raises
    ------
    KeyError
        If a view is lacking.
    ValueError
        If a view has other cells or features than the fitted one.
    """
    named = as_mapping(data)
    views = {}
    for name in model.linkage.views:
        if name not in named:
            raise unknown_name("with_data: view", name, named)
        key = model.batch_keys.get(name)
        view = View.of(name, named[name], modality=model.modalities[name], slot=model.slots[name], batch_key=key)
        view = view.loaded_up_to(model.config.n_core)
        for what, has, fitted in (
            ("cells", view.cells.astype(str), model.cells[name]),
            ("features", view.features, model.recipes[name].features),
        ):
            if list(has) != list(fitted):
                raise value_error(
                    f"with_data: view {name!r} has other {what} than the fitted one, or in another order.",
                    found=f"{len(has):,}: {sample(has, 2)}",
                    expected=f"{len(fitted):,}: {sample(fitted, 2)}",
                    do="Give the data that the model was fitted on.",
                )
        views[name] = view
    out = copy.copy(model)
    out.views, out.fitted_core = views, None
    out.link_views = {name: link_view(views[name], adata) for name, adata in (link_data or {}).items()}
    for name, view in views.items():
        read = out.link_views.get(name, view).features
        lacking = sorted(linked_features(model.linkage, name) - set(read))
        if lacking:
            raise value_error(
                f"with_data: links read features that view {name!r} lacks.",
                found=sample(lacking, 2),
                do=f"Give what the model was fitted with: link_data={{{name!r}: ...}}.",
            )
    return out


def _offsets(model: Model, like: str, raw: Array, name: str) -> Offsets:
    """Return the model's offsets with those of the new cells, which are brought to the fitted cells of their kind."""
    if model.networks is None:
        assert model.closed_form is not None
        fitted = model.closed_form.reference[like]
    else:
        fitted = unit_rows(model.latents[like])
    both = np.concatenate([fitted, raw])
    batch = np.repeat(["fitted", "new"], [len(fitted), len(raw)])
    centroids = None if model.offsets is None else model.offsets.centroids
    found = Offsets.fit({like: both}, {like: batch}, to="fitted", centroids=centroids)
    shift = found.shifts[like][1:]
    if model.offsets is None:
        return Offsets(found.centroids, {name: (name,)}, {name: shift})
    known = model.offsets
    return Offsets(known.centroids, dict(known.names) | {name: (name,)}, dict(known.shifts) | {name: shift})
