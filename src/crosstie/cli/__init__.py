"""The command line: one file per command, what they share in inputs, results and console.

Commands import torch, anndata and matplotlib when they run, so that `crosstie --help` answers at once.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from contextlib import suppress
from types import TracebackType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from crosstie import __version__
from crosstie._log import log
from crosstie.cli import (
    demo,
    diagnose,
    evaluate,
    fetch,
    impute,
    integrate,
    links,
    match,
    relate,
    report,
    reproduce,
    transfer,
)
from crosstie.cli.console import errors_said
from crosstie.cli.map import map_query

# A blank line between them: all versions of typer keep those apart.
EXAMPLES = """[bold]Examples[/bold]

crosstie demo  [dim]# the main job on simulated data[/dim]

crosstie links rna=rna.h5ad adt=adt.h5ad  [dim]# what would be linked[/dim]

crosstie integrate rna=rna.h5ad adt=adt.h5ad --out run

crosstie evaluate run --label-key cell_type

crosstie diagnose run  [dim]# can it be believed?[/dim]

crosstie report run  [dim]# one page about it[/dim]

crosstie transfer run rna adt --label-key cell_type --out labels.csv

crosstie map run new.h5ad --like rna --out mapped.h5ad"""
AFTER = "Take from a finished run"
PUBLIC = "Public data"


class Commands(TyperGroup):
    """The commands, with what goes wrong in them said in one place."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with errors_said():
            return super().invoke(ctx)


app = typer.Typer(
    name="crosstie",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=EXAMPLES,
)
for command in (demo.demo, integrate.integrate, links.links, evaluate.evaluate, diagnose.diagnose, report.report):
    app.command()(command)
for use in (transfer.transfer, impute.impute, match.match, relate.relate):
    app.command(rich_help_panel=AFTER)(use)
app.command("map", rich_help_panel=AFTER)(map_query)
for public in (fetch.fetch, reproduce.reproduce):
    app.command(rich_help_panel=PUBLIC)(public)


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

    Exit status: 0 done, 2 the input is wrong (a message says what to do), 1 a fault of crosstie, 130 interrupted.
    """


def _not_raised(ignored: Any) -> None:
    """Take note of an exception that Python cannot raise where it occurred."""
    if isinstance(ignored.exc_value, KeyboardInterrupt):  # it hit a callback from C: once more, until it is heard
        again = threading.Timer(0.1, _thread.interrupt_main)  # when this hook, where it would be lost too, is left
        again.daemon = True
        again.start()
    else:
        log.debug("not raised: %r", ignored.exc_value)


def _not_caught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a traceback, but not of what h5py could not raise: that a disk is full has been told already."""
    if trace is not None and trace.tb_frame.f_code.co_filename.startswith("h5py/"):
        log.debug("not raised: %r", error)
    else:
        sys.__excepthook__(kind, error, trace)


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cancelled job cleans up as an interrupted one does
    sys.unraisablehook, sys.excepthook = _not_raised, _not_caught
    try:
        typer.main.get_command(app)()  # app() would set a hook of its own
    except SystemExit as done:
        if not done.code:
            raise
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(int(done.code))  # HDF5 crashes in the interpreter's last steps, where it could not write a file
