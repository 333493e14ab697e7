"""`crosstie export`: a finished run in the files of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crosstie._errors import unknown_name, value_error
from crosstie._files import claimed, new_file, new_folder
from crosstie.cli import finished_run, json_answer
from crosstie.cli.console import Console, Quiet, Verbose, echo
from crosstie.runs.folder import VIEWS_FILE

if TYPE_CHECKING:
    from crosstie.runs.run import Run

EXAMPLES = ("crosstie export run --to h5ad --out cells.h5ad", "crosstie export run --to r --out results")
ENDINGS = {"h5ad": ".h5ad", "r": "", "qupath": ".csv", "napari": ".csv"}


def export(
    run: finished_run.RunFolder,
    to: Annotated[
        str,
        typer.Option(
            metavar="WORD",
            help="h5ad (scanpy, cellxgene), r (Seurat, SingleCellExperiment), qupath or napari (cells at positions).",
        ),
    ],
    out: Annotated[Path, typer.Option(help="File to write; for r, a folder.")],
    view: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VIEW",
            help="View whose cells are exported; repeatable.  [dim]\\[all, or those with positions][/dim]",
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            metavar="VIEW",
            help="For h5ad, view whose features are measured or imputed.  [dim]\\[the one with the fewest][/dim]",
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="WORD", help="For qupath, unit of the positions if the data do not say: micrometre, pixel."
        ),
    ] = None,
    use_anyway: finished_run.UseAnyway = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Write a finished run for scanpy, cellxgene, Seurat, SingleCellExperiment, QuPath or napari.

    An h5ad file has all cells with labels, confidence and map, and the features of one view: measured where they were
    measured, imputed elsewhere. muon opens integrated.h5mu in the folder of the run as it is.
    """
    say = Console(verbose=verbose, quiet=quiet)
    if to not in ENDINGS:
        raise unknown_name("--to", to, ENDINGS)
    if features is not None and to != "h5ad":
        raise value_error(f"--features {features} is for --to h5ad.", found=f"--to {to}")
    if unit is not None and to != "qupath":
        raise value_error(f"--unit {unit} is for --to qupath.", found=f"--to {to}")
    if view and len(view) > 1 and to in ("qupath", "napari"):
        raise value_error(f"--to {to} takes the cells of one view.", found=f"--view {' --view '.join(view)}")
    if to == "r":
        _check_folder(out, run)
    else:
        finished_run.check_file(out, ENDINGS[to], run)
    finished_run.condemned(run, use_anyway=use_anyway)
    finished_run.open_run(run, say, *dict.fromkeys([*(view or ()), *([features] if features else [])]))
    with say.stage(f"reading {run}"):
        from crosstie.runs.read import read, with_data

        found = read(run)
        if to == "h5ad" and not found.model.views and (run / VIEWS_FILE).is_file():  # matrices stay outside the folder
            from dataclasses import replace

            found = replace(found, model=with_data(found.model, run))
    with say.stage(f"writing {out}"):
        text = _written(found, to, out, view, features, unit)
    json_answer.give(out=out, to=to)
    echo(f"{out}: {text}")


def _check_folder(out: Path, run: Path) -> None:
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise value_error(f"--out {out} exists.", expected="a new folder, or an empty one")
    finished_run.check_not_read(out, run)


def _written(run: Run, to: str, out: Path, view: list[str] | None, features: str | None, unit: str | None) -> str:
    """Write an export, and return what it holds in words."""
    if to == "r":
        from crosstie.export.r_tables import SCRIPT, write_r_tables

        with claimed(out), new_folder(out) as folder:
            write_r_tables(run, folder)
        return f"tables of {len(run.model.latents)} views. In R: Rscript {out / SCRIPT.name} object.rds {out} out.rds"
    if to in ("qupath", "napari"):
        from crosstie.export.positions import napari_table, qupath_table, write_table

        where = view[0] if view else None
        table = qupath_table(run, where, unit=unit) if to == "qupath" else napari_table(run, where)  # type: ignore[arg-type]
        with new_file(out) as part:
            write_table(table, part)
        return f"{len(table):,} cells at their positions"
    from crosstie.export import cells, cellxgene_faults

    adata: Any = cells(run, views=view, features=features)
    faults = cellxgene_faults(adata)
    json_answer.give(cellxgene=faults)
    with new_file(out) as part:
        adata.write_h5ad(part, compression="gzip")
    said = f"; cellxgene would refuse it: {'; '.join(faults)}" if faults else ""
    return f"{adata.n_obs:,} cells × {adata.n_vars:,} features of {adata.uns['crosstie']['features_of']}{said}"
