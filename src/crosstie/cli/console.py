"""Output for the user: log lines, stages, tables and errors. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import copy
import errno
import logging
import os
import re
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crosstie._errors import InputError, message
from crosstie._log import log
from crosstie._ranks import WorkerLostError
from crosstie._visible import visible
from crosstie.cli.json_answer import closed_pipe, give_error

if TYPE_CHECKING:
    from crosstie._typing import Tick

Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print more; show the traceback of an error.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only warnings, errors and results.")]
Seed = Annotated[
    int, typer.Option(min=0, help="Random seed; the same seed on the same machine gives bit-identical results.")
]

INTERRUPTED = 130  # as in shells: 128 plus the number of the signal
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_ROOM = re.compile(rf"errno = ({'|'.join(map(str, _FULL))})\b|No space left|\d+ requested and \d+ written")
_NO_MEMORY = re.compile(
    r"bad_alloc|[Cc]an(no|')t allocate|[Uu]nable to allocate|allocation failed|can't start new thread|failed to map"
)
_FILE = re.compile(r"filename = '([^']+)'")
FAULT = "This is a bug in crosstie, not in your input. Please report it with the output of the same command with -v."


def echo(text: object, *, lines: bool = False) -> None:
    """Print a result to stdout; parameters as in `visible`."""
    typer.echo(visible(str(text), lines=lines))


class Console:
    """Standard error: live on a terminal, plain lines elsewhere.

    Parameters
    ----------
    verbose, quiet
        The two options of every command.
    """

    def __init__(self, *, verbose: bool = False, quiet: bool = False) -> None:
        self.quiet = quiet
        self.start = time.perf_counter()
        self.live: Any = None  # the terminal, if stderr is one
        if sys.stderr.isatty():
            from rich.console import Console as RichConsole

            self.live = RichConsole(stderr=True)
        self._configure_log(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)
        if not verbose:  # those that matter to users are logged already
            warnings.filterwarnings("ignore")

    def _configure_log(self, level: int) -> None:
        handler: logging.Handler
        if self.live is None:
            handler = logging.StreamHandler()
            handler.setFormatter(PlainFormatter())
        else:
            from rich.highlighter import NullHighlighter
            from rich.logging import RichHandler

            handler = RichHandler(console=self.live, show_time=False, show_path=False, highlighter=NullHighlighter())
            handler.setFormatter(CommandLineFormatter())
        log.handlers[:] = [handler]  # without the one for Python
        log.setLevel(level)
        log.propagate = False  # some libraries give the root logger a handler, which would print everything twice

    @contextmanager
    def stage(self, what: str) -> Iterator[Tick]:
        """Show that something has begun; yields a function of `(step, n_steps, losses)` that shows the progress."""
        if self.quiet:
            yield _silent
        elif self.live is None:
            self._line(what)
            yield self._plain_tick(what)
        else:
            with self._bar(what) as tick:
                yield tick

    def _line(self, text: str) -> None:
        print(f"[{time.perf_counter() - self.start:6.1f} s] {visible(text)}", file=sys.stderr, flush=True)

    def _plain_tick(self, what: str) -> Tick:
        said = 0

        def tick(step: int, n_steps: int, losses: dict[str, float]) -> None:
            nonlocal said
            tenth = 10 * step // max(n_steps, 1)
            if tenth > said:
                said = tenth
                total = f", total {losses['total']:.4g}" if "total" in losses else ""
                self._line(f"{what}: step {step:,} of {n_steps:,}{total}")

        return tick

    @contextmanager
    def _bar(self, what: str) -> Iterator[Tick]:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        said = SpinnerColumn(finished_text="[green]✓[/green]"), TextColumn("{task.description}", markup=False)
        counted = BarColumn(bar_width=24), TextColumn("{task.fields[note]}", markup=False, style="dim")
        with Progress(*said, TimeElapsedColumn(), console=self.live) as progress:
            task = progress.add_task(visible(what), total=None, note="")

            def tick(step: int, n_steps: int, losses: dict[str, float]) -> None:
                total = f"  total {losses['total']:.4g}" if "total" in losses else ""
                progress.columns = (*said, *counted, TimeElapsedColumn())
                progress.update(task, total=n_steps, completed=step, note=f"{step:,}/{n_steps:,}{total}")

            yield tick
            progress.update(task, total=1, completed=1)


class CommandLineFormatter(logging.Formatter):
    """Lines in the words of the command line, where a record has them: `log.info(..., extra={"cli": ...})`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        record = copy.copy(record)
        record.msg = getattr(record, "cli", "") or record.msg
        if isinstance(record.args, tuple):
            record.args = tuple(visible(str(a)) if isinstance(a, (str, PurePath)) else a for a in record.args)
        return visible(super().format(record), lines=True)


class PlainFormatter(CommandLineFormatter):
    """Lines for files and pipes: the level is shown for warnings and errors only."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        return level + super().format(record)


def _silent(step: int, n_steps: int, losses: dict[str, float]) -> None:
    pass


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), note: str = ""
) -> None:
    """Print a table to stdout.

    Parameters
    ----------
    title
        Line above the table.
    columns
        Headings.
    rows
        Cells, as text.
    right
        Numbers of the columns whose text is aligned to the right.
    note
        Line below the table.
    """
    from rich import box
    from rich.console import Console as RichConsole
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for i, name in enumerate(columns):
        made.add_column(Text(visible(name)), justify="right" if i in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(visible(cell)) for cell in row))
    # Without a terminal, wide enough for every table.
    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120
    console = RichConsole(width=wide, highlight=False)
    for part in (
        Text(visible(title), style="bold"),
        "",
        made,
        *([Text(visible(note), style="dim")] if note else []),
        "",
    ):
        console.print(part)


@contextmanager
def errors_said() -> Iterator[None]:
    """Turn any exception into one message on stderr and an exit status; restore log and warnings."""
    handlers = list(log.handlers)
    try:
        with warnings.catch_warnings():
            yield
        sys.stdout.flush()  # now, while a closed pipe can be recognised, not when Python ends
    except KeyboardInterrupt:
        _say("interrupted.")
        give_error("interrupted.", INTERRUPTED)
        raise typer.Exit(INTERRUPTED) from None
    except (BrokenPipeError, SystemExit) as stop:
        if not isinstance(stop.__context__ if isinstance(stop, SystemExit) else stop, BrokenPipeError):
            raise  # rich turns a closed pipe into a SystemExit; only that one is handled
        raise closed_pipe() from None
    except InputError as error:
        raise _exit(error.cli, 2) from None
    except FloatingPointError as error:  # training diverged; the message says what to do
        raise _exit(str(error), 2) from None
    except Exception as error:
        if isinstance(error, typer.Abort) or hasattr(error, "exit_code"):  # typer's own: usage errors, exits
            if hasattr(error, "format_message"):
                give_error(error.format_message(), error.exit_code)
            raise
        raise _exit(*_told(error)) from None
    finally:
        log.handlers[:] = handlers
        log.setLevel(logging.NOTSET)
        log.propagate = True


def _told(error: Exception) -> tuple[str, int]:
    """Return message and exit status for errors other than `InputError`: limits of the machine, or bugs."""
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError) or _NO_MEMORY.search(text) or getattr(error, "errno", None) == errno.ENOMEM:
        return "there is not enough memory for these data.", 1
    # HDF5 and numpy hide the error number in their message, or lose it.
    said = _NO_ROOM.search(text)
    number = getattr(error, "errno", None) or (int(said[1] or errno.ENOSPC) if said else 0)
    if number in _FULL:
        where = getattr(error, "filename", None) or next(iter(_FILE.findall(text)), None)
        return message(
            f"there is no room to write{'' if where is None else f' {where}'}.",
            found=os.strerror(number),
            do="No incomplete files are left. Make room, or write elsewhere, and run again.",
        ), 2
    if isinstance(error, WorkerLostError):  # the message says what to do
        return str(error), 2
    if isinstance(error, OSError):
        return (error.strerror or str(error)) + (f": {error.filename}" if error.filename else ""), 2
    return f"{type(error).__name__}: {error}\n  {FAULT}", 1


def _exit(text: str, status: int) -> typer.Exit:
    if log.isEnabledFor(logging.DEBUG):
        traceback.print_exc()
    _say(f"error: {text}")
    give_error(text, status)
    return typer.Exit(status)


def _say(text: str) -> None:
    if text:
        print(f"crosstie: {visible(text, lines=True)}", file=sys.stderr)
