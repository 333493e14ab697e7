import numpy as np
import scipy.sparse as sp

from crosstie.data.signal_share import MAX_CELLS, signal_shares


def test_the_share_is_that_of_a_second_measurement():
    """The cells are measured once more: what two whole counts share is the signal of one."""
    rng = np.random.default_rng(0)
    rate = np.exp(rng.normal(0, 1, (4000, 6))) * [0.05, 0.5, 2, 20, 200, 2]
    rate[:, 5] = 2  # says nothing
    counts, again = rng.poisson(rate), rng.poisson(rate)
    share = signal_shares(counts, slope=0.0)
    expected = [np.corrcoef(np.log1p(counts[:, j]), np.log1p(again[:, j]))[0, 1] for j in range(5)]
    np.testing.assert_allclose(share[:5], expected, atol=0.06)
    assert share[5] < 0.1
    assert (np.diff(share[:5]) > 0).all()


def test_sparse_and_dense_and_the_order_of_features():
    x = np.random.default_rng(1).poisson(3.0, (300, 8)).astype(np.float32) * np.arange(1, 9, dtype=np.float32)
    np.testing.assert_array_equal(signal_shares(x, 0.5), signal_shares(sp.csr_matrix(x), 0.5))
    assert ((signal_shares(x, 0.5) >= 0) & (signal_shares(x, 0.5) <= 1)).all()


def test_what_is_constant_has_no_signal():
    x = np.zeros((50, 3), np.float32)
    x[:, 1] = 4
    assert (signal_shares(x, 0.0)[[0, 2]] == 0).all()
    assert np.isfinite(signal_shares(x, 0.0)).all()


def test_a_part_of_a_large_matrix_is_read():
    x = np.random.default_rng(2).poisson(1.0, (MAX_CELLS + 500, 3))
    np.testing.assert_array_equal(signal_shares(x, 0.0), signal_shares(x, 0.0))
