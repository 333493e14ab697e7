import numpy as np
import pytest

from crosstie.anchors.linear import unit_rows
from crosstie.trust.resolution import resolution


def test_links_that_tell_all_and_nothing(rng):
    own = rng.normal(size=(300, 8))
    assert resolution(unit_rows(own), own) < 0.02
    assert resolution(unit_rows(own), rng.normal(size=(300, 8))) == pytest.approx(0.5, abs=0.03)


def test_one_link_tells_two_types_of_four(rng):
    kind = np.repeat(np.arange(4), 75)
    own = unit_rows(np.eye(4)[kind] + 0.05 * rng.normal(size=(300, 4)))
    linked = (kind >= 2)[:, None] + 0.01 * rng.normal(size=(300, 1))
    both = np.column_stack([kind >= 2, kind % 2]) + 0.01 * rng.normal(size=(300, 2))
    assert 0.25 < resolution(own, linked) < 0.45
    assert resolution(own, both) < 0.14


def test_large_views_are_sampled(rng):
    own = rng.normal(size=(3000, 5))
    assert resolution(unit_rows(own), own) < 0.02
