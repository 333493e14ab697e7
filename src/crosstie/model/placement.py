"""Placing all cells of a view in the latent space, block by block, in threads, processes or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import scipy.sparse as sp

from crosstie._errors import value_error
from crosstie._threads import few_threads, n_cores
from crosstie._typing import Array, Index, Labels, Mask, Matrix
from crosstie.data.stored import Stored, bounds_of, rows_of
from crosstie.data.values import Values, check_values

if TYPE_CHECKING:
    from crosstie.model.latent_map import LatentMap

Bound = tuple[int, int]


@dataclass(frozen=True)
class CellReader:
    """Cells of a view, fitted or new; rows are checked and aligned to the recipe's features when they are read.

    Parameters
    ----------
    view
        Name of the fitted view whose recipe is used.
    matrix
        Cells × features, in memory or stored.
    values
        The kind of values that the view was fitted to.
    where
        Column of the matrix for each feature of the recipe, -1 if it is missing; `None` if the columns are the recipe's
        features.
    """

    view: str
    matrix: Matrix | Stored
    values: Values
    where: Index | None = None

    @property
    def absent(self) -> Mask | None:
        """Features of the recipe that were not measured, a mask; `None` if all were."""
        return None if self.where is None or (self.where >= 0).all() else self.where < 0

    def rows(self, start: int, stop: int) -> Matrix:
        """Return consecutive cells in the recipe's features, 0 for features that were not measured.

        Raises
        ------
        ValueError
            If the values are of another kind than the fitted ones.
        """
        block = rows_of(self.matrix, start, stop)
        if self.where is not None:
            there = np.flatnonzero(self.where >= 0)
            if sp.issparse(block):
                ones = np.ones(len(there), np.float32)
                shape = (block.shape[1], len(self.where))
                block = sp.csr_matrix(block @ sp.csr_matrix((ones, (self.where[there], there)), shape=shape))
            else:
                aligned = np.zeros((len(block), len(self.where)), np.float32)
                aligned[:, there] = block[:, self.where[there]]
                block = aligned
        check_values(block, self.view, self.values)
        return block

    def bounds(self) -> list[Bound]:
        """Return the first and the last row (exclusive) of each block."""
        return bounds_of(self.matrix)

    def part(self, start: int, stop: int) -> tuple[CellReader, Bound]:
        """Return what another process needs to read some rows: where a stored matrix is, or the rows themselves."""
        if isinstance(self.matrix, Stored):
            return self, (start, stop)
        return replace(self, matrix=self.matrix[start:stop]), (0, stop - start)


Task = tuple[CellReader, Bound, Labels | None]


class Pool(Protocol):
    """Workers that place blocks: threads of this process, or other processes."""

    def agree(self, left: list[Bound]) -> list[Bound]:
        """Return the blocks to place, given those that this process lacks."""
        ...

    def run(self, encoder: LatentMap, tasks: Sequence[Task]) -> Iterator[tuple[int, Array]]:
        """Yield number and coordinates of every task, in any order."""
        ...


class Threads:
    """Threads that place blocks in parallel, each on one core: results do not depend on their number."""

    def __init__(self, n_threads: int | None = None) -> None:
        self.n_threads = n_threads or n_cores()

    def agree(self, left: list[Bound]) -> list[Bound]:
        """Return the blocks unchanged."""
        return left

    def run(self, encoder: LatentMap, tasks: Sequence[Task]) -> Iterator[tuple[int, Array]]:
        """Yield number and coordinates of every task, as they finish; at most two per thread are in progress."""
        with few_threads(0), ThreadPoolExecutor(self.n_threads) as threads:

            def start(task: Task) -> Future[Array]:
                return threads.submit(copy_context().run, placed, encoder, task)

            yield from as_done(start, tasks, 2 * self.n_threads)


class Parts(Protocol):
    """Store of the coordinates of finished blocks, for runs that may be interrupted."""

    def find(self, view: str, bound: Bound) -> Array | None:
        """Return the stored coordinates of a block, or `None`."""
        ...

    def keep(self, view: str, bound: Bound, z: Array) -> None:
        """Keep the coordinates of a block."""
        ...


def place(
    encoder: LatentMap, cells: CellReader, batch: Labels | None, *, pool: Pool | None = None, parts: Parts | None = None
) -> Array:
    """Return coordinates of cells, shape `(n_cells, n_latent)`.

    Parameters
    ----------
    encoder
        The fitted map.
    cells, batch
        The cells, and the batch of each.
    pool
        Workers; `None` uses threads.
    parts
        Store of finished blocks; `None` keeps nothing.

    Raises
    ------
    ValueError
        If the values of some cells cannot be used.
    """
    bounds, pool = cells.bounds(), pool or Threads()
    out = np.empty((cells.matrix.shape[0], encoder.n_latent), np.float32)
    left = []
    for bound in bounds:
        found = None if parts is None else parts.find(cells.view, bound)
        if found is None:
            left.append(bound)
        else:
            out[slice(*bound)] = _checked(found, cells.view, bound, encoder.n_latent, "the resume folder")
    left = pool.agree(left)
    tasks: list[Task] = [(cells, bound, None if batch is None else batch[slice(*bound)]) for bound in left]
    for i, answer in pool.run(encoder, tasks):
        z = _checked(answer, cells.view, left[i], encoder.n_latent, "a worker")
        out[slice(*left[i])] = z
        if parts is not None:
            parts.keep(cells.view, left[i], z)
    return out


def _checked(z: Any, view: str, bound: Bound, n_latent: int, giver: str) -> Array:
    """Return the coordinates of a block as they are; raises if they cannot be those of its cells."""
    expected = bound[1] - bound[0], n_latent
    is_array = isinstance(z, np.ndarray)
    if is_array and z.shape == expected and z.dtype == np.float32 and np.isfinite(z).all():
        return z  # type: ignore[no-any-return]
    found = f"shape {z.shape}, {z.dtype}" if is_array else type(z).__name__
    if is_array and z.shape == expected and z.dtype == np.float32:
        found = "values that are not finite"
    raise value_error(
        f"cells {bound[0]:,} to {bound[1] - 1:,} of view {view!r}: {giver} returned unusable coordinates.",
        found=found,
        expected=f"shape {expected}, float32, finite",
        do="Remove the resume folder." if giver == "the resume folder" else "Do all workers run this version?",
    )


def placed(encoder: LatentMap, task: Task) -> Array:
    """Return the coordinates of the cells of one task."""
    cells, bound, batch = task
    with few_threads(0):
        return encoder.encode(cells.view, cells.rows(*bound), batch, cells.absent)


def as_done(submit: Callable[[Task], Future[Array]], tasks: Sequence[Task], most: int) -> Iterator[tuple[int, Array]]:
    """Yield number and result of tasks as they finish; at most `most` are running or waiting to be collected."""
    under_way: dict[Future[Array], int] = {}
    try:
        for i, task in enumerate(tasks):
            if len(under_way) >= most:
                yield from _taken(under_way)
            under_way[submit(task)] = i
        while under_way:
            yield from _taken(under_way)
    finally:
        for future in under_way:
            future.cancel()


def _taken(under_way: dict[Future[Array], int]) -> Iterator[tuple[int, Array]]:
    for future in wait(under_way, return_when=FIRST_COMPLETED).done:
        yield under_way.pop(future), future.result()
