"""How many threads linear algebra and neighbour search use: one while work is small; pieces then run side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from threadpoolctl import threadpool_limits

SMALL = 20_000
Item = TypeVar("Item")
Result = TypeVar("Result")


def n_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def side_by_side(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Return the results of items in order, worked on in threads, linear algebra on one thread in each."""

    def alone(item: Item) -> Result:
        with few_threads(0):  # OpenMP counts threads for each thread that asks
            return function(item)

    with few_threads(0), ThreadPoolExecutor(n_cores()) as threads:
        return list(threads.map(alone, items))


@contextmanager
def few_threads(n_rows: int) -> Iterator[None]:
    """Run on one thread if matrices have fewer than `SMALL` rows, then go back to what was set.

    A rule and not a measurement, because the number of threads decides the last bits of a sum. Small products last
    less long than handing them to other threads; on shared cores, whose threads wait for each other, by far.
    """
    with threadpool_limits(1 if n_rows < SMALL else None):
        yield
