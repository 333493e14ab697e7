"""The terms of the objective: each is its equation, over all views or all edges. Summed with their weights in `fit`.

Dense cells × cells arrays occur only here, and only for a minibatch.
"""

# ruff: noqa: ARG002, D102 - a term is its equation, in the docstring of its class, and takes what all terms take.

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from torch import Tensor

from crosstie._typing import Edge
from crosstie.config import Config
from crosstie.training.minibatches import Batch
from crosstie.training.networks import Networks

Latents = dict[str, Tensor]


class Term(ABC):
    """One scalar of the objective, to be minimised.

    A term that compares all cells of a minibatch with each other is `whole`; any other is a mean over its cells, and
    several processes can each take some of them.
    """

    whole = False

    def __init__(self, views: tuple[str, ...], edges: tuple[Edge, ...], config: Config) -> None:
        self.views, self.edges, self.config = views, edges, config

    @abstractmethod
    def __call__(self, net: Networks, batch: Batch, z: Latents) -> Tensor:
        """Return the term for a minibatch whose cells have the latent coordinates `z`."""


class Reconstruction(Term):
    r"""Autoencoding: :math:`\sum_i \lVert x_i - G_i(z_i) \rVert^2 / (n_i p_i)` (method.md, eq. 3)."""

    def __call__(self, net: Networks, batch: Batch, z: Latents) -> Tensor:
        return add((batch.x[i] - net.decode(i, z[i])).square().mean() for i in self.views)


class Cycle(Term):
    r"""There and back: :math:`\sum_{(i,j)} \lVert z_i - E_j(G_j(z_i)) \rVert^2 / (n_i q)` (method.md, eq. 4).

    The sum runs over both directions of every edge.
    """

    def __call__(self, net: Networks, batch: Batch, z: Latents) -> Tensor:
        both_ways = [(i, j) for edge in self.edges for i, j in (edge, edge[::-1])]
        return add((z[i] - net.there_and_back(j, z[i])).square().mean() for i, j in both_ways)


class Geometry(Term):
    r"""Kernel rows alike: :math:`-\sum_i \langle \min(\cos(K(x_i), K(z_i)), c) \rangle` (method.md, eq. 5)."""

    whole = True

    def __call__(self, net: Networks, batch: Batch, z: Latents) -> Tensor:
        h, c = self.config.geometry_bandwidth, self.config.geometry_clamp
        return -add(row_cosines(kernel(batch.x[i], h), kernel(z[i], h)).clamp(max=c).mean() for i in self.views)


class GlobalAnchors(Term):
    r"""Anchors meet: :math:`\sum_{(i,j)} \sum_a w_a \lVert E_i(x_a) - E_j(y_a) \rVert^2 / q \sum w` (method.md, eq. 6).

    The pairs of a minibatch are drawn in proportion to :math:`w`, so their plain mean has this value on average.
    """

    def __call__(self, net: Networks, batch: Batch, z: Latents) -> Tensor:
        return add((net.encode(i, x) - net.encode(j, y)).square().mean() for (i, j), (x, y) in batch.pairs.items())


class BatchAnchors(Term):
    r"""Mutual neighbours meet: :math:`\sum_{(i,j)} \langle \lVert z_a - z_b \rVert^2 / q \rangle` (method.md, eq. 7).

    The mean is over pairs :math:`(a, b)` of the minibatch's cells that are each other's nearest by linked columns.
    """

    whole = True

    def __call__(self, net: Networks, batch: Batch, z: Latents) -> Tensor:
        k, terms = self.config.anchor_k, []
        for (i, j), (x, y) in batch.linked.items():
            mutual = mutual_neighbours(x, y, k).to(z[i].dtype)
            terms.append((mutual * squared_distances(z[i], z[j])).sum() / mutual.sum().clamp(min=1))
        return add(terms)


class Hold(Term):
    r"""Stay near the closed form: :math:`\sum_i \lVert z_i - z_i^0 \rVert^2 / (n_i q)` (method.md, eq. 9)."""

    def __call__(self, net: Networks, batch: Batch, z: Latents) -> Tensor:
        return add((z[i] - batch.closed[i]).square().mean() for i in self.views)


def make_terms(views: tuple[str, ...], edges: tuple[Edge, ...], config: Config) -> dict[str, Term]:
    """Return the terms of weight above 0, by the name of their weight in the settings (method.md, eq. 2)."""
    kinds: dict[str, type[Term]] = {
        "reconstruction": Reconstruction,
        "cycle": Cycle,
        "geometry": Geometry,
        "anchors": GlobalAnchors if config.anchor_scope == "global" else BatchAnchors,
        "hold": Hold,
    }
    return {name: kind(views, edges, config) for name, kind in kinds.items() if getattr(config, name) > 0}


def add(values: Iterable[Tensor]) -> Tensor:
    """Return the sum of scalars."""
    return torch.stack(tuple(values)).sum()


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Return squared distances, mean over coordinates, of all rows of `x` to all of `y`: one matrix product."""
    norms = x.square().sum(1)[:, None] + y.square().sum(1)
    return torch.addmm(norms, x, y.T, alpha=-2).clamp(min=0) / x.shape[1]  # rounding can leave -1e-7


def kernel(x: Tensor, bandwidth: float) -> Tensor:
    """Return the Gaussian kernel exp(-d² / 2h²) of all pairs of rows, with d² the mean over coordinates."""
    x = x / (bandwidth * x.shape[1] ** 0.5)  # scaled here, n × p, rather than after, n × n
    norms = x.square().sum(1) / 2
    return torch.addmm(-(norms[:, None] + norms), x, x.T).exp()


def row_cosines(a: Tensor, b: Tensor) -> Tensor:
    """Return the cosine of each row of `a` with the same row of `b`."""
    return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))


@torch.no_grad()
def mutual_neighbours(x: Tensor, y: Tensor, k: int) -> Tensor:
    """Return which rows of `x` and `y` are among each other's `k` nearest by cosine, a mask `(n_cells, n_cells)`."""
    cosine = torch.nn.functional.normalize(x) @ torch.nn.functional.normalize(y).T
    forth = torch.zeros_like(cosine, dtype=torch.bool).scatter_(1, cosine.topk(min(k, len(y)), 1).indices, True)
    back = torch.zeros_like(cosine, dtype=torch.bool).scatter_(0, cosine.topk(min(k, len(x)), 0).indices, True)
    return forth & back
