import numpy as np
import pytest

import oracles
from crosstie.data.variable_features import residual_variance, variable_features
from data.conftest import counts


@pytest.mark.parametrize("chunk", [7, 80, 1000])
def test_residual_variance(kind, chunk):
    x = kind(counts())
    x = x.tocsr() if hasattr(x, "tocsr") else x
    found = residual_variance(x, chunk=chunk)
    expected = oracles.residual_variance(counts().astype(float))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert found[3] == 0


def test_cut_is_at_work():
    x = np.ones((50, 3))
    x[0, 0] = 100_000
    np.testing.assert_allclose(residual_variance(x), oracles.residual_variance(x), rtol=1e-4)


def test_empty_cells_count_as_nothing():
    x = counts()
    x[:5] = 0
    np.testing.assert_allclose(residual_variance(x), oracles.residual_variance(x.astype(float)), rtol=1e-4, atol=1e-6)


def test_noise_has_variance_one():
    x = np.random.default_rng(0).poisson(3, size=(4000, 20)).astype(np.float32)
    np.testing.assert_allclose(residual_variance(x), 1, atol=0.15)


def test_most_variable_features():
    rng = np.random.default_rng(0)
    x = rng.poisson(3, size=(500, 20)).astype(np.float32)
    x[:250, [4, 11]] += rng.poisson(20, size=(250, 2))
    assert np.flatnonzero(variable_features(x, 2)).tolist() == [4, 11]
    assert variable_features(x, 20).all()
    assert variable_features(x, 99).all()


def test_ties_go_to_the_earlier_feature():
    x = np.repeat(counts(n_features=5)[:, :1], 6, axis=1)
    assert np.flatnonzero(variable_features(x, 2)).tolist() == [0, 1]
