import numpy as np
import pytest

from crosstie.tl.neighbourhood import votes, weighted_neighbours
from crosstie.tl.temperature import best_temperature, returned_votes, tempered


def test_what_returns_is_the_naive_two_steps():
    """A cell's own vote is taken out of what target cells tell it."""
    rng = np.random.default_rng(0)
    a, b, code = rng.normal(size=(30, 3)), rng.normal(size=(25, 3)), rng.integers(3, size=30)
    a, b = a.astype(np.float32), b.astype(np.float32)
    row, weight = weighted_neighbours(a, b, 6)
    found, labels = returned_votes(a, b, code, row, weight, votes(row, weight, code, 3), 5)
    asked, trust = weighted_neighbours(b, a, 5)
    expected = np.zeros((30, 3))
    for cell in range(30):
        for t, w in zip(asked[cell], trust[cell], strict=True):
            for voter, v in zip(row[t], weight[t], strict=True):
                if voter != cell:
                    expected[cell, code[voter]] += w * v
    expected /= expected.sum(1, keepdims=True)
    assert labels.tolist() == code.tolist()
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.0])
def test_the_temperature_is_recovered(temperature):
    rng = np.random.default_rng(0)
    said = rng.dirichlet(np.full(4, 0.7), size=20000)
    true = tempered(said, temperature)
    code = (rng.random(len(true))[:, None] > np.cumsum(true, axis=1)).sum(1)
    assert best_temperature(said, code) == pytest.approx(temperature, rel=0.05)


def test_without_a_choice_nothing_is_tempered():
    assert best_temperature(np.ones((5, 1)), np.zeros(5, int)) == 1
    assert best_temperature(np.ones((0, 3)), np.zeros(0, int)) == 1
