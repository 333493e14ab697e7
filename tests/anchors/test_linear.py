import numpy as np

from crosstie.anchors.linear import damping_factor, linear_fit, linear_inverse, unit_rows


def test_linear_fit():
    rng = np.random.default_rng(0)
    z, x = rng.normal(size=(60, 4)) + 3, rng.normal(size=(60, 7))
    matrix, offset = linear_fit(z, x, ridge=0)
    expected = np.linalg.lstsq(np.c_[z, np.ones(60)], x, rcond=None)[0]
    np.testing.assert_allclose(np.vstack([matrix, offset]), expected, atol=1e-5)
    constant, offset = linear_fit(np.ones((60, 2), np.float32), x)
    np.testing.assert_allclose(np.ones((1, 2)) @ constant + offset, x.mean(0)[None], atol=1e-5)


def a_map(n_cells=60, n_inputs=9, n_latent=4):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_cells, n_inputs)).astype(np.float32)
    return x, (rng.normal(size=(n_inputs, n_latent)) / 3).astype(np.float32), np.full(n_latent, 0.1, np.float32)


def test_linear_inverse_is_least_squares():
    x, matrix, offset = a_map()
    back, shift = linear_inverse(x, matrix, offset)
    design = np.c_[x @ matrix + offset, np.ones(len(x))].astype(float)
    expected = np.linalg.lstsq(design, x.astype(float), rcond=None)[0]
    np.testing.assert_allclose(back, expected[:-1], atol=1e-4)
    np.testing.assert_allclose(shift, expected[-1], atol=1e-4)


def test_linear_inverse_of_a_degenerate_map():
    x, matrix, offset = a_map()
    matrix[:, 1], matrix[:, 2] = matrix[:, 0], 0
    back, shift = linear_inverse(x, matrix, offset)
    z = x @ matrix + offset
    design = np.c_[z, np.ones(len(x))].astype(float)
    expected = design @ np.linalg.lstsq(design, x.astype(float), rcond=None)[0]
    np.testing.assert_allclose(z @ back + shift, expected, atol=1e-3)


def test_unit_rows():
    x = np.array([[3.0, 4], [0, 0]])
    np.testing.assert_allclose(unit_rows(x), [[0.6, 0.8], [0, 0]])
    assert unit_rows(x).dtype == np.float32


def test_damping_factor_is_its_formula():
    x = np.random.default_rng(0).normal(size=(50, 3)) * [3, 1, 0.1]
    variance = x.var(0)
    np.testing.assert_allclose(damping_factor(x, 0.02), (variance + 0.02 * variance.sum()) ** -0.5)
    np.testing.assert_allclose((x * damping_factor(x, 0)).var(0), 1)
