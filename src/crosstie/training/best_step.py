"""The step of a training that agrees best with the links, found without labels and without known pairs.

The loss does not tell it: while critics and encoders compete, labels of cells and the order of cells within a type get
better and worse at different steps (docs/benchmarks.md).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from crosstie._typing import Array, Floats, Index
from crosstie.anchors.linear import unit_rows
from crosstie.config import Config
from crosstie.training.networks import Networks
from crosstie.training.problem import Problem

MAX_CELLS = 1500
N_ALIKE = 10


def link_rank(z: Floats, w: Floats, x: Floats, y: Floats) -> float:
    """Return how far cells with similar linked columns are apart, in ranks of the other view's cells.

    Of each cell, the ten cells of the other view with the most similar linked columns (cosine) are taken, and the share
    of the other view's cells that are strictly nearer than each of them; averaged over cells and both directions.

    Parameters
    ----------
    z, w
        Common coordinates of two views, shapes `(n_source, d)` and `(n_target, d)`.
    x, y
        Linked columns of the same cells, shapes `(n_source, n_columns)` and `(n_target, n_columns)`.

    Returns
    -------
    Mean share, in [0, 1]: lower is better, 0.5 is chance.
    """
    distance = (z**2).sum(1)[:, None] + (w**2).sum(1) - 2 * z @ w.T
    alike = unit_rows(x) @ unit_rows(y).T
    return (_rank(distance, _most(alike)) + _rank(distance.T, _most(alike.T))) / 2


class Best(nn.Module):
    """The weights of the step with the lowest `link_rank`; as a module, so that checkpoints hold them.

    Parameters
    ----------
    net
        The networks that are trained.
    problem, config
        The training data, and the settings; unless these say `keep="best"`, nothing is looked at.
    """

    def __init__(self, net: Networks, problem: Problem, config: Config) -> None:
        super().__init__()
        self.problem, self.unit, self.on = problem, config.latent_norm == "unit", config.keep == "best"
        rng = np.random.default_rng(0)
        self.rows: dict[str, Index] = {
            view: rng.permutation(len(x))[:MAX_CELLS] for view, x in problem.inputs.items() if self.on
        }
        copies = [weight.detach().clone() for weight in net.parameters()] if self.on else []
        self.weights = nn.ParameterList(nn.Parameter(weight, requires_grad=False) for weight in copies)
        self.lowest = nn.Parameter(torch.tensor(float("inf")), requires_grad=False)

    @torch.no_grad()
    def look(self, net: Networks) -> dict[str, float]:
        """Keep the weights if they are the best so far; return the figure by its name in the history."""
        if not self.on:
            return {}
        z: dict[str, Array] = {}
        for view, rows in self.rows.items():
            z[view] = net.encode_array(view, self.problem.inputs[view][rows])
            z[view] = unit_rows(z[view]) if self.unit else z[view]
        found = [
            link_rank(z[a], z[b], x[self.rows[a]], y[self.rows[b]]) for (a, b), (x, y) in self.problem.linked.items()
        ]
        value = float(np.float32(np.mean(found)))  # as `lowest` stores it
        if value < float(self.lowest):
            self.lowest.fill_(value)
            for kept, weight in zip(self.weights, net.parameters(), strict=True):
                kept.copy_(weight)
        return {"link_rank": value}

    @torch.no_grad()
    def keep(self, net: Networks) -> None:
        """Give the networks the best weights."""
        for kept, weight in zip(self.weights, net.parameters(), strict=self.on):
            weight.copy_(kept)


def _most(alike: Floats) -> Index:
    """Return the positions of the largest values of every row, in any order."""
    k = min(N_ALIKE, alike.shape[1])
    found: Index = np.argpartition(-alike, k - 1, axis=1)[:, :k]
    return found


def _rank(distance: Floats, columns: Index) -> float:
    """Return the mean over rows and their columns of the share of smaller values in the row."""
    there = np.take_along_axis(distance, columns, 1)
    return float(np.mean([(distance < one[:, None]).mean() for one in there.T]))
