"""`crosstie report`: one HTML page about a finished run, which opens offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crosstie.cli import finished_run, json_answer
from crosstie.cli.console import Console, Quiet, Verbose, echo
from crosstie.runs.folder import REPORT_FILE, VIEWS_FILE, about_of

EXAMPLES = ("crosstie report run", "crosstie report run --out page.html --no-verdict")


def report(
    run: finished_run.RunFolder,
    out: Annotated[
        Path | None, typer.Option(help="HTML file.  [dim]\\[report.html in the folder of the run][/dim]")
    ] = None,
    max_cells: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of cells on a new map (about a second per thousand).  [dim]\\[the map of the run][/dim]",
        ),
    ] = None,
    verdict: Annotated[
        bool,
        typer.Option("--verdict/--no-verdict", help="Whether to diagnose a run that has no verdict yet; see diagnose."),
    ] = True,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of a new map and verdict.")] = 0,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Write one HTML page about a run: verdict, interactive map, inputs, links, labels, imputation, methods.

    The page contains everything it shows, names of cells included, and opens offline.
    """
    say = Console(verbose=verbose, quiet=quiet)
    from crosstie.report import write

    judged = "verdict" in about_of(run)
    path = run / REPORT_FILE if out is None else out
    finished_run.check_file(path, ".html")
    diagnosis = None
    if verdict and not judged and (run / VIEWS_FILE).is_file():
        diagnosis = finished_run.diagnosed(finished_run.open_with_data(run, say), say, seed=seed)
    with say.stage("writing the report"):
        write(run, path, diagnosis=diagnosis, max_cells=max_cells, seed=seed)
    json_answer.give(out=path, n_bytes=path.stat().st_size)
    echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
