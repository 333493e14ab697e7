"""Shows the progress of downloads: a bar on a terminal, otherwise a log line for every 10 %."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from crosstie._log import log
from crosstie.datasets.download.download import Progress, amount

WIDTH = 30  # longest file name shown beside its bar, in characters
LEAST_SAID = 20_000_000  # smallest file, in bytes, whose progress is logged


@contextmanager
def shown(progress: Progress | Literal["auto"] | None, *, console: Any = None) -> Iterator[Progress | None]:
    """Yield the function that `download` calls to report progress.

    Parameters
    ----------
    progress
        `"auto"` shows a bar or log lines; a function is used as it is; `None` shows nothing.
    console
        The rich console to draw on; `None` uses standard error.
    """
    if progress != "auto":
        yield progress
    elif console is None and not sys.stderr.isatty():
        yield _lines()
    else:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=12), DownloadColumn())
        with Progress(
            *columns, TransferSpeedColumn(), TimeRemainingColumn(), console=console or Console(stderr=True)
        ) as bar:
            tasks: dict[str, Any] = {}

            def tick(name: str, done: int, total: int | None) -> None:
                if name not in tasks:
                    tasks[name] = bar.add_task(_short(name), total=total)
                bar.update(tasks[name], completed=done, total=total)

            yield tick


def _short(name: str) -> str:
    return name if len(name) <= WIDTH else f"{name[: WIDTH - 15]}…{name[-14:]}"


def _lines() -> Progress:
    said: dict[str, int] = {}

    def tick(name: str, done: int, total: int | None) -> None:
        if not total or total < LEAST_SAID:
            return
        tenth = 10 * done // total
        if tenth > said.get(name, 0):
            said[name] = tenth
            log.info("%s: %s of %s.", name, amount(done), amount(total))

    return tick
