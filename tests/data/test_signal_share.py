import numpy as np
import scipy.sparse as sp

from crosstie.data.signal_share import MAX_CELLS, signal_shares


def test_the_share_is_that_of_a_second_measurement():
    """The cells are measured once more: what two whole counts share is the signal of one."""
    rng = np.random.default_rng(0)
    rate = np.exp(rng.normal(0, 1, (4000, 6))) * [0.05, 0.5, 2, 20, 200, 2]
    rate[:, 5] = 2  # says nothing
    counts, again = rng.poisson(rate), rng.poisson(rate)
    share = signal_shares(counts, np.log1p)
    expected = [np.corrcoef(np.log1p(counts[:, j]), np.log1p(again[:, j]))[0, 1] for j in range(5)]
    np.testing.assert_allclose(share[:5], expected, atol=0.06)
    assert share[5] < 0.1
    assert (np.diff(share[:5]) > 0).all()


def test_sparse_and_dense_and_the_order_of_features():
    x = np.random.default_rng(1).poisson(3.0, (300, 8)).astype(np.float32) * np.arange(1, 9, dtype=np.float32)
    share, of_sparse = signal_shares(x, np.log1p), signal_shares(sp.csr_matrix(x), lambda m: m.log1p())
    np.testing.assert_allclose(share, of_sparse, atol=0.1)  # other draws: zeros draw nothing
    assert ((signal_shares(x, np.log1p) >= 0) & (signal_shares(x, np.log1p) <= 1)).all()


def test_what_is_constant_has_no_signal():
    x = np.zeros((50, 3), np.float32)
    x[:, 1] = 4
    assert (signal_shares(x, np.log1p)[[0, 2]] == 0).all()
    assert np.isfinite(signal_shares(x, np.log1p)).all()


def test_a_part_of_a_large_matrix_is_read():
    x = np.random.default_rng(2).poisson(1.0, (MAX_CELLS + 500, 3))
    np.testing.assert_array_equal(signal_shares(x, np.log1p), signal_shares(x, np.log1p))
