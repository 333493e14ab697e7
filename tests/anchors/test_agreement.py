from itertools import permutations

import numpy as np
import pytest

from crosstie.anchors.agreement import above_other_pairings, matched_correlations
from crosstie.anchors.linear import unit_rows
from crosstie.anchors.transport import composed_plan


def test_correlations_are_weighted_ones(rng):
    x, y = unit_rows(rng.normal(size=(40, 5))), unit_rows(rng.normal(size=(30, 5)))
    a, b = rng.normal(size=(40, 3)), rng.normal(size=(30, 4))
    plan = composed_plan(x, y, entropy=0.05, balance=0.9).astype(float)
    i, j = (index.ravel() for index in np.indices(plan.shape))
    expected = np.array([[np.cov(a[i, p], b[j, q], aweights=plan.ravel(), ddof=0) for q in range(4)] for p in range(3)])
    expected = expected[:, :, 0, 1] / np.sqrt(expected[:, :, 0, 0] * expected[:, :, 1, 1])
    np.testing.assert_allclose(matched_correlations(x, y, a, b), expected, atol=1e-5)


def test_same_cells_correlate(rng):
    z, a = unit_rows(rng.normal(size=(60, 20))), rng.normal(size=(60, 4))
    found = matched_correlations(z, z, a, a)
    assert np.diag(found).min() > 0.95
    assert np.abs(matched_correlations(z, z, a, np.ones((60, 4)))).max() < 1e-6  # columns that do not vary


def test_order_of_cells_does_not_matter(rng):
    x, y = unit_rows(rng.normal(size=(40, 5))), unit_rows(rng.normal(size=(30, 5)))
    a, b = rng.normal(size=(40, 3)), rng.normal(size=(30, 3))
    p, q = rng.permutation(40), rng.permutation(30)
    np.testing.assert_allclose(
        matched_correlations(x[p], y[q], a[p], b[q]), matched_correlations(x, y, a, b), atol=1e-5
    )


def test_above_other_pairings_is_over_all_permutations(rng):
    c = rng.normal(size=(5, 5)) + np.eye(5)
    means = np.array([c[np.arange(5), list(p)].mean() for p in permutations(range(5))])
    assert above_other_pairings(c) == pytest.approx((np.trace(c) / 5 - means.mean()) / means.std())


def test_above_other_pairings_needs_pairings(rng):
    assert np.isnan(above_other_pairings(np.ones((1, 1))))
    assert np.isnan(above_other_pairings(np.ones((4, 4))))
    c = rng.normal(size=(6, 6))
    assert above_other_pairings(3 * c + 1) == pytest.approx(above_other_pairings(c))


def test_pairings_at_random_have_unit_variance(rng):
    z = [above_other_pairings(rng.normal(size=(8, 8))) for _ in range(2000)]
    assert abs(np.mean(z)) < 0.1
    assert abs(np.std(z) - 1) < 0.1
