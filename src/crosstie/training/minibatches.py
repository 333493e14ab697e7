"""Minibatches: cells of every view, shuffled epoch by epoch or drawn anew, and pairs of anchors, drawn by weight.

Everything random comes from one local generator on the CPU, so that every device, and every one of several processes,
sees the same batches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from crosstie._typing import Edge, Floats, Labels
from crosstie.anchors.pairs import Anchors
from crosstie.config import Config
from crosstie.training.problem import Problem


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One minibatch.

    Parameters
    ----------
    x
        Inputs of each view's cells, shape `(n_cells, n_inputs)`.
    pairs
        Inputs of the two cells of each drawn anchor, by edge, shapes `(n_pairs, n_inputs)`; not the cells in `x`.
    linked
        Linked columns of the cells in `x`, by edge, shapes `(n_cells, n_columns)`.
    closed
        Closed-form coordinates of the cells in `x`, shape `(n_cells, n_latent)`.
    """

    x: dict[str, Tensor]
    pairs: dict[Edge, tuple[Tensor, Tensor]] = field(default_factory=dict)
    linked: dict[Edge, tuple[Tensor, Tensor]] = field(default_factory=dict)
    closed: dict[str, Tensor] = field(default_factory=dict)

    def part(self, rows: Callable[[Tensor], Tensor]) -> Batch:
        """Return the batch of some of the rows of every array; `rows` picks them."""
        return Batch(
            x={view: rows(x) for view, x in self.x.items()},
            pairs={edge: (rows(x), rows(y)) for edge, (x, y) in self.pairs.items()},
            linked={edge: (rows(x), rows(y)) for edge, (x, y) in self.linked.items()},
            closed={view: rows(z) for view, z in self.closed.items()},
        )


class Shuffled:
    """Row numbers of one view, `size` at a time, each at most once in an epoch.

    The remainder of an epoch, too small for a batch, is dropped; each new shuffle drops other cells.
    """

    def __init__(self, n_rows: int, size: int, generator: torch.Generator) -> None:
        self.n_rows, self.size, self.generator = n_rows, min(size, n_rows), generator
        self.order, self.at = torch.empty(0, dtype=torch.int64), n_rows

    def draw(self) -> Tensor:
        """Return the next row numbers, shape `(size,)`."""
        if self.at + self.size > self.n_rows:
            self.order, self.at = torch.randperm(self.n_rows, generator=self.generator), 0
        rows = self.order[self.at : self.at + self.size]
        self.at += self.size
        return rows


class Independent:
    """Row numbers of one view, each drawn from all: some twice, some never."""

    def __init__(self, n_rows: int, size: int, generator: torch.Generator) -> None:
        self.n_rows, self.size, self.generator = n_rows, size, generator

    def draw(self) -> Tensor:
        """Return the next row numbers, shape `(size,)`."""
        return torch.randint(self.n_rows, (self.size,), generator=self.generator)


class Balanced:
    """Row numbers of one view with several batches: equally many of each batch, as far as possible."""

    def __init__(self, batch: Labels, size: int, generator: torch.Generator) -> None:
        code = np.unique(np.asarray(batch, dtype=str), return_inverse=True)[1]
        self.groups = [torch.from_numpy(np.flatnonzero(code == b)) for b in range(code.max() + 1)]
        shares = np.diff(np.linspace(0, min(size, len(code)), len(self.groups) + 1).round().astype(int))
        self.drawn = [Shuffled(len(g), max(1, int(n)), generator) for g, n in zip(self.groups, shares, strict=True)]

    def draw(self) -> Tensor:
        """Return the next row numbers."""
        return torch.cat([rows[drawn.draw()] for rows, drawn in zip(self.groups, self.drawn, strict=True)])


class Pairs:
    """Anchors of one edge, drawn with replacement with probability proportional to their weight."""

    def __init__(self, anchors: Anchors, size: int, generator: torch.Generator) -> None:
        used = np.flatnonzero(anchors.weight > 0)
        self.source = torch.as_tensor(np.asarray(anchors.source, np.int64)[used])
        self.target = torch.as_tensor(np.asarray(anchors.target, np.int64)[used])
        self.edges = torch.as_tensor(np.cumsum(anchors.weight[used], dtype=np.float64))
        self.size, self.generator = size, generator

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return row numbers of the two sides, each of shape `(size,)`."""
        mark = torch.rand(self.size, dtype=torch.float64, generator=self.generator) * self.edges[-1]
        chosen = torch.searchsorted(self.edges, mark, right=True).clamp_(max=len(self.edges) - 1)
        return self.source[chosen], self.target[chosen]


class Batches:
    """Draws minibatches of a problem; holds its arrays on the device, and only those that the terms need."""

    def __init__(
        self, problem: Problem, config: Config, *, generator: torch.Generator, device: torch.device | str = "cpu"
    ) -> None:
        def put(x: Floats) -> Tensor:
            x = np.asarray(x, np.float32)
            return torch.from_numpy(x if x.flags.writeable else x.copy()).to(device)

        self.device, self.generator = device, generator
        self.inputs = {view: put(x) for view, x in problem.inputs.items()}
        draws = Shuffled if config.sampling == "epochs" else Independent
        self.rows: dict[str, Shuffled | Independent | Balanced] = {
            view: Balanced(problem.batches[view], config.batch_size, generator)
            if view in problem.batches
            else draws(len(x), config.batch_size, generator)
            for view, x in self.inputs.items()
        }
        self.pairs: dict[Edge, Pairs] = {}
        self.linked: dict[Edge, tuple[Tensor, Tensor]] = {}
        self.closed: dict[str, Tensor] = {}
        if config.anchors > 0 and config.anchor_scope == "global":
            self.pairs = {e: Pairs(problem.anchors[e], config.anchor_pairs, generator) for e in problem.edges}
        if config.anchors > 0 and config.anchor_scope == "batch":
            self.linked = {e: (put(problem.linked[e][0]), put(problem.linked[e][1])) for e in problem.edges}
        if config.hold > 0:
            self.closed = {view: put(z) for view, z in problem.closed.items()}

    def draw(self) -> Batch:
        """Return the next minibatch."""
        rows = {view: drawn.draw().to(self.device) for view, drawn in self.rows.items()}
        pairs = {}
        for (i, j), drawn in self.pairs.items():
            source, target = drawn.draw()
            pairs[i, j] = self.inputs[i][source.to(self.device)], self.inputs[j][target.to(self.device)]
        return Batch(
            x={view: x[rows[view]] for view, x in self.inputs.items()},
            pairs=pairs,
            linked={(i, j): (a[rows[i]], b[rows[j]]) for (i, j), (a, b) in self.linked.items()},
            closed={view: z[rows[view]] for view, z in self.closed.items()},
        )

    def state(self) -> dict[str, Tensor]:
        """Return the state that determines the next batches."""
        state = {"generator": self.generator.get_state()}
        for i, drawn in enumerate(self._shuffled()):
            state |= {f"order.{i}": drawn.order, f"at.{i}": torch.tensor(drawn.at)}
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore a `state` of the same problem and settings."""
        self.generator.set_state(state["generator"])
        for i, drawn in enumerate(self._shuffled()):
            drawn.order, drawn.at = state[f"order.{i}"], int(state[f"at.{i}"])

    def _shuffled(self) -> list[Shuffled]:
        drawn = [part for rows in self.rows.values() for part in (rows.drawn if isinstance(rows, Balanced) else [rows])]
        return [part for part in drawn if isinstance(part, Shuffled)]
