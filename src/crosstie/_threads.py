"""How many threads linear algebra and neighbour search use: one while the work is small."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

SMALL = 20_000


@contextmanager
def few_threads(n_rows: int) -> Iterator[None]:
    """Run on one thread if matrices have fewer than `SMALL` rows, then go back to what was set.

    A rule and not a measurement, because the number of threads decides the last bits of a sum. Small products last
    less long than handing them to other threads; on shared cores, whose threads wait for each other, by far.
    """
    with threadpool_limits(1 if n_rows < SMALL else None):
        yield
