"""All cells of a view put into the latent space by what was fitted, block by block, whoever works on the blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
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
    """CellReader of a view, fitted or new, whose rows are checked and brought into the recipe's features when read.

    Parameters
    ----------
    view
        Name of the fitted view whose recipe they take.
    matrix
        CellReader × features, in memory or stored.
    values
        The kind of numbers that the view was fitted on.
    where
        Column of the matrix that holds each feature of the recipe, -1 where there is none; `None` where columns are
        the recipe's features.
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
        """Return consecutive cells in the recipe's features, 0 where one was not measured.

        Raises
        ------
        ValueError
            If they hold numbers of another kind than the fitted ones.
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
        """Return what another process needs of some rows: the place of a stored matrix, or the rows themselves."""
        if isinstance(self.matrix, Stored):
            return self, (start, stop)
        return replace(self, matrix=self.matrix[start:stop]), (0, stop - start)


Task = tuple[CellReader, Bound, Labels | None]


class Pool(Protocol):
    """Whoever works on blocks: threads here, or processes elsewhere."""

    def agree(self, left: list[Bound]) -> list[Bound]:
        """Return the blocks that are to be worked on, given those that this process lacks."""
        ...

    def run(self, encoder: LatentMap, tasks: Sequence[Task]) -> Iterator[tuple[int, Array]]:
        """Yield number and coordinates of every task, in any order."""
        ...


class Threads:
    """Blocks side by side in threads, linear algebra on one thread in each: the same bits for any number of them."""

    def __init__(self, n_threads: int | None = None) -> None:
        self.n_threads = n_threads or n_cores()

    def agree(self, left: list[Bound]) -> list[Bound]:
        """Return the blocks as they are."""
        return left

    def run(self, encoder: LatentMap, tasks: Sequence[Task]) -> Iterator[tuple[int, Array]]:
        """Yield number and coordinates of every task, as they are done; two a thread are under way at most."""
        with few_threads(0), ThreadPoolExecutor(self.n_threads) as threads:
            yield from as_done(lambda task: threads.submit(placed, encoder, task), tasks, 2 * self.n_threads)


class Parts(Protocol):
    """Where coordinates of finished blocks are kept, for a run that may be cut off."""

    def find(self, view: str, bound: Bound) -> Array | None:
        """Return what was kept of a block, if it was."""
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
        Fitted; of its own cells nothing is needed.
    cells, batch
        The cells, and the batch of each.
    pool
        Who works on the blocks; threads by default.
    parts
        Where finished blocks are kept.

    Raises
    ------
    ValueError
        If cells hold numbers that cannot be used.
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
    """Yield number and result of tasks as they are done; no more than `most` are under way, or wait to be taken."""
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
