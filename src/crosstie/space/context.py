"""What the tissue around a cell says about it: how frequent each label is among its neighbours."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from crosstie._log import log
from crosstie._typing import Array, Floats

N_ROUNDS = 4
WEIGHTS = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)  # in neighbours, of the frequencies in the whole view
ERRORS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3)  # shares of labels that say nothing about their cell
LEAST_GAIN = 2.0  # of the log likelihood of all cells, for each of the two numbers that are chosen: Akaike's criterion
SAMPLE = 50_000  # cells on which both numbers are chosen
BLOCK = 100_000  # cells whose neighbours are counted at a time


def in_context(probability: Floats, graph: sp.csr_matrix) -> Floats:
    r"""Return label probabilities that take the frequencies of labels around each cell into account.

    A probability :math:`p_{it}` holds for a cell drawn from the whole view, where label :math:`t` has the frequency
    :math:`\pi_t`. In a part of the tissue with other frequencies :math:`q_{it}`, it is, by Bayes' rule,
    :math:`p'_{it} \propto p_{it}\, q_{it} / \pi_t`. A cell's own signal is not averaged with that of others, so that
    a cell of a rare kind among others keeps its label if it is clear. A share :math:`e` of the labels may say nothing
    about their cell, :math:`p = (1 - e)\,p^0 + e\,\pi`, and the frequencies are

    .. math:: q_{it} = \frac{\sum_{j \in N(i)} p'_{jt} + a \pi_t}{|N(i)| + a}.

    :math:`a` and :math:`e` make the cells most likely, each predicted from its neighbours alone: they maximise
    :math:`\sum_i \log \sum_t p_{it}\, q_{it} / \pi_t`. If that is no better than without neighbours, which gives 0, the
    probabilities are returned as they are: neighbours that agree no more than chance change nothing. This is repeated
    four times with the new :math:`p'`.

    Parameters
    ----------
    probability
        Probability of each label, shape `(n_cells, n_labels)`; rows sum to 1.
    graph
        Neighbours of each cell, as `neighbours` returns them.

    Returns
    -------
    Shape `(n_cells, n_labels)`; rows sum to 1.
    """
    frequency = probability.mean(0)
    if len(probability) < 2 or np.count_nonzero(frequency) < 2:
        return probability
    step = -(-len(probability) // SAMPLE)
    sample = slice(None, None, step)
    found, n_near = probability, np.diff(graph.indptr)[:, None]
    best = (0.0, 0.0, 0.0)
    for _ in range(N_ROUNDS):
        near = _counts(found, graph)
        best = max(_fits(probability[sample], near[sample], n_near[sample], frequency))
        if best[0] * len(probability) <= 2 * LEAST_GAIN:
            log.info("neighbours in the tissue agree no more than chance: labels do not take them into account.")
            return probability
        _, error, weight = best
        found = _evidence(probability, frequency, error) * _around(near, n_near, frequency, weight)
        found /= found.sum(1, keepdims=True)
    log.info("labels take neighbours in the tissue into account (the whole view counts as %g of them).", best[2])
    return found


def _fits(probability: Floats, near: Floats, n_near: Floats, frequency: Floats) -> Iterator[tuple[float, float, float]]:
    """Yield the mean log likelihood of cells given their neighbours, share of errors, and weight of the view."""
    for weight in WEIGHTS:
        around = _around(near, n_near, frequency, weight)
        agreement = np.einsum("ij,ij->i", probability / frequency.clip(1e-12), around)
        for error in ERRORS:  # a label that says nothing agrees as much with any neighbours
            yield float(np.log((1 - error) * agreement + error).mean()), error, weight


def _evidence(probability: Floats, frequency: Floats, error: float) -> Floats:
    """Return the ratio of the probability of each label to its frequency."""
    return (1 - error) * probability / frequency.clip(1e-12) + error


def _around(near: Floats, n_near: Floats, frequency: Floats, weight: float) -> Floats:
    """Return the frequency of labels around each cell."""
    return (near + weight * frequency) / (n_near + weight)


def _counts(values: Floats, graph: sp.csr_matrix) -> Floats:
    """Return the sums of the values of neighbours, block by block: the graph's ones are bytes."""
    out: Array = np.empty(values.shape, np.float64)
    for start in range(0, len(values), BLOCK):
        part = graph[start : start + BLOCK].astype(np.float64)
        out[start : start + BLOCK] = part @ values
    return out
