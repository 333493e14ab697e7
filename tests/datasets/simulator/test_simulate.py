"""The promises of the simulator: its seed, its generators, one truth for both views."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crosstie.datasets import simulate_citeseq

SMALL = {"n_cells": 300, "n_genes": 200, "n_proteins": 40}


@pytest.fixture(scope="module")
def mdata():
    return simulate_citeseq(n_cells=600, n_genes=300, seed=1)


def aligned(mdata):
    """Both views in the order of the true cells; their cells must be the same."""
    rna, adt = (mdata[v][np.argsort(mdata[v].obs["true_cell"].to_numpy())] for v in ("rna", "adt"))
    assert (rna.obs["true_cell"].to_numpy() == adt.obs["true_cell"].to_numpy()).all()
    return rna, adt


def test_same_seed_same_bits():
    a, b = simulate_citeseq(**SMALL, seed=5), simulate_citeseq(**SMALL, seed=5)
    other = simulate_citeseq(**SMALL, seed=6)
    for view in ("rna", "adt"):
        assert (a[view].X != b[view].X).nnz == 0
        pd.testing.assert_frame_equal(a[view].obs, b[view].obs)
        assert (a[view].X != other[view].X).nnz > 0


def test_global_generator_is_left_alone():
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    simulate_citeseq(**SMALL)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_another_panel_leaves_the_cells_alone():
    """Every part has a generator of its own."""
    a, b = simulate_citeseq(**SMALL), simulate_citeseq(n_cells=300, n_genes=200, panel="pbmc10k", n_proteins=10)
    pd.testing.assert_frame_equal(a["rna"].obs, b["rna"].obs)


def test_truth_agrees_between_views(mdata):
    rna, adt = aligned(mdata)
    for column in ("cell_type", "state", "batch"):
        assert (rna.obs[column].to_numpy() == adt.obs[column].to_numpy()).all()
    np.testing.assert_array_equal(rna.obsm["true_factors"], adt.obsm["true_factors"])
