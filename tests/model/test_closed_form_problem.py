"""What the closed form is fitted to: all cells, or some of them with the pairs among these."""

from dataclasses import replace

import numpy as np
import pytest

import crosstie as xt
from crosstie.anchors.disagreement import disagreement
from crosstie.model.closed_form_problem import ClosedFormProblem


@pytest.fixture(scope="module")
def model():
    data = dict(xt.datasets.simulate_citeseq(n_cells=80, n_genes=100, n_proteins=20).mod)
    return xt.integrate(data, config=xt.Config(n_components=12, n_latent=8, n_rounds=2), batch_key="batch")


@pytest.fixture(scope="module")
def problem(model):
    return ClosedFormProblem.of(model.inputs, model.recipes, model.config.refinement, seed=0)


def test_its_fit_is_that_of_the_model(model, problem):
    form = problem.fit(seed=0)
    for view, z in model.closed_form.reference.items():
        np.testing.assert_allclose(form.reference[view], z, atol=1e-5)


def test_some_rows_are_a_problem_of_their_own(problem):
    edge, rows = ("rna", "adt"), {"rna": np.arange(10, 80), "adt": np.arange(60)}
    pairs = {edge: (np.array([5, 12, 30]), np.array([7, 3, 70]))}  # of these, one alone is among the rows
    whole = ClosedFormProblem(problem.components, problem.columns, pairs, problem.batches, problem.settings)
    own = ClosedFormProblem(
        {view: problem.components[view][r] for view, r in rows.items()},
        problem.columns,
        {edge: (np.array([2]), np.array([3]))},
        {view: problem.batches[view][r] for view, r in rows.items()},
        problem.settings,
    )
    some, alone = whole.fit(rows=rows), own.fit()
    for view in rows:
        np.testing.assert_array_equal(some.reference[view], alone.reference[view])


def test_linked_features_are_asked_in_both_directions(model, problem):
    edge, own = ("rna", "adt"), model.closed_form.reference
    found = problem.disagreements(model.latents, own)
    assert list(found) == [edge, edge[::-1]]
    values = {view: problem.components[view] @ c for view, c in zip(edge, problem.columns[edge], strict=True)}
    for a, b in found:
        expected = disagreement((model.latents[a], values[a]), (model.latents[b], values[b]), own[b])
        np.testing.assert_allclose(found[a, b], expected, rtol=1e-4)
        np.testing.assert_allclose(model.fitted.disagreement[a, b], expected, rtol=1e-3)


def test_few_links_and_learned_ones_are_not_asked(model, problem):
    edge, own = ("rna", "adt"), model.closed_form.reference
    n = problem.columns[edge][0].shape[1]
    assert problem.with_columns({edge: np.arange(5)}).disagreements(model.latents, own) == {}
    learned = replace(problem, groups={edge: (np.arange(n) >= 6).astype(int)})
    first = problem.with_columns({edge: np.arange(6)}).disagreements(model.latents, own)
    for way, told in learned.disagreements(model.latents, own).items():
        np.testing.assert_array_equal(told, first[way])
