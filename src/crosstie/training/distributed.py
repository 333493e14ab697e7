"""Training in one process or several: each takes a share of every minibatch, and gradients are averaged.

All processes hold the same data and draw the same minibatches. The mean of their gradients is the gradient of the
whole minibatch, so the result is that of one process, up to the order of summation.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from crosstie._errors import value_error
from crosstie._ranks import Group, lost_means
from crosstie._typing import Array
from crosstie.training.minibatches import Batch
from crosstie.training.terms import Latents

Item = TypeVar("Item")


def join() -> Group:
    """Join the other processes started by torchrun."""
    if not dist.is_initialized():
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    return Group(dist.get_rank(), dist.get_world_size())


def of_all(mine: Item, n_ranks: int) -> list[Item]:
    """Return what each process holds, by rank."""
    out: list[Item] = [mine] * n_ranks
    dist.all_gather_object(out, mine)
    return out


def handed_on(z: Array | None, shape: tuple[int, int], *, rank: int, n_ranks: int) -> Array:
    """Broadcast the array of one process; the others pass `None`."""
    out = np.empty(shape, np.float32) if z is None else z
    with lost_means(n_ranks, rank):
        dist.broadcast(torch.from_numpy(out), src=rank)
    return out


class Together:
    """The share of this process in the training.

    Parameters
    ----------
    group
        The processes that train; `None` if this one is alone.
    """

    def __init__(self, group: Group | None = None) -> None:
        self.rank, self.n_ranks = (0, 1) if group is None else (group.rank, group.n_ranks)

    def trim(self, batch: Batch) -> Batch:
        """Return a minibatch that divides evenly: from every view, fewer cells than there are processes are left out.

        Raises
        ------
        ValueError
            If a view has fewer cells than there are processes.
        """
        if self.n_ranks == 1:
            return batch
        for view, x in batch.x.items():
            if len(x) < self.n_ranks:
                raise value_error(
                    f"training: {view} has too few cells for {self.n_ranks} processes.",
                    found=f"{len(x)} cells in a minibatch",
                    do="Start fewer processes.",
                )
        return batch.part(lambda x: x[: len(x) // self.n_ranks * self.n_ranks])

    def share(self, batch: Batch) -> Batch:
        """Return the cells and pairs of a trimmed minibatch that this process works on."""
        return batch if self.n_ranks == 1 else batch.part(lambda x: x.chunk(self.n_ranks)[self.rank])

    def gather(self, z: Latents) -> Latents:
        """Return the coordinates of all cells of the minibatch; gradients reach those of this process only."""
        return z if self.n_ranks == 1 else {view: torch.cat(self._gathered(mine)) for view, mine in z.items()}

    def weigh(self, loss: Tensor) -> Tensor:
        """Scale a loss of gathered coordinates so that averaging over processes gives its full gradient."""
        return loss if self.n_ranks == 1 else loss + (self.n_ranks - 1) * (loss - loss.detach())

    def average(self, values: Iterable[Tensor]) -> None:
        """Replace values by their means over all processes, in one exchange."""
        if self.n_ranks == 1:
            return
        values = list(values)
        flat = torch.cat([value.reshape(-1) for value in values])
        with lost_means(self.n_ranks):
            dist.all_reduce(flat)
        for value, mean in zip(values, (flat / self.n_ranks).split([v.numel() for v in values]), strict=True):
            value.copy_(mean.view_as(value))

    def of_first(self, content: bytes) -> bytes:
        """Return what the first process holds."""
        if self.n_ranks == 1:
            return content
        size = torch.tensor(len(content))
        with lost_means(self.n_ranks, 0):
            dist.broadcast(size, 0)
            data = torch.empty(int(size), dtype=torch.uint8)
            if self.rank == 0 and content:
                data = torch.frombuffer(bytearray(content), dtype=torch.uint8)
            dist.broadcast(data, 0)
        return bytes(data.numpy())

    def _gathered(self, mine: Tensor) -> list[Tensor]:
        parts = [torch.empty_like(mine) for _ in range(self.n_ranks)]
        with lost_means(self.n_ranks):
            dist.all_gather(parts, mine.detach().contiguous())
        parts[self.rank] = mine
        return parts


ALONE = Together()
