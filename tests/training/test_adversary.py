import numpy as np
import pytest
import torch

import oracles
from crosstie.config import Config
from crosstie.training.adversary import Adversary

CONFIG = Config(n_latent=4, critic_hidden=16)
EDGES = (("a", "b"), ("b", "c"))


def make(seed=0, n=(30, 20, 25), shift=0.0, config=CONFIG):
    adversary = Adversary(EDGES, config, torch.Generator().manual_seed(seed)).double()
    rng = np.random.default_rng(seed)
    z = {view: rng.normal(size=(rows, 4)) + shift * i for i, (view, rows) in enumerate(zip("abc", n, strict=True))}
    return adversary, {view: torch.tensor(points, requires_grad=True) for view, points in z.items()}


def weights(adversary):
    critics = zip(EDGES, adversary.critics, strict=True)
    return {edge: [w.detach().numpy() for w in critic.parameters()] for edge, critic in critics}


@pytest.mark.parametrize("clamp", [50.0, 0.05])
def test_losses_are_the_formula(clamp):
    adversary, z = make(config=Config(n_latent=4, critic_hidden=16, critic_clamp=clamp))
    arrays = {view: points.detach().numpy() for view, points in z.items()}
    expected = oracles.divergence(arrays, weights(adversary), clamp)
    assert float(adversary.critic_loss(z).detach()) == pytest.approx(expected, rel=1e-12)
    assert float(adversary.encoder_loss(z).detach()) == pytest.approx(-expected, rel=1e-12)


def test_critic_step_leaves_the_encoders_alone():
    adversary, z = make()
    adversary.critic_loss(z).backward()
    assert all(points.grad is None for points in z.values())
    assert all(weight.grad is not None for weight in adversary.parameters())
    adversary.encoder_loss(z).backward()
    assert all(points.grad is not None for points in z.values())


def test_the_two_pull_in_opposite_directions():
    adversary, z = make(shift=1.0)
    optimiser = torch.optim.Adam(adversary.parameters(), lr=1e-2)
    for _ in range(200):
        optimiser.zero_grad()
        adversary.critic_loss(z).backward()
        optimiser.step()
    told_apart = float(adversary.critic_loss(z).detach())
    assert told_apart < 0.5 * len(EDGES) * 2 * np.log(2)  # chance is 2 log 2 an edge
    gradient = torch.autograd.grad(adversary.encoder_loss(z), list(z.values()))
    moved = {view: points - 0.5 * g * len(points) for (view, points), g in zip(z.items(), gradient, strict=True)}
    assert float(adversary.critic_loss(moved).detach()) > told_apart


def test_one_critic_for_each_edge():
    adversary, z = make()
    assert len(adversary.critics) == 2
    z["c"] = z["c"].detach() + 1
    change = torch.autograd.grad(adversary(z), list(adversary.critics[0].parameters()))
    z["c"] = z["c"] + 5
    again = torch.autograd.grad(adversary(z), list(adversary.critics[0].parameters()))
    assert all(torch.equal(a, b) for a, b in zip(change, again, strict=True))
