import numpy as np
import pytest

from crosstie.anchors.disagreement import disagreement
from crosstie.anchors.linear import unit_rows

CENTRES = np.eye(6)


def view(rng, sizes, n_columns=8):
    """Cells of types: coordinates around one axis for each, and linked columns that depend on the type."""
    kind = np.repeat(np.arange(len(sizes)), sizes)
    z = unit_rows(CENTRES[kind] + rng.normal(scale=0.1, size=(len(kind), 6)))
    profile = np.random.default_rng(1).normal(size=(6, n_columns))
    return z.astype(np.float32), profile[kind] + rng.normal(scale=0.5, size=(len(kind), n_columns)), kind


def test_it_is_what_it_says(rng):
    (zs, x, _), (zt, y, _) = view(rng, [50, 40]), view(rng, [30, 45])
    x, y = (x - x.mean(0)) / x.std(0), (y - y.mean(0)) / y.std(0)
    near = np.argsort(((zt[:, None] - zt) ** 2).sum(2), axis=1)[:, :30]
    match = np.argsort(((zt[:, None] - zs) ** 2).sum(2), axis=1)[:, :20]
    there, here = x[match].mean(1)[near].mean(1), y[near].mean(1)
    r = np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(there.T, here.T, strict=True)])
    left = [b - b.mean() - np.polyval(np.polyfit(a - a.mean(), b - b.mean(), 1), a - a.mean())
            for a, b in zip(there.T, here.T, strict=True)]  # fmt: skip
    weight = np.maximum(r, 0) ** 2
    expected = np.sqrt((weight[:, None] * np.where(r[:, None] > 0, left, 0) ** 2).sum(0) / weight.sum())
    np.testing.assert_allclose(disagreement((zs, x), (zt, y), zt), expected, rtol=1e-3)


@pytest.mark.parametrize("scale", [1, 7])
def test_a_rarer_type_agrees_and_a_lacking_one_does_not(rng, scale):
    (zs, x, there), (zt, y, here) = view(rng, [200, 300, 50]), view(rng, [100, 100, 200, 60])
    zt[here == 3] = zt[here == 1][:60]  # cells of a type that the source lacks are placed at another type's
    own = zt + 2 * (here == 3)[:, None] * CENTRES[3]
    found = disagreement((zs, x), (zt, scale * y), own)
    rarer, lacking = found[here == 2].mean(), found[here == 3].mean()
    assert lacking > 2 * rarer
    assert lacking > 0.4 > rarer
    assert 3 not in there


def test_columns_that_do_not_vary_count_for_nothing(rng):
    (zs, x, _), (zt, y, _) = view(rng, [50, 40]), view(rng, [30, 45])
    still = [np.c_[side, np.full(len(side), 3.0)] for side in (x, y)]
    found = disagreement((zs, still[0]), (zt, still[1]), zt)
    np.testing.assert_allclose(found, disagreement((zs, x), (zt, y), zt), rtol=1e-6)
    assert not disagreement((zs, still[0][:, -1:]), (zt, still[1][:, -1:]), zt).any()
