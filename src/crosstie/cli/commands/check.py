"""`crosstie check`: what the data are, and what would go wrong, before any fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crosstie._files import check_not_input, new_file
from crosstie.cli import json_answer, view_arguments
from crosstie.cli.console import Console, Quiet, Seed, Verbose, echo

if TYPE_CHECKING:
    from crosstie.trust.findings import Checked

EXAMPLES = (
    "crosstie check rna=rna.h5ad adt=adt.h5ad",
    "crosstie check rna=rna.h5ad adt=adt.h5ad --batch-key donor --json",
)


def check(
    views: view_arguments.Views,
    modality: view_arguments.Modalities = None,
    slot: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME=]SLOT", help="Where the matrix is: X, raw, layers/NAME or obsm/NAME."),
    ] = None,
    batch_key: Annotated[
        list[str] | None, typer.Option(metavar="[NAME=]COLUMN", help="Column of obs with the batch of each cell.")
    ] = None,
    label_key: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of obs with cell types, compared with the batches.")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--quick", help="Leave out doublets, duplicated cells, links and batches.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="csv file for the findings.")] = None,
    seed: Seed = 0,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Look at the data before a fit: numbers, organism, controls, doublets, empty cells, links, and what to do.

    The exit status is 0, whatever is found, unless a file cannot be read.
    """
    say = Console(verbose=verbose, quiet=quiet)
    paths = view_arguments.paths_of(views)
    if out is not None:
        check_not_input(out, paths.values(), option="--out")
    from crosstie.config import Config
    from crosstie.data.modality import check_modality
    from crosstie.data.read_files import read_views
    from crosstie.trust.check import check as look

    with say.stage("reading " + ", ".join(map(str, paths.values()))):
        data = read_views(paths, most=Config().n_core)
    kinds = view_arguments.by_view(modality, "--modality", data)
    with say.stage("looking at names" if fast else "looking at names, doublets, batches and links"):
        found = look(
            data,
            modality={name: check_modality(kind, name) for name, kind in kinds.items()},
            slot=view_arguments.by_view(slot, "--slot", data),
            batch_key=view_arguments.by_view(batch_key, "--batch-key", data) or None,
            label_key=label_key,
            quick=fast,
            seed=seed,
        )
    if out is not None:
        with new_file(out) as part:
            found.table.to_csv(part, index=False)
    json_answer.give(**_answer(found), out=out)
    echo(found, lines=True)


def _answer(found: Checked) -> Mapping[str, Any]:
    return {"worst": found.worst, "findings": found.table}
