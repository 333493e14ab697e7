from importlib import import_module

import numpy as np
import pytest

import oracles
from crosstie.anchors import find

MODULE = import_module("crosstie.anchors.find")  # the room shows the function of this name
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


def test_no_two_cells_are_mutual(monkeypatch):
    nothing = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    monkeypatch.setattr(MODULE, "mutual_neighbours", lambda *_: nothing)
    with pytest.raises(ValueError, match="each other") as error:
        find(X, Y, k=7)
    assert str(error.value).split("\n  ") == [
        "anchors: no two cells are each other's neighbours.",
        "found: 50 and 40 cells, k=7",
        "Raise k, and check whether the links make sense: xt.links.Link.report.",
    ]


def test_twenty_neighbours_by_default():
    one, other = find(X, Y), find(X, Y, k=20)
    np.testing.assert_array_equal(one.source, other.source)
    assert len(one.source) < len(find(X, Y, k=21).source)


KNOWN = np.array([3, 20, 7]), np.array([0, 39, 12])


def test_known_cells_are_anchors_and_others_are_found_among_the_rest():
    anchors = find(X, Y, k=4, known=KNOWN)
    np.testing.assert_array_equal([anchors.source[:3], anchors.target[:3]], KNOWN)
    np.testing.assert_array_equal(anchors.weight[:3], 1)
    assert anchors.weight.dtype == np.float32
    rows, columns = np.delete(np.arange(50), KNOWN[0]), np.delete(np.arange(40), KNOWN[1])
    rest = find(X[rows], Y[columns], k=4)
    np.testing.assert_array_equal(anchors.source[3:], rows[rest.source])
    np.testing.assert_array_equal(anchors.target[3:], columns[rest.target])
    np.testing.assert_allclose(anchors.weight[3:], rest.weight)


@pytest.mark.parametrize(("n_source", "n_target"), [(3, 40), (50, 3)])
def test_where_all_cells_of_a_side_are_known_none_are_sought(n_source, n_target):
    known = np.array([1, 0, 2]), np.array([2, 0, 1])
    anchors = find(X[:n_source], Y[:n_target], k=4, known=known)
    np.testing.assert_array_equal([anchors.source, anchors.target], known)
    np.testing.assert_array_equal(anchors.weight, np.ones(3, np.float32))


def test_known_cells_alone_where_no_others_are_mutual(monkeypatch):
    nothing = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    monkeypatch.setattr(MODULE, "mutual_neighbours", lambda *_: nothing)
    anchors = find(X, Y, k=4, known=KNOWN)
    np.testing.assert_array_equal([anchors.source, anchors.target], KNOWN)
    np.testing.assert_array_equal(anchors.weight, 1)
