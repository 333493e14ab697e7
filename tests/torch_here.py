"""Which tests run where torch is not installed, and torch on one thread, since the products of tests are small."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

HAS_TORCH = find_spec("torch") is not None


@contextmanager
def one_torch_thread() -> Iterator[None]:
    if not HAS_TORCH:
        yield
        return
    from crosstie.training.loop import threads

    with threads(1):
        yield
