"""Training that goes on after a cut, to the same bits, and only from a state of its own."""

import numpy as np
import pytest

import crosstie as xt
from crosstie.training import checkpoint
from crosstie.training import loop as fit_module

from .small_training import config, views


def cut_at(step, monkeypatch):
    """Stop training with an error at a step, and keep the state at every step before."""
    train_step, n = fit_module.train_step, []

    def stopping(*args):
        n.append(0)
        if len(n) == step:
            raise KeyboardInterrupt
        return train_step(*args)

    monkeypatch.setattr(fit_module, "train_step", stopping)
    monkeypatch.setattr(checkpoint, "KEEP_EVERY", 0.0)


@pytest.mark.parametrize("changes", [{}, {"anchor_scope": "batch", "adversarial": 0.0, "sampling": "replacement"}])
def test_training_goes_on_to_the_same_bits(changes, tmp_path, monkeypatch):
    whole = xt.integrate(views(), config=config(**changes))
    with monkeypatch.context() as patch:
        cut_at(31, patch)
        with pytest.raises(KeyboardInterrupt):
            xt.integrate(views(), config=config(**changes), resume=tmp_path / "work")
    assert (tmp_path / "work" / "training.safetensors").is_file()
    steps = []
    again = xt.integrate(
        views(), config=config(**changes), resume=tmp_path / "work", progress=lambda step, *_: steps.append(step)
    )
    assert min(steps) > 30
    for view, z in whole.latents.items():
        np.testing.assert_array_equal(again.latents[view], z)
    assert again.history.equals(whole.history)
    assert not (tmp_path / "work").exists()


def test_state_of_another_training_is_refused(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        cut_at(5, patch)
        with pytest.raises(KeyboardInterrupt):
            xt.integrate(views(), config=config(), resume=tmp_path / "work")
    with pytest.raises(ValueError, match="is of another fit"):
        xt.integrate(views(), config=config(hidden=32), resume=tmp_path / "work")
    file = tmp_path / "work" / "training.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"training.safetensors' is not of this training(.|\n)*Remove it"):
        xt.integrate(views(), config=config(), resume=tmp_path / "work")
