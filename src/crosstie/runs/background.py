"""A second process for work beside this one; it ends with this one, however this one ends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context, parent_process
from typing import TYPE_CHECKING, Any

from crosstie._beside import Submit
from crosstie._garbage import rarely_collect_garbage
from crosstie._threads import leaving_a_core, n_cores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

FEW_CELLS = 4000  # for fewer, starting a second process takes longer than its work
MANY_CELLS = 300_000  # for more, the second process has little to do, and this one keeps all cores


@contextmanager
def beside(data: Mapping[str, AnnData], *, plots: bool) -> Iterator[Submit | None]:
    """Start a second process during the fit, and yield the function that gives it work.

    From the first work on, this process leaves it a core, unless there are so many cells that its own work takes far
    longer.

    Parameters
    ----------
    data
        The views that a model will be fitted to. With few cells, or on one core, there is no second process, and `None`
        is yielded.
    plots
        Whether a map is drawn. The process then imports what draws it, otherwise what computes scores.
    """
    n_cells = sum(view.n_obs for view in data.values())
    if n_cores() < 2 or n_cells < FEW_CELLS:
        yield None
    else:
        with ExitStack() as until_the_end, second_process(_import_layout if plots else _import_scores) as submit:

            def give(*work: Any, **options: Any) -> Future[Any]:
                if n_cells <= MANY_CELLS:
                    until_the_end.enter_context(leaving_a_core())
                return submit(*work, **options)

            yield give


def _import_layout() -> None:
    import crosstie.pl.joint_umap  # noqa: F401


def _import_scores() -> None:

    import crosstie.anchors.assignment
    import crosstie.metrics  # noqa: F401


@contextmanager
def second_process(first: Callable[[], Any]) -> Iterator[Callable[..., Future[Any]]]:
    """Start a second process, let it call `first`, and yield the function that submits more work to it.

    The process ends with the block, or as soon as anything goes wrong in it; work whose result was not waited for is
    lost.
    """
    process = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_start)
    # A terminal sends Ctrl-C to both processes. The second one inherits a blocked signal, so that only this one reacts.
    can_block = hasattr(signal, "pthread_sigmask")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if can_block else set()
    try:
        process.submit(first)
    finally:
        if can_block:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        yield process.submit
    finally:
        for child in list((process._processes or {}).values()):  # its results are here, or no longer needed
            child.terminate()
        process.shutdown(cancel_futures=True)


def _start() -> None:
    rarely_collect_garbage()
    _end_with_parent()


def _end_with_parent() -> None:
    """Watch the parent from a thread: a pool's process would wait forever for work from a parent that was killed."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
