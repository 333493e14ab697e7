import numpy as np
import pytest

from crosstie.anchors import Anchors
from crosstie.anchors.pairs import kernel_weights

ANCHORS = Anchors(np.array([0, 0, 2]), np.array([5, 1, 3]), np.array([1.0, 0.5, 0.25]))


def test_length_and_table():
    assert len(ANCHORS) == 3
    frame = ANCHORS.to_frame()
    assert list(frame.columns) == ["source", "target", "weight"]
    assert frame.to_numpy().tolist() == [[0, 5, 1], [0, 1, 0.5], [2, 3, 0.25]]


def test_reversed():
    back = ANCHORS.reversed()
    np.testing.assert_array_equal(back.source, ANCHORS.target)
    np.testing.assert_array_equal(back.target, ANCHORS.source)
    np.testing.assert_array_equal(back.reversed().source, ANCHORS.source)


def test_none_at_all():
    none = Anchors(np.empty(0, int), np.empty(0, int), np.empty(0))
    assert len(none) == len(none.to_frame()) == 0


@pytest.mark.parametrize(
    "arrays",
    [
        (np.arange(3), np.arange(2), np.ones(3)),
        (np.arange(3), np.arange(3), np.ones(1)),
        (np.zeros((2, 2)), np.zeros((2, 2)), np.zeros((2, 2))),
    ],
)
def test_unequal_lengths(arrays):
    with pytest.raises(ValueError, match="must be vectors of one length"):
        Anchors(*arrays)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kernel_weights(dtype):
    squared = np.array([0, 1, 2, 3, 1000], dtype)
    weight = kernel_weights(squared)
    assert weight.dtype == np.float32
    np.testing.assert_allclose(weight, [1, np.exp(-1 / 4), np.exp(-1 / 2), np.exp(-3 / 4), 1e-6], rtol=1e-6)
    np.testing.assert_allclose(kernel_weights(7 * squared), weight, rtol=1e-6)


def test_kernel_weights_where_most_pairs_coincide():
    assert kernel_weights(np.array([0.0, 0.0, 0.0, 5.0])).tolist() == [1, 1, 1, 1]
