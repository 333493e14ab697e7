import numpy as np
import pytest
from scipy.linalg import sqrtm

from crosstie.anchors import link_evidence
from crosstie.anchors.link_evidence import link_maps, matrix_root


def case(n_cells=400, n_components=6, n_columns=4, seed=0):
    """Components of two views, centred, their covariances, and maps to linked columns."""
    rng = np.random.default_rng(seed)
    components = [rng.normal(size=(n_cells, n_components)) * np.arange(n_components, 0, -1) for _ in range(2)]
    components = [x - x.mean(0) for x in components]
    maps = [rng.normal(size=(n_components, n_columns)) for _ in range(2)]
    return components, maps, [x.T @ x / n_cells for x in components]


def columns(x, maps, covariances, shrinkage):
    return [side @ a for side, a in zip(x, link_maps(*maps, *covariances, shrinkage=shrinkage), strict=True)]


def test_no_shrinkage_leaves_no_correlation():
    for z in columns(*case(), shrinkage=0):
        np.testing.assert_allclose(z.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(np.cov(z.T, bias=True), np.eye(4), atol=1e-4)


def test_full_shrinkage_only_scales():
    x, maps, covariances = case()
    for z, side, a in zip(columns(x, maps, covariances, 1), x, maps, strict=True):
        np.testing.assert_allclose(z, side @ a / (side @ a).std(0), atol=1e-4)


@pytest.mark.parametrize("shrinkage", [0.1, 0.3, 0.9])
def test_against_the_formula(shrinkage):
    x, maps, covariances = case()
    for z, side, a in zip(columns(x, maps, covariances, shrinkage), x, maps, strict=True):
        plain = side @ a
        correlation = (1 - shrinkage) * np.corrcoef(plain.T) + shrinkage * np.eye(4)
        np.testing.assert_allclose(z, plain / plain.std(0) @ np.linalg.inv(np.real(sqrtm(correlation))), atol=1e-3)
        assert z.shape == plain.shape


def test_units_of_columns_do_not_matter():
    x, maps, covariances = case()
    other = columns(x, [maps[0] * [1, 10, 0.1, 5], maps[1]], covariances, 0.3)
    np.testing.assert_allclose(other[0], columns(x, maps, covariances, 0.3)[0], atol=1e-3)


def test_order_of_columns_does_not_matter():
    x, maps, covariances = case()
    order = [3, 0, 2, 1]
    other = columns(x, [a[:, order] for a in maps], covariances, 0.3)
    for z, w in zip(columns(x, maps, covariances, 0.3), other, strict=True):
        np.testing.assert_allclose(w, z[:, order], atol=1e-3)


@pytest.mark.parametrize("shrinkage", [0.0, 0.3])
def test_empty_and_repeated_columns_stay_finite(shrinkage):
    x, maps, covariances = case()
    maps = [np.column_stack([a, a[:, 0], np.zeros(6)]) for a in maps]
    for z in columns(x, maps, covariances, shrinkage):
        assert np.isfinite(z).all()
        np.testing.assert_allclose(z[:, -1], 0, atol=1e-6)
        np.testing.assert_allclose(z[:, 0], z[:, 4], atol=2e-2)


def test_one_column():
    x, maps, covariances = case(n_columns=1)
    for z in columns(x, maps, covariances, 0.3):
        assert z.shape == (400, 1)
        assert z.std() == pytest.approx(1, abs=1e-4)


def test_more_columns_than_wanted(monkeypatch):
    """Many columns become leading directions; what of them the components hold is all there still."""
    monkeypatch.setattr(link_evidence, "MAX_COLUMNS", 6)
    x, maps, covariances = case(n_cells=2000, n_columns=40)
    shared = np.random.default_rng(1).normal(size=(6, 40))
    x = [x[0], x[0]]
    maps, covariances = [shared, shared], [covariances[0]] * 2
    z, w = columns(x, maps, covariances, 0.0)
    assert z.shape == (2000, 6)
    np.testing.assert_allclose(z, w, atol=1e-3)
    np.testing.assert_allclose(np.cov(z.T, bias=True), np.eye(6), atol=1e-3)


def test_root():
    covariance = case()[2][0]
    np.testing.assert_allclose(matrix_root(covariance), np.real(sqrtm(covariance)), atol=1e-6)
    flat = covariance * np.outer([1, 1, 0, 0, 1, 1], [1, 1, 0, 0, 1, 1])  # no spread in two directions
    np.testing.assert_allclose(matrix_root(flat) @ matrix_root(flat), flat, atol=1e-6)
