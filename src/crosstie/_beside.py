"""Calls that run in another process while this one goes on; their log lines appear here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

from crosstie._log import log
from crosstie._threads import few_threads

Submit: TypeAlias = "Callable[..., Future[Any]]"  # as of an executor
Result = TypeVar("Result")


def begin(submit: Submit | None, function: Callable[..., Result], *args: Any, **options: Any) -> Callable[[], Result]:
    """Begin a call in another process, and return what waits for its result.

    Without another process (`submit` is `None`), or if it ended before the result was there, the call is made here when
    the result is asked for.
    """
    away: Future[Any] | None = None
    if submit is not None:
        with suppress(BrokenExecutor):
            away = submit(_with_lines, function, *args, **options)

    def finish() -> Result:
        if away is not None:
            with suppress(BrokenExecutor, MemoryError):
                result, lines = away.result()
                for level, text in lines:
                    log.log(level, "%s", text)
                return result
        return function(*args, **options)

    return finish


def _with_lines(function: Callable[..., Result], *args: Any, **options: Any) -> tuple[Result, list[tuple[int, str]]]:
    """Call a function; return its result and what it logged, which is not printed in this process."""
    lines: list[tuple[int, str]] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append((record.levelno, record.getMessage()))

    handlers, level = log.handlers[:], log.level
    log.handlers[:] = [Kept()]
    log.setLevel(logging.DEBUG)
    try:
        with few_threads(0):  # the first process needs the other cores
            return function(*args, **options), lines
    finally:
        log.handlers[:] = handlers
        log.setLevel(level)
