import numpy as np
import pytest
from matplotlib.colors import to_rgb

from crosstie.pl.palette import GREY, OKABE_ITO, palette


@pytest.mark.parametrize("n", [0, 1, 6, 20, 60])
def test_as_many_different_colours_as_classes(n):
    assert len(set(palette(n))) == len(palette(n)) == n
    assert GREY not in palette(n)


def test_colours_of_first_classes_stay():
    assert palette(4) == OKABE_ITO[:4]
    assert palette(47)[:12] == palette(12)


def test_fifty_colours_are_apart_and_not_near_white_or_black():
    rgb = np.array([to_rgb(colour) for colour in palette(50)])
    distance = np.linalg.norm(rgb[:, None] - rgb[None], axis=2) + 9 * np.eye(50)
    assert distance.min() > 0.12
    assert (rgb.min(axis=1) < 0.9).all()
    assert (rgb.max(axis=1) > 0.2).all()
