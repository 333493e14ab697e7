"""Nearest neighbours and transport in torch, on a device: the same results as on the CPU, but for the last bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from crosstie._typing import Array, Index

BLOCK = 2**26  # distances in memory at a time: 256 MiB


@dataclass(frozen=True)
class TorchEngine:
    """An engine (`anchors/engine.py`) that computes on a device of torch.

    Parameters
    ----------
    device
        A device that exists, also the CPU.
    """

    device: torch.device

    def rows(self, base: Array) -> TorchRows:
        """Copy rows to the device, shape `(n_base, d)`."""
        return TorchRows(base, self.device)

    def plan(
        self,
        source: Array,
        target: Array,
        shares: tuple[Array, Array],
        *,
        entropy: float,
        balance: float,
        n_iterations: int,
    ) -> Array:
        """Return what `transport_plan` returns, for shares that have sum 1."""
        x, y, a, b = (_on(self.device, array) for array in (source, target, *shares))
        kernel = x @ y.T
        kernel = kernel.sub_(kernel.max()).div_(entropy).exp_()
        v = torch.ones_like(b)
        for _ in range(n_iterations):
            u = (a / (kernel @ v).clamp_min_(1e-30)).pow_(balance)
            v = (b / (u @ kernel).clamp_min_(1e-30)).pow_(balance)
        kernel.mul_(u[:, None]).mul_(v)
        return kernel.div_(kernel.sum(1).sum()).cpu().numpy()


class TorchRows:
    """Rows on a device: every search compares with all of them, at any number of rows.

    Parameters
    ----------
    base
        Coordinates to search in, shape `(n_base, d)`.
    device
        Where they go.
    """

    def __init__(self, base: Array, device: torch.device) -> None:
        # Distances are differences of squares, which lose fewer digits near the origin.
        self._centre = base.mean(0, dtype=np.float64).astype(np.float32)
        self._base = _on(device, base - self._centre)
        self._squares = self._base.square().sum(1)

    def search(self, query: Array, k: int) -> tuple[Array, Index]:
        """Return squared distances and numbers of the `k` nearest rows, both `(n_query, k)`, nearest first."""
        distance, row = np.empty((len(query), k), np.float32), np.empty((len(query), k), np.int64)
        n_asked = min(max(len(query), 1), 4096)
        n_rows = max(BLOCK // n_asked, k)
        for start in range(0, len(query), n_asked):
            part = slice(start, start + n_asked)
            asked = _on(self._base.device, query[part] - self._centre)
            best, near = asked[:, :0], torch.empty((len(asked), 0), dtype=torch.int64, device=asked.device)
            for first in range(0, len(self._base), n_rows):
                rows = slice(first, first + n_rows)
                found = self._squares[rows] - 2 * (asked @ self._base[rows].T)
                value, place = found.topk(min(k, found.shape[1]), largest=False)
                value, place = torch.cat([best, value], 1), torch.cat([near, place + first], 1)
                best, order = value.topk(min(k, value.shape[1]), largest=False)
                near = place.gather(1, order)
            best = (best + asked.square().sum(1, keepdim=True)).clamp_min_(0)
            distance[part], row[part] = best.cpu().numpy(), near.cpu().numpy()
        return distance, row


def _on(device: torch.device, array: Array) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(device)
