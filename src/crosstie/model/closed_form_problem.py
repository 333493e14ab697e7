"""What the closed form is fitted to: built once from inputs and recipes, fitted whole or on a sketch of the cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from crosstie._threads import side_by_side
from crosstie._typing import Array, Edge, Floats, Index, Labels
from crosstie.anchors import ClosedForm, Refinement, fit_closed_form
from crosstie.anchors.disagreement import LEAST_COLUMNS, MOST_COLUMNS, disagreement
from crosstie.data import Recipe
from crosstie.links.linked_columns import (
    column_groups,
    column_maps,
    link_recipes,
    projections,
    readings,
    shared_rows,
)
from crosstie.model.inputs import Inputs

Columns = Mapping[Edge, tuple[Floats, Floats]]


@dataclass(frozen=True)
class ClosedFormProblem:
    """The arrays of one closed form.

    Parameters
    ----------
    components
        Principal component scores of each view, shape `(n_cells, n_components)`.
    columns
        Maps from components to the linked columns of each edge, shapes `(n_components, n_columns)`.
    pairs
        Row numbers of the shared cells of the edges that have any.
    batches
        Batch of each cell, for views with batches.
    settings
        Settings of the closed form.
    groups
        Group of each linked column of the edges: 0, or 1 if it was learned from a reference.
    """

    components: Mapping[str, Array]
    columns: Columns
    pairs: Mapping[Edge, tuple[Index, Index]]
    batches: Mapping[str, Labels]
    settings: Refinement
    groups: Mapping[Edge, Index] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        recipes: Mapping[str, Recipe],
        settings: Refinement,
        *,
        components: Mapping[str, Array] | None = None,
        seed: int,
    ) -> ClosedFormProblem:
        """Read components and linked columns from the data.

        Parameters
        ----------
        inputs
            Views with their data.
        recipes
            Fitted preprocessing of each view.
        settings
            Settings of the closed form.
        components
            Component scores of each view, if they are known already.
        seed
            Random seed of the recipes of link data.
        """
        if components is None:
            components = {name: recipes[name].transform(view.loaded) for name, view in inputs.views.items()}
        beside = link_recipes(inputs.linkage, inputs.link_views, seed=seed)
        read = readings(recipes, beside, inputs.link_views, components)
        used = {**recipes, **beside}
        columns = column_maps(projections(inputs.linkage, used), read)
        pairs, groups = shared_rows(inputs.linkage, inputs.cells), column_groups(inputs.linkage, used)
        return cls(components, columns, pairs, inputs.batches, settings, groups)

    def with_columns(self, kept: Mapping[Edge, Index]) -> ClosedFormProblem:
        """Return the problem with only some linked columns, given by position; all of them on edges not named."""
        columns = {e: (p[:, kept[e]], q[:, kept[e]]) if e in kept else (p, q) for e, (p, q) in self.columns.items()}
        groups = {e: group[kept[e]] if e in kept else group for e, group in self.groups.items()}
        return replace(self, columns=columns, groups=groups)

    def disagreements(self, latents: Mapping[str, Array], own: Mapping[str, Array]) -> dict[Edge, Array]:
        """Return how far linked features contradict the matches of every cell, for both directions of the edges.

        Edges with fewer than six linked columns that were not learned have none. See `crosstie.anchors.disagreement`.

        Parameters
        ----------
        latents, own
            Coordinates of each view's cells, common ones and those of the view itself.
        """
        out: dict[Edge, Array] = {}
        for edge, columns in self.columns.items():
            told = np.flatnonzero(self.groups[edge] == 0) if edge in self.groups else np.arange(columns[0].shape[1])
            if len(told) >= LEAST_COLUMNS:
                told = told[:: max(1, len(told) // MOST_COLUMNS)]
                side = {
                    view: (latents[view], self.components[view] @ map_[:, told])
                    for view, map_ in zip(edge, columns, strict=True)
                }

                def seen(way: Edge, side: Mapping[str, tuple[Array, Floats]] = side) -> Array:
                    return disagreement(side[way[0]], side[way[1]], own[way[1]])

                ways, n_rows = (edge, edge[::-1]), max(len(latents[view]) for view in edge)
                out |= dict(zip(ways, side_by_side(seen, ways, n_rows=n_rows), strict=True))
        return out

    def fit(
        self,
        *,
        pairs: Mapping[Edge, tuple[Index, Index]] | None = None,
        rows: Mapping[str, Index] | None = None,
        seed: int = 0,
    ) -> ClosedForm:
        """Fit the closed form.

        Parameters
        ----------
        pairs
            In place of the problem's own.
        rows
            Fit these rows of each view only; pairs that involve other cells are left out. `None` fits all cells.
        seed
            Random seed of the sketches and of the batches' clusters.
        """
        pairs = self.pairs if pairs is None else pairs
        if rows is None:
            return fit_closed_form(
                self.components,
                self.columns,
                self.settings,
                groups=self.groups,
                pairs=pairs,
                batches=self.batches,
                seed=seed,
            )
        return fit_closed_form(
            {name: self.components[name][r] for name, r in rows.items()},
            self.columns,
            self.settings,
            groups=self.groups,
            pairs=_among(pairs, {name: _positions(len(self.components[name]), r) for name, r in rows.items()}),
            batches={name: batch[rows[name]] for name, batch in self.batches.items()},
            seed=seed,
        )


def _among(pairs: Mapping[Edge, tuple[Index, Index]], position: Mapping[str, Index]) -> dict[Edge, tuple[Index, Index]]:
    """Return the pairs of cells that both have a position, by position."""
    known = {}
    for (a, b), (i, j) in pairs.items():
        both = position[a][i], position[b][j]
        there = (both[0] >= 0) & (both[1] >= 0)
        if there.any():
            known[a, b] = both[0][there], both[1][there]
    return known


def _positions(n: int, rows: Index) -> Index:
    """Return the position of each of `n` cells among the chosen rows, -1 for the others."""
    out = np.full(n, -1)
    out[rows] = np.arange(len(rows))
    return out
