import anndata as ad
import numpy as np
import pandas as pd
import pytest

import crosstie as xt
from crosstie.data import View
from crosstie.trust.copied_cells import recognised


@pytest.fixture
def cells(rng):
    mean = np.exp(rng.normal(size=(4, 60)))[rng.integers(0, 4, 200)] * rng.gamma(3, 1, (200, 60))
    return rng.poisson(3 * mean)


def view(name, x, modality="rna", features=None):
    features = [f"g{j}" for j in range(x.shape[1])] if features is None else features
    return View.of(name, ad.AnnData(np.asarray(x, np.float32), var=pd.DataFrame(index=features)), modality=modality)


@pytest.mark.parametrize("how", ["thinned", "normalised", "scaled", "half"])
def test_copies_are_recognised(how, cells, rng):
    order = rng.permutation(200)
    x, features = cells[order], None
    if how == "thinned":
        x = rng.binomial(x, 0.5)
    elif how == "normalised":
        x = np.log1p(x / x.sum(1, keepdims=True) * 1e4)
    elif how == "scaled":
        x = np.round(2 * x**0.8)
    else:
        x, features = x[:, ::2], [f"g{j}" for j in range(0, 60, 2)]
    assert recognised(view("a", cells), view("b", x, features=features)) > 0.4


def test_a_copy_of_few_features_is_recognised(rng):
    """Fourteen proteins, half of whose counts are lost: single cells hardly stand out, all of them together do."""
    mean = np.exp(2 * rng.normal(size=(5, 14)))[rng.integers(0, 5, 400)] * rng.gamma(3, 1, (400, 14))
    x, other = rng.poisson(20 * mean), rng.poisson(20 * mean[rng.permutation(400)] * rng.gamma(3, 1, (400, 14)) / 3)
    assert recognised(view("a", x, "protein"), view("b", rng.binomial(x, 0.5), "protein")) > 0.2
    assert recognised(view("a", x, "protein"), view("b", other, "protein")) < 0.1


def test_other_cells_are_not(cells, rng):
    mean = cells.mean(0)
    assert recognised(view("a", cells[:100]), view("b", cells[100:])) < 0.1
    assert recognised(view("a", rng.poisson(mean, (200, 60))), view("b", rng.poisson(mean, (200, 60)))) < 0.1


def test_genes_and_proteins_of_one_name_are_two_measurements():
    """Where counts are few, many genes tie inside their view: gaps to proteins are larger, and mean nothing."""
    mdata = xt.datasets.simulate_citeseq(n_cells={"rna": 330, "adt": 290}, n_genes=200, n_proteins=40, seed=7)
    a, b = View.of("rna", mdata["rna"]), View.of("adt", mdata["adt"])
    assert len(a.features.intersection(b.features)) >= 8
    assert recognised(a, b) < 0.1


def test_other_features_are_not_compared(cells):
    assert recognised(view("a", cells), view("b", cells, features=[f"p{j}" for j in range(60)])) == 0
