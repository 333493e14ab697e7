"""What neighbours and transport are computed with: faiss and NumPy, unless another engine is in use, as on a GPU.

The room of training brings that engine (`training/device_engine.py`), since torch lives there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from crosstie._typing import Array, Index


class Rows(Protocol):
    """Rows that an engine holds, in which nearest ones can be searched."""

    def search(self, query: Array, k: int) -> tuple[Array, Index]:
        """Return squared distances and numbers of the `k` nearest rows, both `(n_query, k)`, nearest first."""
        ...


class Engine(Protocol):
    """Where the two steps that take most time of a fit are computed: nearest neighbours and transport."""

    def rows(self, base: Array) -> Rows:
        """Take rows, shape `(n_base, d)`, float32."""
        ...

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
        ...


_in_use: ContextVar[Engine | None] = ContextVar("engine", default=None)


def engine_in_use() -> Engine | None:
    """Return the engine of the surrounding `computing_with`; `None` are faiss and NumPy."""
    return _in_use.get()


@contextmanager
def computing_with(engine: Engine | None) -> Iterator[None]:
    """Compute with an engine inside the block, in this thread and those that `side_by_side` starts."""
    before = _in_use.set(engine)
    try:
        yield
    finally:
        _in_use.reset(before)
