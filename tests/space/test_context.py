"""Labels in the light of the tissue: better where neighbours agree, and the same bits where they do not."""

import numpy as np
import pytest

from crosstie.space import Positions, in_context, neighbours
from crosstie.space.context import ERRORS, WEIGHTS


def halves(n=1000, sharpness=1.0, *, structured=True, seed=0):
    """Return unsure probabilities of two labels, the truth, and a graph: each half of the tissue has its label."""
    rng = np.random.default_rng(seed)
    xy = rng.random((n, 2))
    side = (xy[:, 0] > 0.5) if structured else rng.random(n) > 0.5
    truth = np.where(rng.random(n) < 0.9, side, ~side).astype(int)
    signal = sharpness * (2 * truth - 1) + rng.standard_normal(n)
    p = 1 / (1 + np.exp(-2 * sharpness * signal))
    return np.column_stack([1 - p, p]), truth, neighbours(Positions(xy, np.zeros(n, np.int64), ("s",)))


def right(probability, truth):
    return (probability.argmax(1) == truth).mean()


def test_labels_become_better_where_neighbours_agree():
    probability, truth, graph = halves()
    found = in_context(probability, graph)
    assert np.allclose(found.sum(1), 1)
    assert right(found, truth) > right(probability, truth) + 0.04
    # what is sure of itself is not outvoted
    sure = probability.max(1) > 0.999
    assert (found[sure].argmax(1) == probability[sure].argmax(1)).all()


@pytest.mark.parametrize("seed", range(3))
def test_neighbours_that_agree_no_more_than_chance_change_no_bit(seed):
    probability, _, graph = halves(structured=False, seed=seed)
    assert in_context(probability, graph) is probability


def test_one_round_is_bayes_rule(monkeypatch):
    monkeypatch.setattr("crosstie.space.context.N_ROUNDS", 1)
    probability, _, graph = halves(150, seed=1)
    found, near = in_context(probability, graph), graph.toarray().astype(float)
    frequency, best = probability.mean(0), (-np.inf, None)
    for weight in WEIGHTS:
        for error in ERRORS:
            p = (1 - error) * probability + error * frequency
            out, likelihood = np.empty_like(p), 0.0
            for i in range(150):
                q = (near[i] @ probability + weight * frequency) / (near[i].sum() + weight)
                out[i] = p[i] * q / frequency
                likelihood += np.log(out[i].sum())
            if likelihood > best[0] + 1e-9:
                best = likelihood, out / out.sum(1, keepdims=True)
    assert best[0] > 4
    assert np.allclose(found, best[1])


def test_one_cell_and_one_label_are_left_alone():
    probability, _, graph = halves(20)
    assert in_context(np.ones((20, 1)), graph).tolist() == np.ones((20, 1)).tolist()
    assert in_context(probability[:1], graph[:1][:, :1]) is not None
