"""The adversary: critics that tell the views' latents apart, and the term that makes the encoders fool them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from crosstie._typing import Edge
from crosstie.config import Config
from crosstie.training.networks import Critic, draw_weights
from crosstie.training.terms import Latents, add


class Adversary(nn.Module):
    """One critic for each edge.

    One per edge rather than one for all views: edges say which views should mix, a chain of views gives the published
    method, and views that are not linked are not compared.
    """

    def __init__(self, edges: tuple[Edge, ...], config: Config, generator: torch.Generator) -> None:
        super().__init__()
        self.edges = edges
        self.critics = nn.ModuleList(Critic(config) for _ in edges)
        draw_weights(self, generator, config.initial_weights)

    def forward(self, z: Latents) -> Tensor:
        r"""Return :math:`\sum_{(i,j)} \langle s(-D_{ij}(z_i)) \rangle + \langle s(D_{ij}(z_j)) \rangle`.

        Equation 8 of method.md; :math:`s` is softplus. At its lowest over all critics it is, up to constants, minus
        the Jensen–Shannon divergence of the two latent distributions.
        """
        values = []
        for (i, j), critic in zip(self.edges, self.critics, strict=True):
            source, target = critic(torch.cat([z[i], z[j]])).split([len(z[i]), len(z[j])])
            values.append(softplus(-source).mean() + softplus(target).mean())
        return add(values)

    def critic_loss(self, z: Latents) -> Tensor:
        """Return what the critics minimise. The latents are detached: nothing flows back into the encoders."""
        return self({view: points.detach() for view, points in z.items()})

    def encoder_loss(self, z: Latents) -> Tensor:
        """Return what the encoders minimise: the critics' loss, negated."""
        return -self(z)
