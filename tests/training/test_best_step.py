"""Which step of a training is kept: the one that links call best, after an interruption, too."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from crosstie.config import Config
from crosstie.training.best_step import Best, link_rank
from crosstie.training.loop import fit
from crosstie.training.networks import Networks

from .conftest import make_problem

SMALL = Config(n_latent=4, hidden=16, critic_hidden=16, n_steps=60, batch_size=32, anchor_pairs=20, keep="best")


def by_hand(z, w, x, y):
    ways = []
    for a, b, p, q in ((z, w, x, y), (w, z, y, x)):
        near, unlike = cdist(a, b), cdist(p, q, "cosine")
        ways.append([(near[i] < near[i, j]).mean() for i in range(len(a)) for j in np.argsort(unlike[i])[:10]])
    return (np.mean(ways[0]) + np.mean(ways[1])) / 2


def test_link_rank_by_hand():
    rng = np.random.default_rng(0)
    z, w, x, y = (rng.normal(size=shape) for shape in ((30, 3), (40, 3), (30, 5), (40, 5)))
    assert link_rank(z, w, x, y) == pytest.approx(by_hand(z, w, x, y))
    assert link_rank(z, w[:4], x, y[:4]) == pytest.approx(by_hand(z, w[:4], x, y[:4]))


def test_link_rank_of_chance_and_of_truth():
    x = np.random.default_rng(0).normal(size=(400, 6))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    assert link_rank(unit, unit, x, x) < 0.02
    assert link_rank(unit, np.random.default_rng(1).permutation(unit), x, x) == pytest.approx(0.5, abs=0.02)
    turned, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(6, 6)))
    assert link_rank(unit @ turned, unit @ turned, x, 3 * x) == pytest.approx(link_rank(unit, unit, x, x))


def test_the_best_step_is_kept(pair, monkeypatch):
    seen, figures = {}, iter([0.4, 0.3, 0.2, 0.25, 0.2, *[0.3] * 8])
    monkeypatch.setattr("crosstie.training.best_step.link_rank", lambda *_: next(figures))
    net, history = fit(pair, SMALL, log_every=5, watch=lambda step, net: seen.update({step: encoded(net, pair)}))
    np.testing.assert_allclose(history["link_rank"][:5], [0.4, 0.3, 0.2, 0.25, 0.2])
    assert not np.array_equal(seen[10], seen[20])
    np.testing.assert_array_equal(encoded(net, pair), seen[10])
    last, without = fit(pair, replace(SMALL, keep="last"), log_every=5)
    np.testing.assert_array_equal(encoded(last, pair), seen[60])
    assert "link_rank" not in without


def test_the_figure_is_that_of_the_coordinates(pair):
    for norm in ("unit", "none"):
        config = replace(SMALL, latent_norm=norm)
        net, _ = fit(pair, replace(config, keep="last"))
        found = Best(net, pair, config).look(net)["link_rank"]
        z = {view: net.encode_array(view, x) for view, x in pair.inputs.items()}
        if norm == "unit":
            z = {view: x / np.linalg.norm(x, axis=1, keepdims=True) for view, x in z.items()}
        assert found == pytest.approx(by_hand(z["rna"], z["adt"], *pair.linked["rna", "adt"]), abs=1e-3)


def test_the_best_step_survives_an_interruption(pair, tmp_path, monkeypatch):
    monkeypatch.setattr("crosstie.training.checkpoint.KEEP_EVERY", 0.0)
    whole, history = fit(pair, SMALL, log_every=5)

    def stop(step, net):
        if step == 55:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(pair, SMALL, log_every=5, watch=stop, state=tmp_path / "state")
    resumed, again = fit(pair, SMALL, log_every=5, state=tmp_path / "state")
    assert again.equals(history)
    np.testing.assert_array_equal(encoded(resumed, pair), encoded(whole, pair))


def test_links_are_needed():
    with pytest.raises(ValueError, match="edge rna -> adt: keep='best' needs its linked columns"):
        fit(make_problem(linked={}), SMALL)


def encoded(net: Networks, problem):
    return net.encode_array("rna", problem.inputs["rna"])
