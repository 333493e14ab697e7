"""Coordinates of a fitted closed form: fitted and new cells, and the pull towards linked views."""

from dataclasses import replace

import numpy as np

import oracles
from crosstie.anchors import fit_closed_form
from crosstie.anchors.closed_form import near_mean
from crosstie.anchors.linear import unit_rows
from crosstie.anchors.neighbours import Neighbours

from .rotated_copies import SETTINGS, copies


def test_mean_of_the_nearest():
    rng = np.random.default_rng(0)
    z, reference = (rng.normal(size=(n, 3)).astype(np.float32) for n in (20, 7))
    for k in (1, 4, 7, 30):
        expected = [reference[rows].mean(0) for rows in oracles.nearest(reference, z, k)[1]]
        np.testing.assert_allclose(near_mean(z, Neighbours(reference), k), expected, atol=1e-5)


def test_cells_are_pulled_into_the_linked_views():
    components, columns = copies(("a", "b", "c"), n_cells=60, noise=0.1)
    columns["c", "a"] = (columns["b", "c"][1], columns["a", "b"][0])
    form = fit_closed_form(components, columns, replace(SETTINGS, smoothing=0, pull=0.4))
    z = {view: unit_rows(x) for view, x in form.reference.items()}
    drawn = []
    for other in ("b", "c"):
        near = oracles.nearest(form.reference[other], z["a"], SETTINGS.n_smooth)[1]
        drawn.append([form.reference[other][rows].mean(0) for rows in near])
    expected = unit_rows(0.6 * z["a"] + 0.4 * np.mean(drawn, axis=0))
    np.testing.assert_allclose(form.coordinates("a", components["a"]), expected, atol=1e-4)


def test_a_view_is_pulled_into_its_neighbours_of_the_graph_only():
    components, columns = copies(("a", "b", "c"), n_cells=60, noise=0.1)
    form = fit_closed_form(components, columns, replace(SETTINGS, smoothing=0, pull=1))
    assert form.edges == (("a", "b"), ("b", "c"))
    near = oracles.nearest(form.reference["b"], form.reference["a"], SETTINGS.n_smooth)[1]
    expected = unit_rows(np.array([form.reference["b"][rows].mean(0) for rows in near]))
    np.testing.assert_allclose(form.coordinates("a", components["a"]), expected, atol=1e-4)


def test_fitted_cells_as_new_ones():
    components, columns = copies()
    form = fit_closed_form(components, columns, SETTINGS)
    whole = form.coordinates("a", components["a"])
    np.testing.assert_allclose(form.coordinates("a", components["a"][7:9]), whole[7:9], atol=1e-5)
