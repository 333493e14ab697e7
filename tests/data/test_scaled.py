import numpy as np
import pytest

from crosstie.data.scaled import Scaled, column_sums, moments, principal_components
from data.conftest import counts


@pytest.fixture
def scaled(kind):
    """A scaled matrix, implicit and written out in float64."""
    x = np.delete(counts(), 3, axis=1).astype(np.float64)
    mean, std = x.mean(0), x.std(0)
    return Scaled(kind(x.astype(np.float32)), mean, std), (x - mean) / std


def test_moments(kind):
    x = counts()
    mean, std = moments(kind(x))
    assert mean.dtype == std.dtype == np.float64
    np.testing.assert_allclose(mean, x.astype(float).mean(0))
    np.testing.assert_allclose(std, x.astype(float).std(0), atol=1e-12)
    assert std[3] == 0


def test_moments_leave_the_matrix_alone(kind):
    x = kind(counts())
    moments(x)
    assert abs(x - kind(counts())).sum() == 0


def test_constant_feature_has_no_spread(kind):
    x = np.full((5000, 2), 0.1, np.float32)
    x[:, 1] = 1000.3
    np.testing.assert_allclose(moments(kind(x))[1], 0, atol=1e-9)


def test_sums_are_exact_beyond_float32(kind):
    x = np.ones((40, 1), np.float32)
    x[0] = 2.0**24
    assert column_sums(kind(x)) == 2**24 + 39


def test_products(scaled):
    implicit, written = scaled
    rng = np.random.default_rng(1)
    right, left = rng.normal(size=(29, 4)), rng.normal(size=(80, 4))
    assert implicit.shape == written.shape
    np.testing.assert_allclose(implicit @ right, written @ right, atol=1e-4)
    np.testing.assert_allclose(implicit.transposed(left), written.T @ left, atol=1e-4)
    assert (implicit @ right).dtype == implicit.transposed(left).dtype == np.float32


@pytest.mark.parametrize("n_components", [1, 5, 29])
def test_principal_components(scaled, n_components):
    implicit, written = scaled
    loadings, variance = principal_components(implicit, n_components)
    _, singular, axes = np.linalg.svd(written, full_matrices=False)
    np.testing.assert_allclose(variance, singular[:n_components] ** 2 / len(written), rtol=1e-4)
    np.testing.assert_allclose(loadings.T @ loadings, np.eye(n_components), atol=1e-5)
    cosine = np.abs((loadings * axes[:n_components].T).sum(0))
    np.testing.assert_allclose(cosine, 1, atol=1e-3)
    np.testing.assert_allclose((written @ loadings).var(0), variance, rtol=1e-3)


def test_sign_and_order_of_components(scaled):
    loadings, variance = principal_components(scaled[0], 6)
    assert (loadings[np.abs(loadings).argmax(0), np.arange(6)] > 0).all()
    assert (np.diff(variance) <= 0).all()


def test_seed_hardly_matters(scaled):
    a, b = (principal_components(scaled[0], 3, seed=seed)[0] for seed in (0, 1))
    np.testing.assert_allclose(a, b, atol=1e-3)


def test_wide_matrix():
    x = np.random.default_rng(0).normal(size=(12, 200)).astype(np.float32)
    mean, std = moments(x)
    loadings, variance = principal_components(Scaled(x, mean, std), 11)
    singular = np.linalg.svd((x - mean) / std, compute_uv=False)
    np.testing.assert_allclose(variance, singular[:11] ** 2 / 12, rtol=1e-4)
    assert loadings.shape == (200, 11)
