"""Where the cells of a simulated tissue lie, and in which region."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from crosstie.datasets.simulator.placement import SPACING, place_cells
from crosstie.datasets.simulator.profile import load_profile


def place(n=2000, **options):
    population = load_profile("pbmc_wnn")[0]
    settings = {"structure": 0.8, "gradient": 0.5, "n_sections": 2, "n_factors": 8, "seed": 0} | options
    return population, place_cells(population, n, "niches", **settings)


def test_cells_lie_about_as_far_apart_as_told():
    _, placed = place(n_sections=1)
    distance = cKDTree(placed.xy).query(placed.xy, 2)[0][:, 1]
    assert np.median(distance) == pytest.approx(0.8 * SPACING, rel=0.25)


def test_borders_are_where_regions_meet():
    _, placed = place()
    for section in (0, 1):
        rows = np.flatnonzero(placed.cells.batch == section)
        near = cKDTree(placed.xy[rows]).query(placed.xy[rows], 7)[1]
        assert (placed.border[rows] == (placed.region[rows][near] != placed.region[rows][:, None]).any(1)).all()


@pytest.mark.parametrize(("gradient", "correlation"), [(0.0, 0.0), (2.0, 2 / np.sqrt(5))])
def test_the_state_follows_the_place_as_far_as_told(gradient, correlation):
    _, placed = place(gradient=gradient)
    first = placed.cells.batch == 0
    found = np.corrcoef(placed.xy[first, 0], placed.cells.factors[first, 0])[0, 1]
    assert found == pytest.approx(correlation, abs=0.08)
    assert placed.cells.factors[:, 0].std() == pytest.approx(1, abs=0.08)


def test_without_structure_all_regions_have_the_composition_of_the_whole():
    population, placed = place(20_000, structure=0.0)
    for kind in np.unique(placed.region):
        found = np.bincount(placed.cells.state[placed.region == kind], minlength=len(population.state))
        assert np.abs(found / found.sum() - population.proportion).max() < 0.05
