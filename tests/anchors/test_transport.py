import warnings

import numpy as np
import pytest

import oracles
from crosstie.anchors.linear import unit_rows
from crosstie.anchors.transport import composed_plan, transport_plan

rng = np.random.default_rng(0)
X, Y = unit_rows(rng.normal(size=(14, 5))), unit_rows(rng.normal(size=(9, 5)))


@pytest.mark.parametrize("entropy", [0.05, 0.5])
def test_marginals(entropy):
    plan = transport_plan(X, Y, entropy=entropy, n_iterations=2000)
    np.testing.assert_allclose(plan.sum(1), 1 / 14, rtol=1e-3)
    np.testing.assert_allclose(plan.sum(0), 1 / 9, rtol=1e-3)
    assert plan.shape == (14, 9)
    assert (plan >= 0).all()


def test_columns_get_their_share_after_few_iterations():
    plan = transport_plan(X, Y, entropy=0.05, n_iterations=3)
    np.testing.assert_allclose(plan.sum(0), 1 / 9, rtol=1e-4)


@pytest.mark.parametrize("balance", [1.0, 0.8, 0.3])
@pytest.mark.parametrize("n_iterations", [1, 50])
def test_against_a_naive_loop(balance, n_iterations):
    plan = transport_plan(X, Y, entropy=0.1, balance=balance, n_iterations=n_iterations)
    expected = oracles.sinkhorn(X.astype(float), Y.astype(float), 0.1, balance, None, n_iterations)
    np.testing.assert_allclose(plan, expected, atol=1e-6)
    assert plan.sum() == pytest.approx(1, abs=1e-5)


def test_shares_of_cells():
    a, b = rng.uniform(1, 3, 14), rng.uniform(1, 3, 9)
    a[2] = b[5] = 1e-9
    plan = transport_plan(X, Y, entropy=0.1, source_share=a, target_share=b, n_iterations=2000)
    np.testing.assert_allclose(plan.sum(1), a / a.sum(), rtol=2e-3, atol=1e-7)
    np.testing.assert_allclose(plan.sum(0), b / b.sum(), rtol=2e-3, atol=1e-7)
    double = transport_plan(X, Y, entropy=0.1, source_share=2 * a, target_share=5 * b, n_iterations=2000)
    np.testing.assert_allclose(double, plan, atol=1e-6)


def test_against_pot():
    ot = pytest.importorskip("ot")
    plan = transport_plan(X, Y, entropy=0.1, n_iterations=2000)
    expected = ot.sinkhorn(np.full(14, 1 / 14), np.full(9, 1 / 9), -(X @ Y.T).astype(float), 0.1, numItermax=10_000)
    np.testing.assert_allclose(plan, expected, atol=1e-6)


def test_unbalanced_against_pot():
    ot = pytest.importorskip("ot")
    entropy, price = 0.1, 0.4
    plan = transport_plan(X, Y, entropy=entropy, balance=price / (price + entropy), n_iterations=2000)
    score = (X @ Y.T).astype(float)
    shares, cost = (np.full(14, 1 / 14), np.full(9, 1 / 9)), score.max() - score
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = ot.unbalanced.sinkhorn_unbalanced(
            *shares, cost, entropy, price, reg_type="entropy", numItermax=10_000
        )
    np.testing.assert_allclose(plan, expected / expected.sum(), atol=1e-5)


def test_a_cell_without_a_counterpart_goes_unmatched_when_unbalanced():
    x = unit_rows(np.array([[1.0, 0], [0.9, 0.1], [-1, 0]]))
    y = unit_rows(np.array([[1.0, 0], [0.9, 0.1]]))
    strict, loose = (transport_plan(x, y, entropy=0.1, balance=b).sum(1)[2] for b in (1.0, 0.5))
    assert strict == pytest.approx(1 / 3, rel=1e-2)
    assert loose < 1e-2


def test_sharp_match_is_the_identity():
    plan = transport_plan(X, X, entropy=0.005)
    np.testing.assert_allclose(plan, np.eye(14) / 14, atol=1e-4)


def test_order_of_cells_does_not_matter():
    order = rng.permutation(14)
    np.testing.assert_allclose(
        transport_plan(X[order], Y, entropy=0.1), transport_plan(X, Y, entropy=0.1)[order], atol=1e-7
    )


def test_empty_profiles_are_matched_evenly():
    plan = transport_plan(np.zeros((4, 3)), np.zeros((5, 3)), entropy=0.05)
    np.testing.assert_allclose(plan, 1 / 20, rtol=1e-5)


@pytest.mark.parametrize("balance", [1.0, 0.9])
def test_very_small_entropy_stays_finite(balance):
    plan = transport_plan(X, -X, entropy=1e-3, balance=balance)
    assert np.isfinite(plan).all()
    assert plan.sum() == pytest.approx(1, abs=1e-4)


def types(sizes, seed=0):
    """Cells of a few types, by type."""
    centres = 4 * np.eye(len(sizes), 6)
    draw = np.random.default_rng(seed)
    kind = np.repeat(np.arange(len(sizes)), sizes)
    return unit_rows(centres[kind] + draw.normal(size=(len(kind), 6))), kind


@pytest.mark.parametrize("n_smooth", [1, 4])
def test_composed_plan_against_a_naive_loop(n_smooth):
    x, y = types([8, 6, 4])[0], types([3, 9, 0], seed=1)[0]
    plan = composed_plan(x, y, entropy=0.1, balance=0.8, n_smooth=n_smooth)
    expected = oracles.composed_plan(x.astype(float), y.astype(float), 0.1, 0.8, n_smooth)
    np.testing.assert_allclose(plan, expected, atol=1e-5)


def test_composed_plan_leaves_equal_mixtures_alone():
    x, y = types([40, 30, 20])[0], types([40, 30, 20], seed=1)[0]
    composed, plain = composed_plan(x, y, entropy=0.5, balance=0.9), transport_plan(x, y, entropy=0.5)
    np.testing.assert_allclose(composed, plain, atol=1e-6)


def test_composed_plan_of_full_balance_is_the_plain_plan():
    np.testing.assert_array_equal(composed_plan(X, Y, entropy=0.1, balance=1), transport_plan(X, Y, entropy=0.1))


def test_a_type_that_the_other_side_lacks_drops_out():
    (x, kind), (y, _) = types([40, 40, 20]), types([40, 40, 0], seed=1)
    plan = composed_plan(x, y, entropy=0.1, balance=0.8, n_smooth=10)
    assert plan.sum(1)[kind == 2].sum() < 0.1
    assert transport_plan(x, y, entropy=0.1).sum(1)[kind == 2].sum() == pytest.approx(0.2, abs=0.02)


def test_fewer_cells_than_neighbours():
    assert composed_plan(X, Y, entropy=0.1, balance=0.8, n_smooth=30).shape == (14, 9)
