"""`crosstie match`: pair the cells of one view with cells of another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crosstie._errors import unknown_name
from crosstie._files import new_file
from crosstie.cli import finished_run, json_answer
from crosstie.cli.console import Console, Quiet, Verbose, echo

EXAMPLES = ("crosstie match run rna adt --out matches.csv",)
HOW = ("one-to-one", "many-to-one")


def match(
    run: finished_run.RunFolder,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="View whose cells are matched.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="View they are matched to.")],
    out: Annotated[Path, typer.Option(help="csv file for the pairs.")],
    how: Annotated[
        str, typer.Option(help="one-to-one, or many-to-one: several cells may share a target cell.")
    ] = "one-to-one",
    use_anyway: finished_run.UseAnyway = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Pair the cells of two views.

    The weight of a pair, in (0, 1], decreases with the distance between its cells.
    """
    say = Console(verbose=verbose, quiet=quiet)
    finished_run.check_file(out, ".csv", run)
    if how not in HOW:
        raise unknown_name("--how", how, HOW)
    verdict = finished_run.condemned(run, use_anyway=use_anyway)
    model = finished_run.open_run(run, say, source, target)
    with say.stage("matching cells"):
        from crosstie.runs.run import pairs_table
        from crosstie.tl import match_cells

        pairs = match_cells(model, source, target, how=how)  # type: ignore[arg-type]
        found = pairs_table(model, (source, target), pairs)
    with new_file(out) as part:
        found = found.assign(verdict=verdict) if verdict else found
        found.to_csv(part, index=False, float_format="%.4g")
    n_cells = {view: len(set(row)) for view, row in ((source, pairs.source), (target, pairs.target))}
    json_answer.give(out=out, how=how, n_pairs=len(found), n_cells=n_cells)
    sides = (f"{n:,} of {len(model.obs[view]):,} cells of {view}" for view, n in n_cells.items())
    echo(f"{out}: {len(found):,} pairs, {how}: {' with '.join(sides)}")
