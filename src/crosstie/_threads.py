"""Threads for linear algebra and neighbour search: one for small matrices, which are then processed in parallel."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import lru_cache
from typing import TypeVar

from threadpoolctl import ThreadpoolController

SMALL = 20_000
Item = TypeVar("Item")
Result = TypeVar("Result")


def n_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def side_by_side(function: Callable[[Item], Result], items: Iterable[Item], *, n_rows: int = 0) -> list[Result]:
    """Apply a function to items in parallel threads with single-threaded linear algebra; results keep the order.

    If matrices have `SMALL` rows or more, it is applied to one item after the other, and linear algebra has the
    threads. The threads see the context variables of the caller, such as the engine in use (`anchors/engine.py`).
    """
    if n_rows >= SMALL:
        return [function(item) for item in items]

    def alone(item: Item) -> Result:
        with few_threads(0):  # OpenMP limits are per calling thread
            return function(item)

    items = list(items)
    contexts = [copy_context() for _ in items]
    with few_threads(0), ThreadPoolExecutor(n_cores()) as threads:
        return list(threads.map(lambda context, item: context.run(alone, item), contexts, items))


@contextmanager
def few_threads(n_rows: int) -> Iterator[None]:
    """Limit linear algebra to one thread if matrices have fewer than `SMALL` rows, and restore the limit afterwards.

    This is a fixed rule rather than a measurement, because the number of threads changes the last bits of a sum. Small
    products take less time than distributing them over threads, especially on shared cores.
    """
    if n_rows >= SMALL:
        yield
        return
    with _libraries(len(sys.modules)).limit(limits=1):  # finding them is slow: only after an import, which may load one
        yield


@contextmanager
def leaving_a_core() -> Iterator[None]:
    """Leave a core to another process inside the block: threads that wait for each other would wait for that process.

    With a second process on two cores, a search of two threads takes four times as long as alone.
    """
    libraries = _libraries(len(sys.modules))
    most = max((library.num_threads for library in libraries.lib_controllers), default=1)
    with libraries.limit(limits=min(most, max(1, n_cores() - 1))):
        yield


@lru_cache(maxsize=1)
def _libraries(_n_modules: int) -> ThreadpoolController:
    """Find the libraries that have threads, among those loaded when there are this many modules."""
    return ThreadpoolController()
