"""Cells at their positions in the tissue."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from crosstie.pl import spatial
from crosstie.pl.palette import GREY, palette
from crosstie.space import Positions


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def placed(n=60, unit="micrometre"):
    xy = np.random.default_rng(0).random((n, 2)) * [400, 200]
    return Positions(xy, np.arange(n) % 2, ("left", "right"), unit)


def test_each_cell_of_the_section_has_the_colour_of_its_label():
    here = placed()
    label = np.where(np.arange(60) < 30, "T", "B").astype(object)
    label[2] = "unknown"
    ax = spatial(here, colour=label, section="left")
    points = ax.collections[0]
    rows = np.arange(0, 60, 2)
    assert np.allclose(points.get_offsets(), here.xy[rows])
    colours = {"B": to_rgb(palette(2)[0]), "T": to_rgb(palette(2)[1]), "unknown": to_rgb(GREY)}
    assert np.allclose(points.get_facecolors()[:, :3], [colours[name] for name in label[rows]])
    assert ax.get_title(loc="left") == "left"
    assert ax.yaxis_inverted()
    assert [text.get_text() for text in ax.texts] == ["50 µm"]


def test_numbers_have_one_scale_in_all_sections_and_unknown_units_no_bar():
    values = np.linspace(0, 5, 60)
    left, right = (spatial(placed(unit=None), values=values, section=name) for name in ("left", "right"))
    assert not left.texts
    assert np.allclose(left.collections[0].get_facecolors()[0], plt.get_cmap("viridis")(0.0))
    assert np.allclose(right.collections[0].get_facecolors()[-1], plt.get_cmap("viridis")(1.0))


def test_outlines_are_drawn_in_place_of_points():
    here = placed()
    squares = [xy + np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) for xy in here.xy]
    ax = spatial(here, colour=["a"] * 60, polygons=squares)
    paths = ax.collections[0].get_paths()
    assert len(paths) == 30
    assert np.allclose(paths[0].vertices[:4], squares[0])


def test_many_cells_are_drawn_as_squares(monkeypatch):
    monkeypatch.setattr(sys.modules["crosstie.pl.spatial"], "POINTS", 100)
    n = 4000
    xy = np.random.default_rng(0).random((n, 2)) * [200, 100]
    here = Positions(xy, np.zeros(n, np.int64), ("s",), "pixel")
    ax = spatial(here, colour=np.where(xy[:, 0] < 100, "a", "b"))
    image = ax.images[0].get_array()
    assert image.shape[0] * image.shape[1] <= n / 4 * 1.2
    row = image[image.shape[0] // 2]
    assert np.allclose(row[0], to_rgb(palette(2)[0]))
    assert np.allclose(row[-1], to_rgb(palette(2)[1]))
    values = spatial(here, values=xy[:, 1]).images[0].get_array()
    assert values[0].mean() < values[-1].mean()  # from dark to bright along y


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"section": "middle"}, "spatial: section: unknown name 'middle'"),
        ({"colour": ["a"] * 3}, "one label per cell is needed"),
        ({"values": [1.0]}, "one number per cell is needed"),
        ({"polygons": []}, "one outline per cell is needed"),
        ({"colour": ["a"] * 60, "values": [1.0] * 60}, "give labels or numbers, not both"),
    ],
)
def test_what_does_not_fit_is_refused(given, message):
    with pytest.raises((KeyError, ValueError), match=message):
        spatial(placed(), **given)
