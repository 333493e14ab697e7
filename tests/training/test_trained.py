"""Networks are kept only if they are numbers and no worse than the closed form."""

import logging
from dataclasses import replace

import numpy as np
import pytest

import crosstie as xt

CLOSED = xt.Config(n_components=30, n_latent=20)
TRAINED = replace(CLOSED, training="full", n_steps=20, hidden=16, critic_hidden=16)
SMALL = replace(CLOSED, training="full", n_steps=3, hidden=8, critic_hidden=8)


def simulate(n_cells=300, seed=0):
    return dict(xt.datasets.simulate_citeseq(n_cells=n_cells, n_genes=200, n_proteins=30, seed=seed).mod)


@pytest.fixture(scope="module")
def data():
    return simulate()


@pytest.fixture(scope="module")
def fitted(data):
    return xt.integrate(data, config=CLOSED)


@pytest.mark.trains
@pytest.mark.parametrize("learning_rate", [1.0, 1e3, 1e10])
@pytest.mark.parametrize("change", [{}, {"encoder": "mlp", "decoder": "mlp", "hold": 0.0}])
def test_training_that_collapses_gives_way(data, fitted, learning_rate, change, caplog):
    ruin = replace(TRAINED, learning_rate=learning_rate, adversarial=1e3, **change)
    with caplog.at_level(logging.WARNING, "crosstie"):
        model = xt.integrate(data, config=ruin)
    assert "the closed form" in caplog.text
    assert "keeping the closed form" in caplog.text
    assert model.networks is None
    for view in data:
        np.testing.assert_array_equal(model.embed(view), fitted.embed(view))


@pytest.mark.trains
def test_coordinates_that_are_not_numbers_are_not_kept(data, fitted, monkeypatch, caplog):
    """The last step of training can spoil the weights without any loss telling of it."""
    from crosstie.training.networks import Networks

    monkeypatch.setattr(Networks, "encode_array", lambda self, view, x: np.full((len(x), 20), np.nan, np.float32))
    with caplog.at_level(logging.WARNING, "crosstie"):
        model = xt.integrate(data, config=TRAINED)
    assert "are not finite" in caplog.text
    np.testing.assert_array_equal(model.embed("rna"), fitted.embed("rna"))
    with pytest.raises(FloatingPointError, match="the coordinates of rna are not finite"):
        xt.integrate(data, config=replace(TRAINED, fallback="none"))


@pytest.mark.trains
def test_a_ruined_latent_gives_way_to_the_closed_form(data, caplog, tmp_path):
    ruin = replace(SMALL, encoder="mlp", decoder="mlp", hold=0.0)
    with caplog.at_level(logging.WARNING, "crosstie"):
        model = xt.integrate(data, config=ruin, batch_key="batch")
    assert "training did not improve on the closed form; keeping the closed form: " in caplog.text
    closed = xt.integrate(data, config=CLOSED, batch_key="batch")
    for view in data:
        np.testing.assert_array_equal(model.embed(view), closed.embed(view))
        np.testing.assert_array_equal(model.embed(view, data[view]), closed.embed(view, data[view]))
    assert len(model.history)
    model.save(tmp_path / "run")
    loaded = xt.Model.load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.embed("rna"), closed.embed("rna"))
    assert len(loaded.history) == len(model.history)


@pytest.mark.trains
def test_the_fallback_can_be_turned_off(data):
    ruin = replace(SMALL, encoder="mlp", decoder="mlp", hold=0.0, fallback="none")
    assert xt.integrate(data, config=ruin).networks is not None


@pytest.mark.trains
def test_what_does_no_harm_is_kept(data):
    assert xt.integrate(data, config=replace(SMALL, n_steps=1, learning_rate=1e-6)).networks is not None
