"""`crosstie map`: map new cells onto a finished run, whose cells stay where they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crosstie._errors import value_error
from crosstie._files import check_not_input, new_file
from crosstie.cli import finished_run, json_answer
from crosstie.cli.console import Console, Quiet, Verbose, echo
from crosstie.runs.folder import OBSM_KEY

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

EXAMPLES = ("crosstie map run new.h5ad --like rna --label-key cell_type --out mapped.h5ad",)


def map_query(
    run: finished_run.RunFolder,
    query: Annotated[
        Path,
        typer.Argument(
            metavar="QUERY", help="File of new cells, of any format that integrate reads; matrix in the same slot."
        ),
    ],
    like: Annotated[str, typer.Option(metavar="VIEW", help="View of the run with the same features.")],
    out: Annotated[Path, typer.Option(help="h5ad file for the query with its coordinates.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the new cells in messages.  [dim]\\[VIEW_query][/dim]")
    ] = None,
    label_key: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Transfer these labels too; repeat for levels, from coarse to fine."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="VIEW", help="View of the run that has the labels.  [dim]\\[as --like][/dim]"),
    ] = None,
    abstain_at: finished_run.AbstainAt = None,
    keep_words: finished_run.KeepWords = False,
    use_anyway: finished_run.UseAnyway = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Map new cells onto a finished run, and transfer labels to them.

    Writes the query with .obsm["X_crosstie"] and, with --label-key, labels with their confidence and novelty as columns
    of obs. The new cells are corrected as a batch. The run itself is not changed.
    """
    say = Console(verbose=verbose, quiet=quiet)
    finished_run.check_file(out, ".h5ad", run)
    if out.resolve() == query.resolve():
        raise value_error(f"--out {out} is the query itself.", do="Give another name.")
    check_not_input(out, [query])
    if not label_key and (source or abstain_at is not None):
        option = "--from" if source else "--abstain-at"
        raise value_error(f"{option} is about labels.", found="no --label-key", do="Write --label-key COLUMN.")
    source = source or like
    verdict = finished_run.condemned(run, use_anyway=use_anyway) if label_key else ""
    model = finished_run.open_run(run, say, *dict.fromkeys((like, source)))
    finished_run.check_keys(model, source, "--label-key", label_key or [])
    name = name or f"{like}_query"
    if name in model.latents:
        raise value_error(f"--name {name}: the run has a view of this name.", do="Give another name.")
    with say.stage(f"reading {query}"):
        from crosstie.data.read_files import read_views

        adata = read_views({like: query})[like]
    if not adata.n_obs:
        raise value_error(f"{query} holds no cells.")
    with say.stage(f"mapping {adata.n_obs:,} cells like those of {like}"):
        model = model.extend(adata, like=like, name=name)
        adata.obsm[OBSM_KEY] = model.embed(name)
    if label_key:
        with say.stage("transferring labels"):
            from crosstie.tl import transfer_labels

            labels = transfer_labels(model, source, name, key=label_key, abstain_at=abstain_at, keep_words=keep_words)
            _write_labels(adata, labels, label_key, source)
            if verdict:
                adata.uns["crosstie"] = {"verdict": verdict}
    with say.stage("writing"), new_file(out) as part:
        adata.write_h5ad(part, compression="gzip")
    json_answer.give(out=out, n_cells=adata.n_obs, like=like, name=name)
    if label_key:
        finished_run.print_labels(labels, label_key, source, name)
    echo(f"{out}: {adata.n_obs:,} cells like {like}, with .obsm[{OBSM_KEY!r}]")


def _write_labels(adata: AnnData, labels: pd.DataFrame, keys: list[str], source: str) -> None:
    """Write labels into obs, with the column names that `integrate` uses."""
    for key, label, confidence in finished_run.levels_of(labels, keys):
        column = f"{key}_from_{source}"
        adata.obs[column] = label.astype(object).map(str, na_action="ignore").to_numpy()
        adata.obs[f"{column}_confidence"] = confidence
    adata.obs[f"{keys[-1]}_from_{source}_novelty"] = labels["novelty"].to_numpy()
