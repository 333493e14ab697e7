"""The map alone places cells and leads back to features, as the model that holds it does."""

import numpy as np
import pytest

import crosstie as xt

CLOSED = xt.Config(n_components=12, n_latent=8, n_rounds=2)


@pytest.fixture(scope="module")
def data():
    return dict(xt.datasets.simulate_citeseq(n_cells=60, n_genes=100, n_proteins=20).mod)


@pytest.fixture(scope="module")
def model(data):
    return xt.integrate(data, config=CLOSED, batch_key="batch")


@pytest.mark.parametrize("view", ["rna", "adt"])
def test_it_places_cells_as_the_model_does(model, view):
    z = model.map.encode(view, model.views[view].matrix, model.batches[view])
    np.testing.assert_allclose(z, model.embed(view), atol=1e-5)
    assert z.shape[1] == model.map.n_latent == model.n_latent


def test_absent_features_are_at_their_mean(model):
    """Cells of which nothing was measured are in one place."""
    absent = np.ones(len(model.recipes["rna"].features), bool)
    z = model.map.encode("rna", model.views["rna"].matrix, None, absent)
    np.testing.assert_allclose(z, np.broadcast_to(z[:1], z.shape), atol=1e-6)


def test_the_way_back_is_that_of_the_model(model):
    z = model.embed("rna")
    np.testing.assert_allclose(model.map.translate(z, "adt", scaled=False), model.translate("rna", "adt"), atol=1e-5)
