"""`crosstie integrate`: views in, one folder with everything about their common latent space out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crosstie._errors import value_error
from crosstie._files import new_folder
from crosstie.cli import inputs
from crosstie.cli.console import Console, Quiet, Verbose
from crosstie.cli.folder import RUN_FILE, link_file, progress_folder, run_folder
from crosstie.cli.truth import LabelKey, Pairs

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie.links import Link, Paired
    from crosstie.model.config import Config
    from crosstie.model.model import Model
    from crosstie.model.place import Pool


def integrate(
    views: inputs.Views,
    out: Annotated[Path, typer.Option(help="Folder for the results; it appears when all is done.")],
    links: inputs.Table = None,
    names: inputs.Names = None,
    genes: inputs.Genes = None,
    paired: inputs.Paired = None,
    preset: Annotated[str, typer.Option(help=f"Settings: {', '.join(inputs.PRESETS)}.")] = "default",
    config: Annotated[Path | None, typer.Option(help="JSON file of settings.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting; may be repeated.")
    ] = None,
    modality: inputs.Modalities = None,
    slot: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME=]SLOT", help="Where the matrix is: X, layers/NAME or obsm/NAME."),
    ] = None,
    batch_key: Annotated[
        list[str] | None, typer.Option(metavar="[NAME=]COLUMN", help="Column of obs with the batch of each cell.")
    ] = None,
    label_key: LabelKey = None,
    pairs: Pairs = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...; only training uses it.")] = "auto",
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="dask scheduler whose workers place the cells of large views."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run into this folder that was cut off, of large views.")
    ] = False,
    plots: Annotated[
        bool, typer.Option("--plots/--no-plots", help="Whether to draw pictures and write report.html.")
    ] = True,
    verdict: Annotated[
        bool, typer.Option("--verdict/--no-verdict", help="Whether to say if the run can be believed; see diagnose.")
    ] = True,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the folder of an earlier run, whole.")
    ] = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Bring views into one latent space; carry labels over; match cells.

    Writes into the folder: integrated.h5mu (the views with .obsm["X_crosstie"] and transferred labels), labels,
    matches, anchors, links and scores as csv, pictures, the model, report.html, and run.json, which says how it was
    made; and says whether the run can be believed.

    [bold]Examples:[/bold] crosstie integrate rna=rna.h5ad adt=adt.h5ad --out run --label-key cell_type

    crosstie integrate rna=rna.h5ad atac=atac.h5ad --genes genes.gtf.gz --out run

    torchrun --nproc-per-node 4 -m crosstie integrate rna=rna.h5ad adt=adt.h5ad --out run
    """
    say = Console(verbose=verbose, quiet=quiet)
    paths = inputs.paths_of(views)
    wanted = inputs.make_config(preset, config, settings)
    with run_folder(out, overwrite=overwrite):
        with say.stage("reading " + ", ".join(map(str, paths.values()))):
            data = inputs.read_views(paths, most=wanted.n_core)
        from crosstie.cli import truth

        known = truth.labels_of(data, label_key)
        same = truth.pairs_of(data, pairs)
        options: dict[str, Any] = {
            "modality": inputs.by_view(modality, "--modality", data),
            "slot": inputs.by_view(slot, "--slot", data),
            "batch_key": inputs.by_view(batch_key, "--batch-key", data),
        }
        ties = None
        columns = inputs.by_view(names, "--names", data)
        if links is not None or genes is not None or columns or paired:
            with say.stage("linking"):
                kinds = options["modality"] = inputs.modalities_of(modality, data)
                options["link_data"] = inputs.activities(genes, data, kinds)
                kinds = kinds | dict.fromkeys(options["link_data"], "activity")
                ties = inputs.ties(data | options["link_data"], kinds, table=links, names=columns, paired=paired)
        pool, first = _pool(scheduler)
        kept = progress_folder(out, resume=resume)
        model = fitted(data, ties, wanted, say, seed=seed, device=device, pool=pool, resume=kept, **options)
        if not first:
            return
        from crosstie.cli import results

        with results.mapped(model, plots=plots, seed=seed) as picture:
            found = results.collect(model, data, say, label_key=known[0], truth=known[1], pairs=same, seed=seed)
            diagnosis = None
            if verdict:
                with say.stage("fitting again, with links, cells and counts left out"):
                    from crosstie import trust

                    diagnosis = trust.diagnose(model, seed=seed)
                    diagnosis.write(data)
            files = {
                name or "all": {"path": str(p.resolve()), "n_bytes": p.stat().st_size} for name, p in paths.items()
            }
            with new_folder(out.resolve(), last=RUN_FILE) as folder:
                about = {**run_of(say, seed=seed, device=device), "inputs": files}
                results.write(found, folder, say, picture=picture, about=about, diagnosis=diagnosis)
                for name, adata in options.get("link_data", {}).items():
                    adata.write_h5ad(folder / link_file(list(data).index(name)), compression="gzip")
                if plots:
                    results.report(folder, say)
    show(found, out)
    if diagnosis is not None:
        typer.echo(diagnosis)


def _pool(scheduler: str | None) -> tuple[Pool | None, bool]:
    """Return who places the cells of large views, and whether this process is the one that writes."""
    from crosstie.model import workers

    if workers.started_by_torchrun():
        if scheduler is not None:
            raise value_error("--scheduler and torchrun exclude each other.", do="Leave one of them out.")
        ranks = workers.Ranks()
        return ranks, ranks.rank == 0
    return None if scheduler is None else workers.Dask(scheduler), True


def fitted(
    data: Mapping[str, AnnData],
    links: list[Link | Paired] | None,
    config: Config,
    say: Console,
    *,
    seed: int,
    device: str = "auto",
    pool: Pool | None = None,
    resume: Path | None = None,
    **options: Any,
) -> Model:
    """Return a fitted model, with its stages said."""
    from crosstie.model.model import Model

    if config.training == "full":
        from crosstie.model.fit import choose_device

        choose_device(device)  # a wrong one is said before the work, not after
    with say.stage("checking the views"):
        model = Model(data, links, config=config, **options)
    with say.stage("fitting" + (", then training" if config.training == "full" else "")) as tick:
        return model.fit(seed=seed, device=device, progress=tick, pool=pool, resume=resume)


def run_of(say: Console, *, seed: int, device: str) -> dict[str, Any]:
    """Return what `run.json` says of the run itself."""
    return {
        "seed": seed,
        "device": device,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - say.start, 1),
    }


def show(found: Any, out: Path) -> None:
    """Print scores, if there are any, and what was written."""
    from crosstie.cli.results import files_of
    from crosstie.cli.tables import print_scores

    if len(found.scores):
        print_scores(found.scores)
    typer.echo(f"{out}: {', '.join(files_of(out))}")
