"""What each edge compares: the features that links use, the columns they make, and the cells that are shared."""

import numpy as np
import pandas as pd
import pytest

import crosstie as xt
from crosstie.links.linked_columns import linked_features, reading

CLOSED = xt.Config(n_components=30, n_latent=20)


def simulate(seed=0, n_cells=300, **options):
    return dict(xt.datasets.simulate_citeseq(n_cells=n_cells, n_genes=150, n_proteins=30, seed=seed, **options).mod)


def truth(data, n=None, seed=0):
    """A table of the first cells that are the same, in an order of chance."""
    names = {v: pd.Series(data[v].obs_names, index=data[v].obs["true_cell"].to_numpy()) for v in ("rna", "adt")}
    numbers = np.random.default_rng(seed).permutation(np.intersect1d(names["rna"].index, names["adt"].index))[:n]
    cells = pd.DataFrame({"source": names["rna"][numbers].to_numpy(), "target": names["adt"][numbers].to_numpy()})
    return cells, numbers


@pytest.fixture(scope="module")
def data():
    return simulate(coupling=1.5)


def test_paired_links_that_contradict_each_other_are_refused(data):
    cells, _ = truth(data, 10)
    other = cells.assign(target=np.roll(cells["target"], 1))
    ties = [xt.links.paired(data, "rna", "adt", cells=c) for c in (cells, other)]
    with pytest.raises(ValueError, match="contradict each other"):
        xt.integrate(data, ties, config=CLOSED)


def test_reading_its_own_matrix_gives_the_loadings(data):
    model = xt.integrate(data, config=CLOSED)
    recipe, view = model.recipes["adt"], model.views["adt"]
    np.testing.assert_allclose(reading(recipe, view, recipe.transform(view.matrix)), recipe.loadings, atol=1e-3)


def test_linked_features_survive_the_selection(data):
    model = xt.Model(data)
    linked = linked_features(model.linkage, "rna")
    assert linked
    assert linked <= set(data["rna"].var_names)
    assert {"CD19"} <= linked
