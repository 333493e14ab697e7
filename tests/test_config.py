"""Settings: JSON round trips, types and ranges, and the published method."""

import dataclasses
import json
import subprocess
import sys

import pytest

from crosstie.model import Config


@pytest.mark.parametrize("config", [Config(), Config.scmodal(), Config(hidden=7, betas=(0.5, 0.9), hold=2)])
def test_json_round_trip(config):
    assert Config.from_json(config.to_json()) == config


def test_json_is_plain_and_partial():
    assert json.loads(Config().to_json())["betas"] == [0.9, 0.999]
    assert Config.from_json('{"hidden": 9}') == Config(hidden=9)


def test_scmodal_is_the_paper():
    c = Config.scmodal()
    assert (c.n_latent, c.hidden, c.critic_hidden, c.critic_layers, c.critic_clamp) == (20, 512, 512, 2, 50)
    assert (c.reconstruction, c.cycle, c.geometry, c.anchors, c.adversarial, c.hold) == (10, 10, 10, 1, 1, 0)
    assert (c.geometry_bandwidth, c.geometry_clamp, c.anchor_scope, c.anchor_k) == (1, 0.975, "batch", 30)
    assert (c.n_steps, c.batch_size, c.critic_steps, c.schedule) == (10_000, 500, 5, "constant")
    assert (c.learning_rate, c.betas, c.weight_decay, c.grad_clip) == (1e-3, (0.9, 0.999), 1e-3, 5)
    assert (c.encoder, c.decoder, c.features, c.alignment) == ("mlp", "mlp", "linked apart", "adversarial")
    assert (c.initial_weights, c.sampling, c.precision) == ("normal", "replacement", "float32")
    assert c.keep == "last"
    assert Config.scmodal(recipe="crosstie") == dataclasses.replace(c, features="features")
    with pytest.raises(ValueError, match=r"the recipe is unknown\.\n  found: 'ours'"):
        Config.scmodal(recipe="ours")


def test_default_training_is_short_and_holds_the_closed_form():
    c = Config()
    assert (c.training, c.n_steps, c.geometry, c.hold) == ("none", 300, 0, 1)
    assert Config(training="full").needs_closed_form


def test_unknown_key_names_the_nearest():
    with pytest.raises(KeyError, match=r"unknown name 'hiden'.*\n.*\n.*Did you mean 'hidden'"):
        Config.from_json('{"hiden": 9}')


@pytest.mark.parametrize(("text", "error"), [("{", ValueError), ("[1]", TypeError)])
def test_not_a_json_object(text, error):
    with pytest.raises(error, match="config: the text is not"):
        Config.from_json(text)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"n_steps": 0}, ValueError, "n_steps is out of its range.\n  found: 0\n  expected: at least 1"),
        ({"batch_size": 1}, ValueError, "batch_size"),
        ({"n_latent": 2.5}, TypeError, "n_latent is not a whole number"),
        ({"hidden": True}, TypeError, "hidden"),
        ({"learning_rate": 0}, ValueError, "above 0"),
        ({"learning_rate": float("nan")}, ValueError, "learning_rate"),
        ({"cycle": -1}, ValueError, "cycle"),
        ({"cycle": float("inf")}, ValueError, "finite"),
        ({"cycle": "ten"}, TypeError, "cycle is not a number"),
        ({"geometry_clamp": 1.01}, ValueError, "above 0 and at most 1"),
        ({"betas": (0.9, 1.0)}, ValueError, "at least 0 and below 1"),
        ({"betas": 0.9}, TypeError, "betas is not a pair"),
        ({"schedule": "step"}, ValueError, "schedule is unknown.\n  found: 'step'"),
        ({"anchor_scope": []}, ValueError, "anchor_scope"),
        (dict.fromkeys(("reconstruction", "cycle", "geometry", "anchors", "hold"), 0), ValueError, "no term"),
    ],
)
def test_wrong_settings(change, error, words):
    with pytest.raises(error, match=words.replace("(", r"\(")):
        Config(**change)


def test_every_number_has_a_range():
    from crosstie.config import RANGES

    for field in dataclasses.fields(Config):
        assert isinstance(field.default, str) or field.name in RANGES, field.name


def test_keywords_only_and_frozen():
    with pytest.raises(TypeError):
        Config("full")
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().hidden = 3


@pytest.mark.trains
def test_importing_the_room_does_not_import_torch():
    code = """
import sys
import crosstie.model
crosstie.model.Config(), crosstie.model.Problem
assert "torch" not in sys.modules
crosstie.model.Networks
assert "torch" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_attribute():
    import crosstie.model

    assert "Networks" in dir(crosstie.model)
    with pytest.raises(AttributeError, match="has no attribute 'Nets'"):
        _ = crosstie.model.Nets
