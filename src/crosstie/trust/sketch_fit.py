"""Refits of a model's closed form on sketches: with other links, other cells, or half of the counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from crosstie._typing import Array, Edge, Floats, Index
from crosstie.anchors import ClosedForm
from crosstie.anchors.agreement import matched_correlations
from crosstie.model.closed_form_problem import ClosedFormProblem
from crosstie.model.model import Model

SKETCH = 1024  # cells of a view in a sketch; each round then matches one sketch only
MOST_PAIRS = 512  # shared cells of an edge in a sketch


@dataclass(frozen=True)
class Sketch:
    """Some cells of each view, to which a model's closed form is fitted again.

    Parameters
    ----------
    problem
        What the closed form of the model was fitted to.
    rows
        Row numbers of the cells of each view that are fitted.
    """

    problem: ClosedFormProblem
    rows: Mapping[str, Index]

    @classmethod
    def of(cls, model: Model, *, seed: int) -> Sketch:
        """Draw the cells of a fitted model that has its data."""
        problem = ClosedFormProblem.of(model.inputs, model.recipes, model.config.refinement, seed=seed)
        rng = np.random.default_rng([seed, 1])
        sizes = {name: len(x) for name, x in problem.components.items()}
        return cls(problem, sketch_rows(sizes, problem.pairs, rng))

    def smaller(self, n: int, *, seed: int) -> Sketch:
        """Return a sketch with at most `n` of the cells of each view, shared cells with their partners."""
        sizes = {name: len(x) for name, x in self.problem.components.items()}
        return Sketch(self.problem, sketch_rows(sizes, self.problem.pairs, np.random.default_rng([seed, 4]), n))

    def without_learned(self) -> Sketch:
        """Return the sketch without columns learned from a reference, on edges that have others: these are judged."""
        own = {edge: np.flatnonzero(group == 0) for edge, group in self.problem.groups.items()}
        return Sketch(self.problem.with_columns({edge: stay for edge, stay in own.items() if len(stay)}), self.rows)

    def fit(
        self,
        *,
        stay: Mapping[Edge, Index] | None = None,
        pairs: Mapping[Edge, tuple[Index, Index]] | None = None,
        rows: Mapping[str, Index] | None = None,
        seed: int = 0,
    ) -> Fit:
        """Fit the closed form to the sketch; pairs and rows stand in for its own, `stay` says which columns stay."""
        rows = self.rows if rows is None else rows
        problem = self.problem if stay is None else self.problem.with_columns(stay)
        return Fit(self, problem.fit(pairs=pairs, rows=rows, seed=seed))


@dataclass(frozen=True)
class Fit:
    """A fitted closed form that places cells before the pull, so that views do not influence each other."""

    sketch: Sketch
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
            Component scores of these cells to use instead of the problem's.
        """
        x = components
        if x is None:
            x = self.sketch.problem.components[view]
            x = x if rows is None else x[rows]
        z = self.closed.raw(view, x)
        batch = self.sketch.problem.batches.get(view)
        if self.closed.offsets is not None and batch is not None:
            z = self.closed.offsets.corrected(view, z, batch if rows is None else batch[rows])
        return z

    def correlations(self, edge: Edge, source: Floats, target: Floats) -> Floats:
        """Return the correlation of columns of one view with columns of the other across matched cells of the sketch.

        Parameters
        ----------
        edge
            Names of the two views.
        source, target
            Maps from components to the columns of each view, shapes `(n_components, n_source)` and
            `(n_components, n_target)`.
        """
        rows, settings = self.sketch.rows, self.sketch.problem.settings
        x, y = (self.sketch.problem.components[view][rows[view]] for view in edge)
        z = [self.place(view, rows[view]) for view in edge]
        return matched_correlations(
            z[0], z[1], x @ source, y @ target, entropy=settings.entropy, balance=settings.balance
        )


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
