"""What the closed form is fitted to: all cells, or some of them with the pairs among these."""

import numpy as np
import pytest

import crosstie as xt
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
