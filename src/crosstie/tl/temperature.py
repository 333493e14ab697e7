"""How sharp label probabilities should be: known labels go to the other view and back, and must be likely."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from crosstie._typing import Array, Floats, Index
from crosstie.tl.neighbourhood import neighbour_means, weighted_neighbours

N_CYCLE = 2048  # source cells used to find the temperature
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.5, 3.0
LEAST = 1e-3  # smallest probability before taking logarithms


def returned_votes(
    z_source: Array, z_target: Array, code: Index, row: Index, weight: Array, vote: Floats, k: int
) -> tuple[Floats, Index]:
    """Return the label probabilities that source cells get back, without their own vote, and their true labels.

    Parameters
    ----------
    z_source, z_target
        Coordinates.
    code
        Label of each source cell.
    row, weight
        Source cells that vote on each target cell, and their weights.
    vote
        The resulting votes, shape `(n_target, n_labels)`.
    k
        Number of target cells that a source cell asks.
    """
    step = -(-len(z_source) // N_CYCLE)
    cells = np.arange(0, len(z_source), step)
    asked, trust = weighted_neighbours(z_target, z_source[cells], k)
    back = neighbour_means(asked, trust, vote).astype(np.float64)
    own = np.zeros(len(cells))
    for column in range(asked.shape[1]):  # one target cell each at a time: never cells × k × k
        voters = asked[:, column]
        own += trust[:, column] * np.where(row[voters] == cells[:, None], weight[voters], 0).sum(1)
    back[np.arange(len(cells)), code[cells]] -= own
    left = 1 - own
    told = left > 1e-3  # otherwise only the cell itself voted
    return np.maximum(back[told], 0) / left[told, None], code[cells][told]


def best_temperature(probability: Floats, code: Index) -> float:
    """Return the temperature under which the labels are most likely."""
    if not len(code) or probability.shape[1] < 2:
        return 1.0
    rows = np.arange(len(code))

    def surprise(log_temperature: float) -> float:
        return -float(np.log(tempered(probability, np.exp(log_temperature))[rows, code]).mean())

    bounds = np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE)
    return float(np.exp(minimize_scalar(surprise, bounds=bounds, method="bounded").x))


def tempered(probability: Floats, temperature: float) -> Floats:
    """Return probabilities to the power `1 / temperature`, with rows summing to 1, after clipping at `LEAST`."""
    power = np.maximum(probability, LEAST) ** (1 / temperature)
    return power / power.sum(1, keepdims=True)
