"""Work in a process of its own, which ends with this one, however this one ends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import Any


@contextmanager
def apart(first: Callable[[], Any]) -> Iterator[Callable[..., Future[Any]]]:
    """Start another process with a function, and give what has it do more after that.

    At the end, or if anything goes wrong meanwhile, the process ends too.
    """
    process = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_end_with_parent)
    # Ctrl-C goes to every process of a terminal: this one says so in one line, the other inherits that it is deaf.
    deaf = hasattr(signal, "pthread_sigmask")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if deaf else set()
    try:
        process.submit(first)
    finally:
        if deaf:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        yield process.submit
    except BaseException:
        for child in list((process._processes or {}).values()):  # nobody waits for what it would have said
            child.terminate()
        raise
    finally:
        process.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Watch the parent in a thread: a pool's process waits forever for work from one that was killed."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
