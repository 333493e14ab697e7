"""`crosstie integrate`: from views to one folder with everything about their common latent space."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crosstie._errors import value_error
from crosstie._files import new_folder
from crosstie._log import log
from crosstie.cli import finished_run, json_answer, settings_file, view_arguments
from crosstie.cli.console import Console, Quiet, Seed, Verbose, echo
from crosstie.cli.job import Job
from crosstie.cli.out_folder import Overwrite, progress_folder, run_folder
from crosstie.cli.panels import by_panel
from crosstie.runs.folder import RUN_FILE, files_of

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie.config import Config
    from crosstie.data import View
    from crosstie.links import Link, Paired
    from crosstie.model.model import Model
    from crosstie.model.placement import Pool
    from crosstie.runs.run import Run
    from crosstie.trust.diagnosis import Diagnosis

EXAMPLES = (
    "crosstie integrate rna=rna.h5ad adt=adt.h5ad --out run --label-key cell_type",
    "crosstie integrate filtered_feature_bc_matrix.h5 --out first",
    "crosstie integrate rna=rna.h5ad adt=adt.h5ad --reference pbmc.h5mu --out helped",
    "crosstie integrate rna=rna.h5ad atac=atac.h5ad --genes genes.gtf.gz --out multi",
    "crosstie integrate rna=rna.h5ad adt=adt.h5ad --out run2 --write-config settings.toml",
    "crosstie integrate --config settings.toml --seed 1",
    "torchrun --nproc-per-node 4 -m crosstie integrate rna=rna.h5ad adt=adt.h5ad --out run4",
)


def integrate(
    views: view_arguments.Views,
    out: Annotated[Path, typer.Option(help="Folder for the results; it appears when everything is done.")],
    links: view_arguments.Table = None,
    names: view_arguments.Names = None,
    genes: view_arguments.Genes = None,
    reference: view_arguments.References = None,
    droplets: view_arguments.Droplets = None,
    use: view_arguments.Use = None,
    cells: view_arguments.Cells = None,
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
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting; repeatable.")
    ] = None,
    modality: view_arguments.Modalities = None,
    slot: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME=]SLOT", help="Where the matrix is: X, raw, layers/NAME or obsm/NAME."),
    ] = None,
    batch_key: Annotated[
        list[str] | None, typer.Option(metavar="[NAME=]COLUMN", help="Column of obs with the batch of each cell.")
    ] = None,
    section_key: view_arguments.SectionKeys = None,
    panel_key: view_arguments.PanelKeys = None,
    positions: view_arguments.UsePositions = True,
    label_key: view_arguments.LabelKey = None,
    pairs: view_arguments.Pairs = "auto",
    seed: Seed = 0,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda, cuda:1, mps: where neighbours, transport, training are computed.")
    ] = "auto",
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            envvar="CROSSTIE_SCHEDULER",
            help="dask scheduler whose workers place the cells of large views; connect only to a cluster you trust.",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run into this folder.")] = False,
    plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Whether to draw pictures and a report.")] = True,
    verdict: Annotated[
        bool, typer.Option("--verdict/--no-verdict", help="Whether to check if the run can be trusted; see diagnose.")
    ] = True,
    drop_suspicious: Annotated[
        bool, typer.Option("--drop-suspicious", help="Integrate again without links whose names seem exchanged.")
    ] = False,
    overwrite: Overwrite = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Bring views into one latent space, transfer labels and match cells.

    Writes into the folder: integrated.h5mu (the views with .obsm["X_crosstie"] and transferred labels); labels,
    matches, anchors, links and scores as csv; pictures; the model; report.html; and run.json, which records how the
    run was made, so that crosstie rerun can repeat it. Ends with a verdict on whether the run can be trusted.
    """
    options = locals()
    say = Console(verbose=verbose, quiet=quiet)
    paths = view_arguments.paths_of(views, least=1 if reference else 2)
    job = Job.of(paths, settings_file.make_config(preset, config, set_), options)
    if write_config is not None:
        settings_file.write_toml(job, write_config)
        json_answer.give(config=write_config)
        echo(f"{write_config}: to run it, crosstie integrate --config {write_config}")
        return
    run(job, say, scheduler=scheduler, resume=resume, overwrite=overwrite)


def run(job: Job, say: Console, *, scheduler: str | None = None, resume: bool = False, overwrite: bool = False) -> None:
    """Do a job; on ranks of torchrun other than the first, only a share of the work."""
    from crosstie.training.device import on_device

    read = [*job.inputs.values(), *job.files.values()]
    with on_device(job.device), run_folder(job.out, overwrite=overwrite, inputs=read) as out:
        from crosstie.runs import record
        from crosstie.runs.background import beside
        from crosstie.runs.joint_map import begin_map
        from crosstie.runs.known_truth import check_label_key, pairs_of
        from crosstie.runs.run import Run
        from crosstie.runs.write import write

        with say.stage("reading " + ", ".join(map(str, job.inputs.values()))):
            least = 1 if job.reference else 2
            data = view_arguments.read(job.inputs, use=job.use, cells=job.cells, most=job.config.n_core, least=least)
        if job.droplets is not None:
            with say.stage(f"reading {job.droplets}"):
                slot = view_arguments.by_view(job.slot, "--slot", data)
                data = view_arguments.without_background(data, job.droplets, slot, job.modality)
        asked, (data, job) = job, by_panel(data, job)
        data, job, bridge = _with_bridge(data, job, say)
        key, same = check_label_key(data, job.label_key), pairs_of(data, job.pairs)
        links, options = _links_and_options(job, data, say)
        links = bridge if links is None else links
        pool, first = _pool(scheduler)
        kept = progress_folder(out, resume=resume)
        with beside(data if first else {}, plots=job.plots) as submit:
            model = fitted(
                data, links, job.config, say, seed=job.seed, device=job.device, pool=pool, resume=kept, **options
            )
            if not first:
                return
            model = _without_suspicious(model, data, job, say, options)
            plane = begin_map(model, seed=job.seed, submit=submit) if job.plots else None
            found = Run(model, data, options.get("link_data") or {}, label_key=key)
            matching = found.begin_matches(submit)
            scoring = found.begin_scores(same, seed=job.seed, submit=submit)
            found = found.with_labels(say.stage)
            diagnosis = finished_run.diagnosed(model, say, seed=job.seed) if job.verdict else None
            found = found if diagnosis is None else found.with_verdict(diagnosis)
            found = found.with_scores(same, stage=say.stage, begun=scoring).with_matches(say.stage, matching)
            about = about_run(say, seed=job.seed, device=job.device) | {
                "inputs": {name or "all": record.file_of(path) for name, path in job.inputs.items()},
                "files": {name: record.file_of(path) for name, path in job.files.items()},
                "settings": asked.as_dict(lambda path: str(path.resolve())),
            }
            found = replace(found, about=about)
            with new_folder(out, last=RUN_FILE) as folder:
                write(found, folder, plane=plane, stage=say.stage, report=partial(report, say=say))
        give(found, job.out, diagnosis)
        show(found, job.out)
        if diagnosis is not None:
            echo(diagnosis, lines=True)


def _without_suspicious(
    model: Model, data: Mapping[str, AnnData], job: Job, say: Console, options: Mapping[str, Any]
) -> Model:
    """Return a model of the same data without suspicious links, if that is asked for and there are any."""
    if not job.drop_suspicious:
        return model
    from crosstie.trust import without_suspicious

    found = finished_run.diagnosed(model, say, seed=job.seed)
    if not len(found.suspicious):
        log.info("no link is suspicious: nothing is left out.")
        return model
    log.warning("left out as suspicious: %s.", "; ".join(found.suspicions))
    links = without_suspicious(model, found.suspicious)
    return fitted(data, links, job.config, say, seed=job.seed, device=job.device, looked_at=True, **options)


def _with_bridge(
    data: dict[str, AnnData], job: Job, say: Console
) -> tuple[dict[str, AnnData], Job, list[Link | Paired] | None]:
    """Return the views, the job and links; of one view and a reference, with the views of the reference as a bridge."""
    if len(data) != 1 or not job.reference:
        return data, job, None
    from crosstie.model.bridge import bridged

    (own,) = data
    words = {option: getattr(job, option) for option in ("modality", "slot", "batch_key", "section_key")}
    named = {
        option: tuple(word if "=" in word else f"{own}={word}" for word in given) for option, given in words.items()
    }
    with say.stage("reading " + ", ".join(map(str, job.reference))):
        found = view_arguments.references(job.reference)
    job = replace(job, reference=(), **named)  # type: ignore[arg-type]
    views, links = bridged(data, found, view_arguments.by_view(job.modality, "--modality", data))  # type: ignore[arg-type]
    return views, job, links


def _links_and_options(
    job: Job, data: Mapping[str, AnnData], say: Console
) -> tuple[list[Link | Paired] | None, dict[str, Any]]:
    """Return the links of a job, `None` to let the model suggest them, and the options of the model by view."""
    options: dict[str, Any] = {
        "modality": view_arguments.by_view(job.modality, "--modality", data),
        "slot": view_arguments.by_view(job.slot, "--slot", data),
        "batch_key": view_arguments.by_view(job.batch_key, "--batch-key", data),
        "section_key": view_arguments.by_view(job.section_key, "--section-key", data) or None,
        "spatial": "spatial" if job.positions else None,
    }
    if job.reference:
        with say.stage("reading " + ", ".join(map(str, job.reference))):
            options["reference"] = view_arguments.references(job.reference)
    columns = view_arguments.by_view(job.names, "--names", data)
    if job.links is None and job.genes is None and not columns and not job.paired:
        return None, options
    with say.stage("linking"):
        kinds = options["modality"] = view_arguments.modalities_of(job.modality, data)
        options["link_data"] = view_arguments.activities(job.genes, data, kinds)
        kinds = kinds | dict.fromkeys(options["link_data"], "activity")
        linked = data | options["link_data"]
        return view_arguments.ties(linked, kinds, table=job.links, names=columns, paired=job.paired), options


def _pool(scheduler: str | None) -> tuple[Pool | None, bool]:
    """Return the workers that place the cells of large views, and whether this process is the one that writes."""
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
    looked_at: bool = False,
    **options: Any,
) -> Model:
    """Return a fitted model, with its stages shown; before the fit, warn of what `check` finds, unless that is done."""
    from crosstie._extras import require
    from crosstie.model.model import Model

    if config.training == "full":
        require("train", 'training networks (training="full")')
    with say.stage("checking the views"):
        model = Model(data, links, config=config, **options)
        if not looked_at:
            _tell_of_findings(model.views)
    with say.stage("fitting" + (", then training" if config.training == "full" else "")) as tick:
        return model.fit(seed=seed, device=device, progress=tick, pool=pool, resume=resume)


def _tell_of_findings(views: Mapping[str, View]) -> None:
    """Warn of what the quick part of `crosstie check` finds and is likely to cost accuracy."""
    from crosstie.trust.check import check_views

    for found in check_views(views):
        if found.level == "warning":
            log.warning("%s", found)


def about_run(say: Console, *, seed: int, device: str) -> dict[str, Any]:
    """Return the part of `run.json` about the circumstances of a run."""
    return {
        "seed": seed,
        "device": device,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - say.start, 1),
    }


def report(folder: Path, say: Console) -> None:
    """Write report.html into the folder of a run in which everything else is written."""
    from crosstie.report import write as write_report

    with say.stage("writing the report"):
        write_report(folder)


def give(found: Run, out: Path, diagnosis: Diagnosis | None) -> None:
    """Give a run as the answer of a command: its folder and files, scores and verdict."""
    json_answer.give(
        out=out,
        files=[(out / name).as_posix() + "/" * name.endswith("/") for name in files_of(out)],
        views={name: {"n_cells": len(z), "n_latent": z.shape[1]} for name, z in found.model.latents.items()},
        scores=found.scores,
        diagnosis=None if diagnosis is None else finished_run.judged(diagnosis),
        seconds=found.about["seconds"],
    )


def show(found: Run, out: Path) -> None:
    """Print the scores, if there are any, and the files."""
    from crosstie.cli.score_table import print_scores

    if len(found.scores):
        print_scores(found.scores)
    echo(f"{out}: {', '.join(files_of(out))}")
