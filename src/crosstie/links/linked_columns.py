"""From links to linear maps from the components of a view to linked columns: what each edge compares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import value_error
from crosstie._typing import Array, Edge, Floats, Index
from crosstie.data import Recipe, View
from crosstie.links.link import Link
from crosstie.links.linkage import Linkage

Projection: TypeAlias = sp.csr_array


def linked_features(linkage: Linkage, view: str) -> set[str]:
    """Return the names of a view's features that some link uses; those of learned links are taken as they come."""
    return {
        feature
        for link in linkage.links
        if link.origin != "reference"
        for side, name in zip(("source", "target"), link.edge, strict=True)
        if name == view
        for feature in link.pairs[side]
    }


def projections(linkage: Linkage, recipes: Mapping[str, Recipe]) -> dict[Edge, tuple[Projection, Projection]]:
    """Return the maps from used features to the linked columns of every edge, with its links side by side.

    Parameters
    ----------
    linkage
        The links.
    recipes
        Recipe of what the links read of each view.

    Returns
    -------
    Maps of shape `(n_features, n_columns)`; without columns for an edge that only shares cells.

    Raises
    ------
    ValueError
        If a link has no pair whose features are both used.
    """
    found: dict[Edge, list[tuple[Projection, Projection]]] = {edge: [] for edge in linkage.edges}
    for given in linkage.links:
        link = given if given.edge in found else given.reversed()
        found[link.edge].append(_used(link, recipes))
    empty = {view: sp.csr_array((len(recipe.names), 0)) for view, recipe in recipes.items()}
    return {
        (a, b): (
            sp.hstack([empty[a], *(s for s, _ in parts)], "csr"),
            sp.hstack([empty[b], *(t for _, t in parts)], "csr"),
        )
        for (a, b), parts in found.items()
    }


def column_groups(linkage: Linkage, recipes: Mapping[str, Recipe]) -> dict[Edge, Index]:
    """Return the group of each linked column of every edge: 0, or 1 if it was learned from a reference.

    The groups are scaled apart, so that many learned columns do not dilute a few links by name.
    """
    found: dict[Edge, list[Index]] = {edge: [np.empty(0, np.int64)] for edge in linkage.edges}
    for given in linkage.links:
        link = given if given.edge in found else given.reversed()
        n_columns = link.restricted(*(recipes[view].names for view in link.edge)).n_columns
        found[link.edge].append(np.full(n_columns, int(link.origin == "reference")))
    return {edge: np.concatenate(parts) for edge, parts in found.items()}


def column_names(linkage: Linkage, edge: Edge, recipes: Mapping[str, Recipe]) -> list[tuple[str, str]]:
    """Return the features of every linked column of an edge, in the order of `projections`, joined by `+`."""
    out: list[tuple[str, str]] = []
    for given in linkage.links:
        link = given if given.edge == edge else given.reversed()
        if link.edge != edge:
            continue
        used = link.restricted(*(recipes[view].names for view in edge)).pairs
        for _, rows in used.groupby("column", sort=True):
            out.append(("+".join(rows["source"].astype(str).unique()), "+".join(rows["target"].astype(str).unique())))
    return out


def column_maps(
    projections: Mapping[Edge, tuple[Projection, Projection]], readings: Mapping[str, Floats]
) -> dict[Edge, tuple[Floats, Floats]]:
    """Return the maps from components to linked columns of every edge, shape `(n_components, n_columns)`.

    Parameters
    ----------
    projections
        From features to columns.
    readings
        How the features that links read are reconstructed from the components of each view, shape
        `(n_features, n_components)`.
    """
    return {(a, b): ((p.T @ readings[a]).T, (q.T @ readings[b]).T) for (a, b), (p, q) in projections.items()}


def reading(recipe: Recipe, view: View, components: Array) -> Floats:
    """Return how components reconstruct the features of another matrix of the same cells, by ridge regression.

    Parameters
    ----------
    recipe
        Recipe of the other matrix.
    view
        The other matrix.
    components
        Shape `(n_cells, n_components)`.

    Returns
    -------
    Coefficients, shape `(n_features, n_components)`; for the matrix the components come from, these are its loadings.
    """
    centred = components - components.mean(0)
    gram = (centred.T @ centred).astype(np.float64)
    gram[np.diag_indices_from(gram)] += 1e-6 * np.trace(gram) / len(gram)
    coefficients: Floats = np.linalg.solve(gram, recipe.scaled(view.loaded).transposed(centred).T).T
    return coefficients


def link_recipes(linkage: Linkage, link_views: Mapping[str, View], *, seed: int) -> dict[str, Recipe]:
    """Return the recipes of the matrices that links read instead of the views' own."""
    return {
        name: Recipe.fit(view, keep=linked_features(linkage, name), n_components=2, seed=seed)
        for name, view in link_views.items()
    }


def readings(
    recipes: Mapping[str, Recipe],
    link_recipes: Mapping[str, Recipe],
    link_views: Mapping[str, View],
    components: Mapping[str, Array],
) -> dict[str, Floats]:
    """Return how the features that links read are reconstructed from components, by view; see `column_maps`."""
    own: dict[str, Floats] = {name: recipe.loadings for name, recipe in recipes.items()}
    return own | {name: reading(recipe, link_views[name], components[name]) for name, recipe in link_recipes.items()}


def shared_rows(linkage: Linkage, cells: Mapping[str, pd.Index]) -> dict[Edge, tuple[Index, Index]]:
    """Return the row numbers of the shared cells of every edge that has any, combined over its links.

    Raises
    ------
    ValueError
        If two links give a cell two partners in one view.
    """
    edges = linkage.edges
    out: dict[Edge, tuple[Index, Index]] = {}
    for given in linkage.paired:
        link = given if given.edge in edges else given.reversed()
        a, b = link.edge
        rows = np.stack(link.rows(cells[a], cells[b]))
        if (a, b) in out:
            rows = np.unique(np.hstack([np.stack(out[a, b]), rows]), axis=1)
            if any(len(np.unique(side)) < len(side) for side in rows):
                raise value_error(f"paired links of {a} and {b} contradict each other: a cell has two partners.")
        out[a, b] = rows[0], rows[1]
    return out


def _used(link: Link, recipes: Mapping[str, Recipe]) -> tuple[Projection, Projection]:
    names = [recipes[view].names for view in link.edge]
    used = link.restricted(*names)
    if not len(used.pairs):
        raise value_error(
            f"link {link}: none of its {len(link.pairs):,} pairs has features that vary on both sides.",
            do="Look at link.report and at the data, or link other features.",
        )
    return used.projections(*names)
