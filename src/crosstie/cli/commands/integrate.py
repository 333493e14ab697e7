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
from crosstie._run import RUN_FILE
from crosstie.cli import finished_run, json_answer, settings_file, view_arguments
from crosstie.cli.console import Console, Quiet, Verbose
from crosstie.cli.out_folder import Overwrite, link_file, progress_folder, run_folder
from crosstie.cli.truth import LabelKey, Pairs

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie.config import Config
    from crosstie.links import Link, Paired
    from crosstie.model.model import Model
    from crosstie.model.placement import Pool


EXAMPLES = (
    "crosstie integrate rna=rna.h5ad adt=adt.h5ad --out run --label-key cell_type",
    "crosstie integrate rna=rna.h5ad atac=atac.h5ad --genes genes.gtf.gz --out multi",
    "crosstie integrate rna=rna.h5ad adt=adt.h5ad --out run2 --write-config settings.toml",
    "crosstie integrate --config settings.toml --seed 1",
    "torchrun --nproc-per-node 4 -m crosstie integrate rna=rna.h5ad adt=adt.h5ad --out run4",
)


def integrate(
    views: view_arguments.Views,
    out: Annotated[Path, typer.Option(help="Folder for the results; it appears when all is done.")],
    links: view_arguments.Table = None,
    names: view_arguments.Names = None,
    genes: view_arguments.Genes = None,
    paired: view_arguments.Paired = None,
    preset: Annotated[str, typer.Option(help=f"Settings: {', '.join(settings_file.PRESETS)}.")] = "default",
    config: Annotated[
        Path | None,
        typer.Option(
            is_eager=True,
            callback=settings_file.from_file,
            help="TOML file of inputs, options and settings (the command line wins), or JSON file of settings.",
        ),
    ] = None,
    write_config: Annotated[
        Path | None,
        typer.Option("--write-config", metavar="FILE.toml", help="Write all settings in use to a file, and stop."),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting; may be repeated.")
    ] = None,
    modality: view_arguments.Modalities = None,
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
        bool, typer.Option("--resume", help="Go on with a run into this folder that was cut off.")
    ] = False,
    plots: Annotated[
        bool, typer.Option("--plots/--no-plots", help="Whether to draw pictures and write report.html.")
    ] = True,
    verdict: Annotated[
        bool, typer.Option("--verdict/--no-verdict", help="Whether to say if the run can be believed; see diagnose.")
    ] = True,
    overwrite: Overwrite = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Bring views into one latent space; carry labels over; match cells.

    Writes into the folder: integrated.h5mu (the views with .obsm["X_crosstie"] and transferred labels), labels,
    matches, anchors, links and scores as csv, pictures, the model, report.html, and run.json, which says how it was
    made, so that crosstie rerun can repeat it; and says whether the run can be believed.
    """
    say = Console(verbose=verbose, quiet=quiet)
    paths = view_arguments.paths_of(views)
    job = settings_file.Job(
        inputs=paths,
        out=out,
        config=settings_file.make_config(preset, config, set_),
        links=links,
        genes=genes,
        names=tuple(names or ()),
        modality=tuple(modality or ()),
        slot=tuple(slot or ()),
        batch_key=tuple(batch_key or ()),
        paired=tuple(paired or ()),
        label_key=label_key,
        pairs=pairs,
        seed=seed,
        device=device,
        plots=plots,
        verdict=verdict,
    )
    if write_config is not None:
        settings_file.write_toml(job, write_config)
        json_answer.give(config=write_config)
        typer.echo(f"{write_config}: crosstie integrate --config {write_config} does the rest")
        return
    run(job, say, scheduler=scheduler, resume=resume, overwrite=overwrite)


def run(
    job: settings_file.Job,
    say: Console,
    *,
    scheduler: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> None:
    """Do what a job says; on ranks of torchrun other than the first, only the share of the work."""
    with run_folder(job.out, overwrite=overwrite) as out:
        with say.stage("reading " + ", ".join(map(str, job.inputs.values()))):
            data = view_arguments.read_views(job.inputs, most=job.config.n_core)
        from crosstie.cli import truth

        known = truth.labels_of(data, job.label_key)
        same = truth.pairs_of(data, job.pairs)
        options: dict[str, Any] = {
            "modality": view_arguments.by_view(job.modality, "--modality", data),
            "slot": view_arguments.by_view(job.slot, "--slot", data),
            "batch_key": view_arguments.by_view(job.batch_key, "--batch-key", data),
        }
        ties = None
        columns = view_arguments.by_view(job.names, "--names", data)
        if job.links is not None or job.genes is not None or columns or job.paired:
            with say.stage("linking"):
                kinds = options["modality"] = view_arguments.modalities_of(job.modality, data)
                options["link_data"] = view_arguments.activities(job.genes, data, kinds)
                kinds = kinds | dict.fromkeys(options["link_data"], "activity")
                linked = data | options["link_data"]
                ties = view_arguments.ties(linked, kinds, table=job.links, names=columns, paired=job.paired)
        pool, first = _pool(scheduler)
        kept = progress_folder(out, resume=resume)
        from crosstie.cli import record, results

        with results.mapping(data, plots=job.plots and first, seed=job.seed) as begin_map:
            model = fitted(
                data, ties, job.config, say, seed=job.seed, device=job.device, pool=pool, resume=kept, **options
            )
            if not first:
                return
            picture = begin_map(model)
            found = results.collect(model, data, say, label_key=known[0], truth=known[1], pairs=same, seed=job.seed)
            diagnosis = None
            if job.verdict:
                diagnosis = finished_run.diagnosed(model, say, seed=job.seed)
                diagnosis.write(data)
            about = {
                **run_of(say, seed=job.seed, device=job.device),
                "inputs": {name or "all": record.file_of(path) for name, path in job.inputs.items()},
                "files": {name: record.file_of(path) for name, path in job.files.items()},
                "settings": job.as_dict(lambda path: str(path.resolve())),
            }
            with new_folder(out, last=RUN_FILE) as folder:
                results.write(found, folder, say, picture=picture, about=about, diagnosis=diagnosis)
                for name, adata in options.get("link_data", {}).items():
                    adata.write_h5ad(folder / link_file(list(data).index(name)), compression="gzip")
                if job.plots:
                    results.report(folder, say)
        results.give(found, job.out, diagnosis, seconds=about["seconds"])
        show(found, job.out)
        if diagnosis is not None:
            typer.echo(diagnosis)


def _pool(scheduler: str | None) -> tuple[Pool | None, bool]:
    """Return who places the cells of large views, and whether this process is the one that writes."""
    from crosstie._ranks import started_by_torchrun
    from crosstie.model import workers

    if started_by_torchrun():
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
    from crosstie._extras import require
    from crosstie.model.model import Model

    if config.training == "full":
        require("train", 'training networks (training="full")')
        from crosstie.training.loop import choose_device

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
    from crosstie.cli.score_table import print_scores

    if len(found.scores):
        print_scores(found.scores)
    typer.echo(f"{out}: {', '.join(files_of(out))}")
