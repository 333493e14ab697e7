"""`crosstie rerun`: repeat a finished run from its run.json, and compare the results bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from crosstie._errors import InputError, value_error
from crosstie._log import log
from crosstie.cli import finished_run, json_answer
from crosstie.cli.commands import demo, integrate
from crosstie.cli.console import Console, Quiet, Verbose, table
from crosstie.cli.job import Job
from crosstie.cli.out_folder import Overwrite, check_out
from crosstie.runs.folder import RUN_FILE, about_of

EXAMPLES = ("crosstie rerun run --out again",)
DIGESTS = ("sha256", "sha256_of_samples")


def rerun(
    run: finished_run.RunFolder,
    out: Annotated[Path, typer.Option(help="Folder for the results of the second run.")],
    changed_inputs: Annotated[
        bool, typer.Option("--changed-inputs", help="Continue even if files differ from those of the first run.")
    ] = False,
    overwrite: Overwrite = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Repeat a run with the same files, settings and seed, and compare the coordinates bit for bit.

    The input files must not have changed since run.json was written. Differing versions are listed. The exit status is
    0 whether or not the coordinates are identical; with --json the answer is in same_bits.
    """
    say = Console(verbose=verbose, quiet=quiet)
    about = repeatable(run)
    check_out(out, overwrite=overwrite)
    if out.resolve() == run.resolve():
        raise value_error(f"--out {out} is the run itself.", do="Give another folder.")
    said = about["settings"]
    if "demo" in said:
        demo.demo(out=out, **_demo_options(run, said["demo"]), overwrite=overwrite, verbose=verbose, quiet=quiet)
    else:
        with say.stage("comparing the files with those of the first run"):
            job = _job(run, said, out)
            _check_files(run, about, job, go_on=changed_inputs)
        integrate.run(job, say, overwrite=overwrite)
    _compare(about, repeatable(out))


def repeatable(run: Path) -> dict[str, Any]:
    """Return the content of `run.json`.

    Raises
    ------
    ValueError
        If there is none, or it lacks what is needed to repeat the run.
    """
    about = about_of(run)
    for part in ("settings", "coordinates"):
        if not isinstance(about.get(part), dict):
            found = f"no {part!r}" if part not in about else f"{part!r} is {about[part]!r}"
            raise value_error(f"{run / RUN_FILE} does not say how to repeat the run.", found=found)
    return about


def _job(run: Path, settings: dict[str, Any], out: Path) -> Job:
    try:
        return Job.from_dict(settings, out=out)
    except InputError as error:
        raise value_error(f"{run / RUN_FILE} does not say how to repeat the run.", found=str(error)) from error


def _demo_options(run: Path, found: Any) -> dict[str, Any]:
    """Return the options of a demo in `run.json`, which must be of the kinds that `crosstie demo` writes."""
    kinds = {"n_cells": int, "seed": int, "plots": bool}
    fits = isinstance(found, dict) and set(found) == set(kinds)
    if not fits or not all(type(found[name]) is kind and found[name] >= 0 for name, kind in kinds.items()):
        raise value_error(f"{run / RUN_FILE} does not say how to repeat the demo.", found=repr(found)[:100])
    return dict(found)


def _check_files(run: Path, about: dict[str, Any], job: Job, *, go_on: bool) -> None:
    """Compare the files that the job will read, and no others, with what is recorded of them."""
    from crosstie.data.read_files import check_input
    from crosstie.runs import record

    changed = []
    read = [(name or "all", path, "inputs") for name, path in job.inputs.items()]
    for name, path, part in [*read, *((name, path, "files") for name, path in job.files.items())]:
        before = about.get(part, {}).get(name, {})
        if before.get("path") != str(path):
            raise value_error(
                f"{run / RUN_FILE} names two files for {name!r}.",
                found=f"{before.get('path', 'nothing')!r} in its record, {str(path)!r} in its settings",
                do="Check where this run comes from, or integrate again.",
            )
        if not path.exists():
            raise value_error(f"{name}: {path} is no longer there.", do="Put it back, or integrate again.")
        check_input(path)
        now = record.file_of(path)
        if any(now.get(key) != before.get(key) for key in ("n_bytes", *DIGESTS)):
            changed.append(f"{path} ({before['n_bytes']:,} bytes then, {now['n_bytes']:,} now)")
    if changed and not go_on:
        do = "Put back the old ones, or use the current ones with --changed-inputs."
        raise value_error("files have changed since the run.", found=", ".join(changed), do=do)
    for text in changed:
        log.warning("changed since the first run: %s", text)


def _compare(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Report for each view whether its coordinates are identical, and what else differs."""
    versions = [{"crosstie": a["crosstie"], "python": a["python"], **a["versions"]} for a in (before, now)]
    names = dict.fromkeys([*versions[0], *versions[1]])
    differ = {n: [v.get(n, "–") for v in versions] for n in names if versions[0].get(n) != versions[1].get(n)}
    differ |= {n: [before.get(n), now.get(n)] for n in ("platform", "threads") if before.get(n) != now.get(n)}
    views = dict.fromkeys([*before["coordinates"], *now["coordinates"]])
    same = {view: before["coordinates"].get(view) == now["coordinates"].get(view) for view in views}
    json_answer.give(same_bits=all(same.values()), same_bits_by_view=same, differences=differ)
    rows = [[view, "identical" if equal else "different"] for view, equal in same.items()]
    note = "".join(f"{name}: {old} then, {new} now. " for name, (old, new) in differ.items()).strip()
    table("Coordinates of both runs", ["view", "coordinates"], rows, note=note)
