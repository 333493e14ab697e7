"""The networks: an encoder and a decoder for each view, and the critic that tells two views' latents apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from crosstie._typing import Array, Precision
from crosstie.anchors.linear import linear_inverse
from crosstie.config import Config
from crosstie.training.problem import Problem

NORMAL = 0.1  # standard deviation of the first weights of scMODAL


class Network(nn.Module):
    r"""Encoder or decoder: :math:`\mathrm{MLP}(x)`, or :math:`x W_0 + b_0 + \mathrm{MLP}(x)` (method.md, eq. 1)."""

    def __init__(self, n_in: int, n_out: int, hidden: int, kind: str, linear: str) -> None:
        super().__init__()
        self.first, self.last = _layer(n_in, hidden), _layer(hidden, n_out)
        self.linear = _layer(n_in, n_out).requires_grad_(linear == "trained") if kind == "residual" else None

    def forward(self, x: Tensor) -> Tensor:
        """Map rows of `x`."""
        out: Tensor = self.last(self.first(x).relu_())
        return out if self.linear is None else out + self.linear(x)

    @torch.no_grad()
    def start_at(self, matrix: Array, offset: Array) -> None:
        """Set the linear map, and the last layer to zero, so that the network is exactly `x @ matrix + offset`."""
        assert self.linear is not None
        self.linear.weight.copy_(torch.tensor(matrix.T))
        self.linear.bias.copy_(torch.tensor(offset))
        self.last.weight.zero_()
        self.last.bias.zero_()


class Networks(nn.Module):
    """Encoders and decoders of all views.

    Parameters
    ----------
    n_inputs
        Number of inputs of each view's networks, by name of the view.
    config
        Kind and width of the networks.
    """

    def __init__(self, n_inputs: Mapping[str, int], config: Config) -> None:
        super().__init__()
        q, hidden, linear = config.n_latent, config.hidden, config.linear
        self.precision = config.precision
        self.encoder = {view: Network(p, q, hidden, config.encoder, linear) for view, p in n_inputs.items()}
        self.decoder = {view: Network(q, p, hidden, config.decoder, linear) for view, p in n_inputs.items()}
        # torch knows them by number, for it refuses names such as "protein.1" or "values".
        self.encoders, self.decoders = nn.ModuleList(self.encoder.values()), nn.ModuleList(self.decoder.values())

    @classmethod
    def start(cls, problem: Problem, config: Config, generator: torch.Generator) -> Networks:
        """Build the networks of a problem with their first weights, drawn from `generator`."""
        net = cls(problem.n_inputs, config)
        draw_weights(net, generator, config.initial_weights)
        for view, x in problem.inputs.items():
            if config.encoder == "residual":
                net.encoder[view].start_at(*problem.linear[view])
            if config.decoder == "residual":
                net.decoder[view].start_at(*linear_inverse(x, *problem.linear[view]))
        return net

    @classmethod
    def restored(
        cls, n_inputs: Mapping[str, int], config: Config, take: Callable[[str, tuple[int, ...]], np.ndarray]
    ) -> Networks:
        """Build networks with the weights that `take(name, shape)` returns."""
        net = cls(n_inputs, config)
        weights = {key: torch.from_numpy(take(key, tuple(w.shape))) for key, w in net.state_dict().items()}
        net.load_state_dict(weights)
        return net.eval()

    def encode(self, view: str, x: Tensor) -> Tensor:
        """Map inputs `(n_cells, n_inputs)` to latent coordinates `(n_cells, n_latent)`."""
        return multiplied(self.encoder[view], x, self.precision)

    def decode(self, view: str, z: Tensor) -> Tensor:
        """Map latent coordinates `(n_cells, n_latent)` to inputs `(n_cells, n_inputs)`."""
        return multiplied(self.decoder[view], z, self.precision)

    def there_and_back(self, view: str, z: Tensor) -> Tensor:
        """Decode latent coordinates into a view and encode them again.

        Nothing bends between the decoder's last layer and the encoder's first, so that their product serves for both.
        For views with many inputs it costs about half, and differs by rounding.
        """
        encoder, decoder = self.encoder[view], self.decoder[view]
        n_inputs, hidden = encoder.first.in_features, encoder.first.out_features
        plain = encoder.linear is None and decoder.linear is None
        if not plain or n_inputs * (2 * len(z) - hidden) <= len(z) * hidden:
            return self.encode(view, self.decode(view, z))

        def through_both(z: Tensor) -> Tensor:
            weight = encoder.first.weight @ decoder.last.weight
            bias = encoder.first.weight @ decoder.last.bias + encoder.first.bias
            middle = nn.functional.linear(decoder.first(z).relu_(), weight, bias)
            return cast(Tensor, encoder.last(middle.relu_()))

        return multiplied(through_both, z, self.precision)

    @torch.no_grad()
    def encode_array(self, view: str, x: Array, *, chunk: int = 65_536) -> Array:
        """Do as `encode`, for arrays of any length, and always in the precision of the weights."""
        weight = next(self.parameters())
        starts = range(0, max(len(x), 1), chunk)  # an empty array still goes through once, for its width
        rows = (torch.tensor(x[i : i + chunk], dtype=weight.dtype, device=weight.device) for i in starts)
        return torch.cat([self.encoder[view](part) for part in rows]).cpu().numpy()


class Critic(nn.Module):
    r"""Score of a latent point, high where the source view is: :math:`D(z) \in [-c, c]` (method.md, eq. 8)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = [config.n_latent] + [config.critic_hidden] * config.critic_layers
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(widths):
            layers += [_layer(n_in, n_out), nn.ReLU(inplace=True)]
        self.mlp = nn.Sequential(*layers, _layer(widths[-1], 1))
        self.clamp, self.precision = config.critic_clamp, config.precision

    def forward(self, z: Tensor) -> Tensor:
        """Return the scores of the rows of `z`, shape `(n_cells, 1)`."""
        return multiplied(self.mlp, z, self.precision).clamp(-self.clamp, self.clamp)


def multiplied(layers: Callable[[Tensor], Tensor], x: Tensor, precision: Precision) -> Tensor:
    """Return `layers(x)`, whose matrices are multiplied in this precision; weights and result keep their own."""
    if precision == "float32":
        return layers(x)
    # Nothing cached: inside another such block, the critic would keep the weights of its first step.
    with torch.autocast(x.device.type, torch.bfloat16, cache_enabled=False):
        return layers(x).to(x.dtype)


@torch.no_grad()
def draw_weights(module: nn.Module, generator: torch.Generator, how: Literal["uniform", "normal"]) -> None:
    """Draw weights and biases of every linear layer, uniformly within ±1/√n_in (torch's own rule) or from N(0, .1²)."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            bound = 1 / math.sqrt(layer.in_features)
            for weight in (layer.weight, layer.bias):
                if how == "normal":
                    weight.normal_(0, NORMAL, generator=generator)
                else:
                    weight.uniform_(-bound, bound, generator=generator)


def _layer(n_in: int, n_out: int) -> nn.Linear:
    """Return a linear layer without torch's first draw, which would use up the user's global random numbers."""
    return skip_init(nn.Linear, n_in, n_out)
