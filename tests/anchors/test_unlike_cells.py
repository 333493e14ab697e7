"""Subject: new cells that are of one kind and unlike every fitted cell."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from crosstie.anchors.unlike_cells import distance_ratio, is_unlike


def types(n_types, n, seed, *, shift=0.0, first=0):
    """Return cells of some types in random directions of 12 dimensions, moved by the same shift."""
    centres = np.random.default_rng(0).standard_normal((10, 12))[first : first + n_types]
    rng = np.random.default_rng(seed)
    z = centres.repeat(n, 0) + 0.3 * rng.standard_normal((n_types * n, 12))
    return (z + shift * np.random.default_rng(5).standard_normal(12)).astype(np.float32)


def test_the_ratio_is_the_naive_formula():
    fitted, new = types(5, 40, 1), types(5, 10, 2)
    unit = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in (fitted, new)]
    index = NearestNeighbors(n_neighbors=11).fit(unit[0])
    distance, row = index.kneighbors(unit[1], 10)
    own = (index.kneighbors(unit[0])[0][:, 1:] ** 2).mean(1)
    assert distance_ratio(fitted, new) == pytest.approx((distance**2).mean(1) / own[row].mean(1), rel=1e-3)
    assert np.median(distance_ratio(fitted, new)) == pytest.approx(1, abs=0.15)


def test_only_cells_of_one_new_kind_are_unlike():
    fitted = types(5, 60, 1)
    assert is_unlike(fitted, types(1, 60, 2, first=7))
    assert not is_unlike(fitted, types(1, 60, 2))  # one known type
    assert not is_unlike(fitted, types(5, 60, 2, shift=0.4))  # a batch effect
    assert not is_unlike(fitted, np.concatenate([types(5, 60, 2), types(1, 60, 3, first=7)]))
    assert not is_unlike(fitted[:1], fitted)
