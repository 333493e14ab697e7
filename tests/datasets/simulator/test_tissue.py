"""Simulated tissue: what is asked for is there, and the truth is kept."""

import numpy as np
import pytest

from crosstie._errors import InputError
from crosstie.datasets import simulate_tissue, true_links
from crosstie.space import Positions, neighbours

SMALL = {"n_cells": 1000, "n_rna": 200, "n_genes": 150, "n_proteins": 20}


@pytest.fixture(scope="module")
def mdata():
    return simulate_tissue(**SMALL, n_sections=2, absent=["B cells"], seed=3)


def test_the_truth_is_kept(mdata):
    tissue, rna = mdata["tissue"], mdata["rna"]
    assert tissue.n_obs == 1000
    assert rna.n_obs == 200
    assert tissue.n_vars == 20
    assert tissue.obsm["spatial"].shape == (1000, 2)
    assert tissue.uns["spatial_unit"] == "micrometre"
    assert tissue.obs["merged"].mean() == pytest.approx(0.05, abs=0.01)
    assert tissue.obs["split"].mean() == pytest.approx(0.02, abs=0.01)
    assert 0 < tissue.obs["border"].mean() < 1
    assert (tissue.X >= 0).all()
    assert "B cells" in set(tissue.obs["cell_type"])
    assert "B cells" not in set(rna.obs["cell_type"])
    assert not {"Platelets"} & (set(tissue.obs["cell_type"]) | set(rna.obs["cell_type"]))
    table = true_links(mdata)
    assert set(table["protein"]) <= set(tissue.var_names)
    assert set(table["gene"]) <= set(rna.var_names)


def test_the_same_seed_gives_the_same_tissue_and_another_seed_another():
    one, same, other = (simulate_tissue(**SMALL, seed=seed)["tissue"] for seed in (0, 0, 1))
    assert (one.X == same.X).all()
    assert (one.obsm["spatial"] == same.obsm["spatial"]).all()
    assert not (one.obsm["spatial"] == other.obsm["spatial"]).all()


def alike(tissue):
    """Return how much more often neighbours are of one type than cells at random."""
    label = tissue.obs["cell_type"].cat.codes.to_numpy()
    near = neighbours(Positions.of("tissue", tissue), 10).tocoo()
    return (label[near.row] == label[near.col]).mean() - (np.bincount(label) ** 2).sum() / len(label) ** 2


@pytest.mark.parametrize("layout", ["niches", "follicles", "layers"])
def test_neighbours_are_alike_where_there_are_regions(layout):
    assert alike(simulate_tissue(**SMALL, layout=layout, merged=0, split=0)["tissue"]) > 0.08


def test_without_regions_neighbours_are_alike_by_chance():
    assert abs(alike(simulate_tissue(**SMALL, layout="mixed", merged=0, split=0)["tissue"])) < 0.02


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "circles"}, "layout: unknown name 'circles'"),
        ({"absent": "B cells"}, "absent must be a list of names"),
        ({"absent": ["B"]}, "unknown name 'B'"),
        ({"spillover": 2}, "spillover is out of range"),
        ({"n_sections": 40}, "n_sections is out of range"),
        ({"n_cells": 5}, "n_cells is out of range"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        simulate_tissue(**SMALL | options)
