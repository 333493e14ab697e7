import numpy as np
import pytest

import oracles
from crosstie.anchors import find

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(50, 4)), rng.normal(size=(40, 4))


@pytest.mark.parametrize("k", [1, 6])
def test_pairs_and_weights(k):
    anchors = find(X, Y, k=k)
    pairs, squared = oracles.mutual_nearest(X, Y, k)
    assert list(zip(anchors.source.tolist(), anchors.target.tolist(), strict=True)) == pairs
    np.testing.assert_allclose(anchors.weight, np.exp(-np.array(squared) / (2 * np.median(squared))), rtol=1e-3)
    assert ((anchors.weight > 0) & (anchors.weight <= 1)).all()


def test_scale_and_place_do_not_matter():
    one, other = find(X, Y, k=5), find(10 * X + 3, 10 * Y + 3, k=5)
    np.testing.assert_array_equal(one.source, other.source)
    np.testing.assert_allclose(one.weight, other.weight, atol=1e-3)


def test_order_of_cells_does_not_matter():
    order = rng.permutation(50)
    one, other = find(X, Y, k=5), find(X[order], Y, k=5)
    found = {(int(order[s]), int(t)) for s, t in zip(other.source, other.target, strict=True)}
    assert found == set(zip(one.source.tolist(), one.target.tolist(), strict=True))


def test_far_pairs_keep_some_weight():
    x = np.vstack([X, [[1e4] * 4]])
    y = np.vstack([Y, [[1.1e4] * 4]])
    assert find(x, y, k=3).weight.min() == pytest.approx(1e-6)


def test_cells_at_one_place():
    np.testing.assert_array_equal(find(np.ones((5, 3)), np.ones((4, 3)), k=4).weight, 1)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (np.where(X > 2, np.nan, X), Y, "source coordinates cannot be used"),
        (X, np.full_like(Y, np.inf), "target coordinates cannot be used"),
        (X[0], Y, r"source coordinates cannot be used.\n  found: shape \(4,\)"),
        (X[:0], Y, r"source coordinates cannot be used.\n  found: shape \(0, 4\)"),
        (X, Y[:, :3], "different coordinates.\n  found: 4 and 3 columns"),
    ],
)
def test_errors(x, y, words):
    with pytest.raises(ValueError, match=f"anchors: .*{words}"):
        find(x, y)
