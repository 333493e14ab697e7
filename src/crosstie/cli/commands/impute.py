"""`crosstie impute`: the features of one view, predicted for the cells of another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from crosstie._errors import unknown_name
from crosstie.cli import finished_run, json_answer
from crosstie.cli.console import Console, Quiet, Verbose, echo, table
from crosstie.runs.folder import VIEWS_FILE

EXAMPLES = ("crosstie impute run rna adt --out proteins.h5ad",)
METHODS = ("neighbours", "regression", "both")
USABLE = 0.5
_FOLD = 10


def impute(
    run: finished_run.RunFolder,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="View whose cells get features.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="View whose features they get.")],
    out: Annotated[Path, typer.Option(help="h5ad file for source cells × target features.")],
    method: Annotated[str, typer.Option(help=f"{', '.join(METHODS)} (their mean).")] = "neighbours",
    k: Annotated[int, typer.Option("--k", min=1, help="Number of neighbours.")] = 30,
    scaled: Annotated[
        bool,
        typer.Option("--scaled", help="Return standard deviations from the mean, not normalised (log) units."),
    ] = False,
    use_anyway: finished_run.UseAnyway = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Impute the features of one view in the cells of another.

    .var["reliability"] predicts how well each imputed feature correlates with the truth. Cells are written in blocks,
    so the result may be larger than memory.
    """
    say = Console(verbose=verbose, quiet=quiet)
    finished_run.check_file(out, ".h5ad", run)
    if method not in METHODS:
        raise unknown_name("--method", method, METHODS)
    verdict = finished_run.condemned(run, use_anyway=use_anyway)
    needs_data = method != "regression" or (run / VIEWS_FILE).exists()
    model = (finished_run.open_with_data if needs_data else finished_run.open_run)(run, say, source, target)
    with say.stage(f"imputing {target} in {source}"):
        from crosstie import tl

        uns = {"crosstie": {"verdict": verdict}} if verdict else None
        imputed = tl.impute(model, source, target, method=method, k=k, scaled=scaled, out=out, uns=uns)  # type: ignore[arg-type]
        imputed.file.close()
    json_answer.give(out=out, n_cells=imputed.n_obs, n_features=imputed.n_vars)
    if needs_data:
        json_answer.give(reliability=imputed.var["reliability"])
        _print(imputed.var["reliability"], source, target)
    echo(f"{out}: {imputed.n_obs:,} cells of {source} × {imputed.n_vars:,} features of {target}")


def _print(reliability: Any, source: str, target: str) -> None:
    best = reliability.sort_values(ascending=False, kind="stable")
    rows = [[str(name), f"{value:.2f}"] for name, value in best.head(_FOLD).items()]
    more = f"… and {len(best) - _FOLD:,} more. " if len(best) > _FOLD else ""
    note = f"{more}{int((best >= USABLE).sum()):,} of {len(best):,} features have a reliability of {USABLE} or more."
    table(
        f"{target} in the cells of {source}, most reliable first",
        ["feature", "reliability"],
        rows,
        right=[1],
        note=note,
    )
