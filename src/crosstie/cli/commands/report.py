"""`crosstie report`: a finished run as one HTML page that opens offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crosstie._run import about_of
from crosstie.cli import finished_run, json_answer
from crosstie.cli.console import Console, Quiet, Verbose

EXAMPLES = ("crosstie report run", "crosstie report run --out page.html --no-verdict")


def report(
    run: finished_run.Run,
    out: Annotated[
        Path | None, typer.Option(help="HTML file.  [dim]\\[report.html in the folder of the run][/dim]")
    ] = None,
    max_cells: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Cells on the map, computed anew (a second for every thousand or so).  [dim]\\[the "
            "map of the run][/dim]",
        ),
    ] = None,
    verdict: Annotated[
        bool,
        typer.Option("--verdict/--no-verdict", help="Whether to judge a run that has no verdict yet; see diagnose."),
    ] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of what is computed anew.")] = 0,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Write one HTML page about a run: verdict, interactive map, inputs, links, labels, imputation, methods.

    It holds everything that it shows, the names of the cells too, and opens without a network.
    """
    say = Console(verbose=verbose, quiet=quiet)
    from crosstie.report import page
    from crosstie.report.run import VIEWS

    judged = "verdict" in about_of(run)
    path = run / page.FILE if out is None else out
    finished_run.check_file(path, ".html")
    diagnosis = None
    if verdict and not judged and (run / VIEWS).is_file():
        diagnosis = finished_run.diagnosed(finished_run.open_with_data(run, say), say, seed=seed)
    with say.stage("writing the report"):
        page.write(run, path, diagnosis=diagnosis, max_cells=max_cells, seed=seed)
    json_answer.give(out=path, n_bytes=path.stat().st_size)
    typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
