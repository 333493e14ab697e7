"""`crosstie transfer`: labels for the cells of a view, from another view or from annotated data of another study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crosstie._errors import value_error
from crosstie._files import check_not_input, new_file
from crosstie.cli import finished_run, json_answer
from crosstie.cli.console import Console, Quiet, Verbose, echo

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = (
    "crosstie transfer run rna adt --label-key cell_type --abstain-at 0.9 --out labels.csv",
    "crosstie transfer run --reference pbmc.h5mu --label-key cell_type --out labels.csv",
)


def transfer(
    run: finished_run.RunFolder,
    label_key: Annotated[
        list[str],
        typer.Option(metavar="COLUMN", help="Column of obs with labels; repeat it for levels, from coarse to fine."),
    ],
    out: Annotated[Path, typer.Option(help="csv file for the labels.")],
    source: Annotated[str | None, typer.Argument(metavar="SOURCE", help="View whose cells have labels.")] = None,
    target: Annotated[str | None, typer.Argument(metavar="TARGET", help="View whose cells get labels.")] = None,
    reference: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Annotated data of another study: label the cells of all views from it."),
    ] = None,
    abstain_at: finished_run.AbstainAt = None,
    k: Annotated[int, typer.Option("--k", min=1, help="Source cells that vote on each target cell.")] = 40,
    keep_words: finished_run.KeepWords = False,
    use_anyway: finished_run.UseAnyway = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Transfer labels to the cells of a view, with confidence and novelty: from another view, or from a reference.

    Confidence is the probability that the label is right. Novelty, in [0, 1], is high for cells with few similar cells
    in the source. With --reference, new cells are labelled in every view, by those of the reference that were measured
    like them.
    """
    say = Console(verbose=verbose, quiet=quiet)
    finished_run.check_file(out, ".csv", run)
    verdict = finished_run.condemned(run, use_anyway=use_anyway)
    options = {"key": label_key, "k": k, "abstain_at": abstain_at, "keep_words": keep_words}
    if reference is not None:
        if source is not None:
            do = "Leave out SOURCE and TARGET: every view is labelled."
            raise value_error("--reference takes the place of SOURCE.", found=source, do=do)
        check_not_input(out, [reference])
        found = _from_reference(run, reference, say, options)
    elif source is None or target is None:
        raise value_error(
            "transfer: from where to where?",
            found=f"SOURCE {source or 'not given'}, TARGET {target or 'not given'}",
            do="Name two views (crosstie transfer RUN SOURCE TARGET), or give annotated data with --reference.",
        )
    else:
        model = finished_run.open_run(run, say, source, target)
        finished_run.check_keys(model, source, "--label-key", label_key)
        with say.stage("transferring labels"):
            from crosstie.tl import transfer_labels

            found = {target: transfer_labels(model, source, target, **options)}  # type: ignore[arg-type]
    _write(out, found, verdict, with_view=reference is not None)
    json_answer.give(out=out)
    for view, labels in found.items():
        origin = source or f"{reference}, {labels['reference'].iloc[0]}"
        finished_run.print_labels(labels, label_key, origin, view)
    n_cells = sum(map(len, found.values()))
    echo(f"{out}: {n_cells:,} cells of {' and '.join(found)}")


def _from_reference(run: Path, path: Path, say: Console, options: dict[str, Any]) -> dict[str, pd.DataFrame]:
    model = finished_run.open_run(run, say)
    with say.stage(f"reading {path}"):
        from crosstie.data.read_files import read_views

        reference = read_views({"": path})
    with say.stage("transferring labels"):
        from crosstie.tl import label_from_reference

        return label_from_reference(model, reference, **options)


def _write(out: Path, found: dict[str, pd.DataFrame], verdict: str, *, with_view: bool) -> None:
    """Write one row per cell; with labels of several views, a column names the view."""
    import pandas as pd

    labels = pd.concat([x.assign(view=view) if with_view else x for view, x in found.items()])
    labels = labels.assign(verdict=verdict) if verdict else labels
    with new_file(out) as part:
        labels.to_csv(part, index_label="cell", float_format="%.4g")
