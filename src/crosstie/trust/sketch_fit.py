"""Refits of a model's closed form on sketches: with other links, other cells, or half of the counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from crosstie._typing import Array, Edge, Floats, Index, Labels
from crosstie.anchors import ClosedForm, Refinement, fit_closed_form
from crosstie.links.linked_columns import column_maps, link_recipes, projections, readings, shared_rows
from crosstie.model.model import Model

SKETCH = 1024  # cells of a view in a sketch; each round then matches one sketch only
MOST_PAIRS = 512  # shared cells of an edge in a sketch

Columns = Mapping[Edge, tuple[Floats, Floats]]


@dataclass(frozen=True)
class Problem:
    """What the closed form of a model was fitted on.

    Parameters
    ----------
    components
        Of all cells of each view, shape `(n_cells, n_components)`.
    columns
        Maps from components to linked columns of each edge.
    pairs
        Row numbers of shared cells of the edges that have some.
    batches
        Batch of each cell, for views with batches.
    rows
        Row numbers of the cells of each view that are fitted: a sketch.
    settings
        Of the closed form.
    """

    components: Mapping[str, Array]
    columns: Columns
    pairs: Mapping[Edge, tuple[Index, Index]]
    batches: Mapping[str, Labels]
    rows: Mapping[str, Index]
    settings: Refinement

    @classmethod
    def of(cls, model: Model, *, seed: int) -> Problem:
        """Take the problem from a fitted model that has its data."""
        components = {name: model.recipes[name].transform(view.loaded) for name, view in model.views.items()}
        beside = link_recipes(model.linkage, model.link_views, seed=seed)
        read = readings(model.recipes, beside, model.link_views, components)
        columns = column_maps(projections(model.linkage, model.recipes | beside), read)
        batches = model.batches
        pairs = shared_rows(model.linkage, model.cells)
        rng = np.random.default_rng([seed, 1])
        rows = sketch_rows({name: len(x) for name, x in components.items()}, pairs, rng)
        return cls(components, columns, pairs, batches, rows, model.config.refinement)

    def fit(
        self,
        *,
        columns: Columns | None = None,
        pairs: Mapping[Edge, tuple[Index, Index]] | None = None,
        rows: Mapping[str, Index] | None = None,
        seed: int = 0,
    ) -> Fit:
        """Fit the closed form to the sketch.

        Parameters
        ----------
        columns, pairs, rows
            In place of the problem's; pairs of cells that are not among the rows are left out.
        seed
            Of the batches' clusters.
        """
        rows = self.rows if rows is None else rows
        position = {name: _positions(len(self.components[name]), r) for name, r in rows.items()}
        known = {}
        for (a, b), (i, j) in (self.pairs if pairs is None else pairs).items():
            both = position[a][i], position[b][j]
            there = (both[0] >= 0) & (both[1] >= 0)
            if there.any():
                known[a, b] = both[0][there], both[1][there]
        closed = fit_closed_form(
            {name: self.components[name][r] for name, r in rows.items()},
            self.columns if columns is None else columns,
            self.settings,
            pairs=known,
            batches={name: batch[rows[name]] for name, batch in self.batches.items()},
            seed=seed,
        )
        return Fit(self, closed)


@dataclass(frozen=True)
class Fit:
    """A fitted closed form that places cells before the pull, so that views do not influence each other."""

    problem: Problem
    closed: ClosedForm

    def place(self, view: str, rows: Index | None = None, components: Array | None = None) -> Array:
        """Return unit-length coordinates of some or all cells of a view, shape `(n_cells, n_latent)`.

        Parameters
        ----------
        view
            Name of the view.
        rows
            Row numbers of the cells; `None` for all.
        components
            Component scores to use for these cells instead of the problem's.
        """
        x = self.problem.components[view] if components is None else components
        x = x if rows is None else x[rows]
        z = self.closed.raw(view, x)
        batch = self.problem.batches.get(view)
        if self.closed.offsets is not None and batch is not None:
            z = self.closed.offsets.corrected(view, z, batch if rows is None else batch[rows])
        return z


def sketch_rows(
    sizes: Mapping[str, int], pairs: Mapping[Edge, tuple[Index, Index]], rng: np.random.Generator, n: int = SKETCH
) -> dict[str, Index]:
    """Return the rows of each view to fit: all, or `n` at random, keeping shared cells with their partners.

    Parameters
    ----------
    sizes
        Number of cells of each view.
    pairs
        Row numbers of shared cells.
    rng
        Random generator.
    n
        Maximum number of cells of a view; a few more if it shares cells with several others.
    """
    chosen: dict[str, list[Index]] = {name: [] for name in sizes}
    for (a, b), (i, j) in pairs.items():
        if max(sizes[a], sizes[b]) > n:
            some = rng.choice(len(i), min(len(i), MOST_PAIRS), replace=False)
            chosen[a].append(i[some])
            chosen[b].append(j[some])
    out = {}
    for name, size in sizes.items():
        if size <= n:
            out[name] = np.arange(size)
            continue
        first = np.unique(np.concatenate(chosen[name])) if chosen[name] else np.empty(0, np.int64)
        rest = np.setdiff1d(np.arange(size), first)
        more = rng.choice(rest, min(len(rest), max(0, n - len(first))), replace=False)
        out[name] = np.sort(np.concatenate([first, more]))
    return out


def without_share(rows: Mapping[str, Index], share: float, rng: np.random.Generator) -> dict[str, Index]:
    """Return the rows of each view after removing a random share of them."""
    return {
        name: np.sort(rng.choice(r, max(2, len(r) - round(share * len(r))), replace=False)) for name, r in rows.items()
    }


def permuted(columns: Columns, rng: np.random.Generator) -> dict[Edge, tuple[Floats, Floats]]:
    """Return the columns of every edge with those of the target permuted: random links."""
    return {edge: (source, target[:, rng.permutation(target.shape[1])]) for edge, (source, target) in columns.items()}


def _positions(n: int, rows: Index) -> Index:
    out = np.full(n, -1)
    out[rows] = np.arange(len(rows))
    return out
