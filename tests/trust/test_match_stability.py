import numpy as np
import scipy.sparse as sp

from crosstie.anchors.linear import unit_rows
from crosstie.anchors.neighbours import nearest
from crosstie.trust.match_stability import halves, moved, returned


def naive_moved(first, second, k):
    (s, t), (s2, t2) = first, second
    out = []
    for x, x2 in zip(s, s2, strict=True):
        near = np.argsort(((t - x) ** 2).sum(1))[:k]
        rank = np.argsort(np.argsort(((t2 - x2) ** 2).sum(1)))
        out.append((rank[near].mean() - (k - 1) / 2) / (len(t) - k))
    return np.array(out)


def some(rng, n, d=6):
    return unit_rows(rng.normal(size=(n, d)))


def test_moved_is_the_rank_of_old_matches(rng):
    first, second = (some(rng, 30), some(rng, 50)), (some(rng, 30), 2 * some(rng, 50))
    np.testing.assert_allclose(moved(first, second, k=4), naive_moved(first, second, 4), atol=1e-6)


def test_nothing_moved_and_everything(rng):
    here = some(rng, 200), some(rng, 300)
    np.testing.assert_allclose(moved(here, here), 0)
    assert abs(moved(here, (some(rng, 200), some(rng, 300))).mean() - 0.5) < 0.03


def test_moved_does_not_depend_on_the_axes(rng):
    first, second = (some(rng, 30), some(rng, 50)), (some(rng, 30), some(rng, 50))
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0].astype(np.float32)
    order = rng.permutation(50)
    again = second[0] @ turn, second[1][order] @ turn
    np.testing.assert_allclose(moved((first[0], first[1][order]), again), moved(first, second), atol=1e-3)


def test_moved_of_few_cells(rng):
    x, one = some(rng, 3), some(rng, 1)
    assert moved((x, one), (x, one)).tolist() == [0, 0, 0]


def test_returned(rng):
    z = some(rng, 300)
    there = nearest(z, z, 10)[1]
    assert returned(z, z, z, np.arange(300), there).mean() < 0.06
    y, own = some(rng, 200), some(rng, 300)
    assert abs(returned(z, y, own, np.arange(300), nearest(y, z, 10)[1]).mean() - 0.5) < 0.05
    assert returned(z, z, z, np.arange(0, 300, 3), there).shape == (300,)


def test_halves_add_up(rng):
    x = rng.poisson(3, size=(200, 30)).astype(np.float32)
    a, b = halves(sp.csr_matrix(x), rng)
    np.testing.assert_array_equal((a + b).toarray(), x)
    assert abs(a.sum() / x.sum() - 0.5) < 0.02
    assert abs(np.corrcoef(a.toarray()[:, 0], b.toarray()[:, 0])[0, 1]) < 0.2  # two Poisson measurements
    c, d = halves(x, rng)
    np.testing.assert_array_equal(c + d, x)
    assert min(a.min(), b.min(), c.min(), d.min()) >= 0
