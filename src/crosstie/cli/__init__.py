"""The command line: one file per command in `commands/`, and what they share.

Commands import torch, anndata and matplotlib only when they run, so that `crosstie --help` is fast.
"""

from __future__ import annotations

import _thread
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import TextIOWrapper
from types import TracebackType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from crosstie._garbage import rarely_collect_garbage
from crosstie._log import log
from crosstie._version import __version__
from crosstie.cli import json_answer
from crosstie.cli.commands import (
    bench,
    check,
    demo,
    diagnose,
    evaluate,
    export,
    fetch,
    figures,
    impute,
    integrate,
    learn,
    links,
    match,
    relate,
    report,
    reproduce,
    rerun,
    transfer,
)
from crosstie.cli.commands import map as map_
from crosstie.cli.console import errors_said

EXAMPLES = (
    "crosstie demo  [dim]# the main job on simulated data[/dim]",
    "crosstie check rna=rna.h5ad adt=adt.h5ad  [dim]# what the data are, before any fit[/dim]",
    "crosstie links rna=rna.h5ad adt=adt.h5ad  [dim]# what would be linked[/dim]",
    "crosstie integrate rna=rna.h5ad adt=adt.h5ad --out run",
    "crosstie evaluate run --label-key cell_type",
    "crosstie diagnose run  [dim]# can you trust it?[/dim]",
    "crosstie report run  [dim]# one HTML page about it[/dim]",
    "crosstie transfer run rna adt --label-key cell_type --out labels.csv",
    "crosstie map run new.h5ad --like rna --out mapped.h5ad",
    "crosstie links rna=rna.h5ad adt=adt.h5ad --json  [dim]# for programs[/dim]",
)
AFTER = "Use a finished run"
PUBLIC = "Public data"
MACHINE = "This installation"


class Commands(TyperGroup):
    """The commands; their errors are reported, and their JSON printed, in one place."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> Any:
        """Parse the words before the command's name."""
        self.words = list(args)
        with json_answer.answered(as_json=json_answer.wanted(self.words)), errors_said():
            return super().make_context(info_name, args, *rest, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with json_answer.answered(as_json=json_answer.wanted(self.words)), errors_said():
            return super().invoke(ctx)


def _epilog(examples: Sequence[str]) -> str:
    # With a blank line between them, all versions of typer print them on separate lines.
    return "\n\n".join([f"[bold]Example{'s' * (len(examples) > 1)}:[/bold]", *examples])


app = typer.Typer(
    name="crosstie",
    cls=Commands,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=_epilog(EXAMPLES),
)
COMMANDS: dict[str, tuple[Callable[..., None], Sequence[str], str | None]] = {
    "demo": (demo.demo, demo.EXAMPLES, None),
    "integrate": (integrate.integrate, integrate.EXAMPLES, None),
    "check": (check.check, check.EXAMPLES, None),
    "links": (links.links, links.EXAMPLES, None),
    "learn": (learn.learn, learn.EXAMPLES, None),
    "evaluate": (evaluate.evaluate, evaluate.EXAMPLES, None),
    "diagnose": (diagnose.diagnose, diagnose.EXAMPLES, None),
    "report": (report.report, report.EXAMPLES, None),
    "figures": (figures.figures, figures.EXAMPLES, None),
    "rerun": (rerun.rerun, rerun.EXAMPLES, None),
    "transfer": (transfer.transfer, transfer.EXAMPLES, AFTER),
    "impute": (impute.impute, impute.EXAMPLES, AFTER),
    "match": (match.match, match.EXAMPLES, AFTER),
    "map": (map_.map_query, map_.EXAMPLES, AFTER),
    "relate": (relate.relate, relate.EXAMPLES, AFTER),
    "export": (export.export, export.EXAMPLES, AFTER),
    "fetch": (fetch.fetch, fetch.EXAMPLES, PUBLIC),
    "reproduce": (reproduce.reproduce, reproduce.EXAMPLES, PUBLIC),
    "bench": (bench.bench, bench.EXAMPLES, MACHINE),
}
for name, (command, examples, panel) in COMMANDS.items():
    app.command(name, rich_help_panel=panel, epilog=_epilog(examples))(json_answer.offered(command))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"crosstie {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Integrate single-cell data sets that measured different things in different cells.

    Exit status: 0 done, 2 wrong input (a message says what to do), 1 a bug in crosstie, 130 interrupted,
    141 the reader of the output is gone (as after head).
    """


def _not_raised(ignored: Any) -> None:
    """Handle an exception that Python cannot raise where it occurred."""
    if isinstance(ignored.exc_value, KeyboardInterrupt):  # it hit a callback from C: interrupt again
        again = threading.Timer(0.1, _thread.interrupt_main)  # after this hook, where it would be lost too
        again.daemon = True
        again.start()
    else:
        log.debug("not raised: %r", ignored.exc_value)


def _not_caught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a traceback, unless h5py could not raise the error: a full disk has been reported already."""
    if trace is not None and trace.tb_frame.f_code.co_filename.startswith("h5py/"):
        log.debug("not raised: %r", error)
    else:
        sys.__excepthook__(kind, error, trace)


def main() -> None:
    """Run the command line."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed, as by `>&-`, or without a console on Windows
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # arrows and lines would fail where the encoding is Latin-1
            stream.reconfigure(errors="replace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cancelled job cleans up like an interrupted one
    sys.unraisablehook, sys.excepthook = _not_raised, _not_caught
    rarely_collect_garbage()
    try:
        typer.main.get_command(app)()  # app() would set a hook of its own
    except SystemExit as done:
        if not done.code:
            gc.freeze()  # the interpreter would look for garbage once more, for half a second
            raise
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(int(done.code))  # HDF5 crashes in the interpreter's last steps, where it could not write a file
