"""What linked features can tell apart at all: how far apart the cells are that look alike in them."""

from __future__ import annotations

import numpy as np

from crosstie._typing import Array, Edge, Floats
from crosstie.anchors.linear import damping_factor, unit_rows
from crosstie.anchors.link_evidence import link_maps
from crosstie.model.closed_form_problem import ClosedFormProblem
from crosstie.trust.match_stability import moved

MOST, N_NEAR = 1024, 10


def resolution(own: Array, linked: Floats, *, seed: int = 0) -> float:
    """Return how far apart, in a view's own coordinates, the cells are that its linked columns take for neighbours.

    Parameters
    ----------
    own
        The view's own coordinates, shape `(n_cells, d)`.
    linked
        Whitened linked columns of the cells, shape `(n_cells, n_columns)`.
    seed
        Seed of the sample of at most 1,024 cells.

    Returns
    -------
    The mean share of the view that is nearer: 0 if the links tell apart all that the view does, 0.5 if they tell
    nothing.
    """
    n = len(own)
    some = np.arange(n) if n <= MOST else np.sort(np.random.default_rng([seed, 5]).choice(n, MOST, replace=False))
    x = linked[some] - linked[some].mean(0)
    if x.shape[1] > 2:  # the length of one or two columns is most of what they tell
        x = unit_rows(x)
    alike = moved((x, x), (own[some], own[some]), k=N_NEAR)  # the first of them is the cell itself
    return float(min(alike.mean() * N_NEAR / (N_NEAR - 1), 0.5))


def resolutions(problem: ClosedFormProblem, edge: Edge, *, seed: int = 0) -> tuple[float, float]:
    """Return the resolution of an edge's linked columns in its source and in its target view; see `resolution`."""
    centred = [problem.components[view] - problem.components[view].mean(0) for view in edge]
    covariance = [(x.T @ x / len(x)).astype(np.float64) for x in centred]
    source, target = problem.columns[edge]
    blocks = link_maps(source, target, *covariance, shrinkage=problem.settings.link_shrinkage)
    own = [unit_rows(x * damping_factor(x, problem.settings.damping)) for x in centred]
    found = [resolution(z, x @ b, seed=seed) for z, x, b in zip(own, centred, blocks, strict=True)]
    return found[0], found[1]
