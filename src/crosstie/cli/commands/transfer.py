"""`crosstie transfer`: transfer the labels of one view's cells to the cells of another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crosstie._files import new_file
from crosstie.cli import finished_run, json_answer
from crosstie.cli.console import Console, Quiet, Verbose, echo

EXAMPLES = ("crosstie transfer run rna adt --label-key cell_type --abstain-at 0.9 --out labels.csv",)


def transfer(
    run: finished_run.RunFolder,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="View whose cells have labels.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="View whose cells get labels.")],
    label_key: Annotated[
        list[str],
        typer.Option(metavar="COLUMN", help="Column of obs with labels; repeat it for levels, from coarse to fine."),
    ],
    out: Annotated[Path, typer.Option(help="csv file for the labels.")],
    abstain_at: finished_run.AbstainAt = None,
    k: Annotated[int, typer.Option("--k", min=1, help="Source cells that vote on each target cell.")] = 40,
    keep_words: finished_run.KeepWords = False,
    use_anyway: finished_run.UseAnyway = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Transfer the labels of one view to the cells of another, with confidence and novelty.

    Confidence is the probability that the label is right. Novelty, in [0, 1], is high for cells with few similar cells
    in the source.
    """
    say = Console(verbose=verbose, quiet=quiet)
    finished_run.check_file(out, ".csv", run)
    verdict = finished_run.condemned(run, use_anyway=use_anyway)
    model = finished_run.open_run(run, say, source, target)
    finished_run.check_keys(model, source, "--label-key", label_key)
    with say.stage("transferring labels"):
        from crosstie.tl import transfer_labels

        labels = transfer_labels(
            model, source, target, key=label_key, k=k, abstain_at=abstain_at, keep_words=keep_words
        )
    with new_file(out) as part:
        labels = labels.assign(verdict=verdict) if verdict else labels
        labels.to_csv(part, index_label="cell", float_format="%.4g")
    json_answer.give(out=out)
    finished_run.print_labels(labels, label_key, source, target)
    echo(f"{out}: {len(labels):,} cells of {target}")
