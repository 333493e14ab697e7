"""The folder a run is written to: whether it may be written, who writes it, and where its progress is kept."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from crosstie._errors import sample, value_error
from crosstie._files import check_not_input, claimed
from crosstie._log import log
from crosstie._ranks import rank_of_process, started_by_torchrun
from crosstie.runs.folder import RUN_FILE, not_of_a_run

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the folder of an earlier run.")]


def check_out(out: Path, *, overwrite: bool, inputs: Iterable[Path] = ()) -> None:
    """Raise if a run cannot be written to `out`; nothing is written yet.

    Parameters
    ----------
    out, overwrite
        As the options say.
    inputs
        Files and folders that the run reads.

    Raises
    ------
    ValueError
        If it is a file, a folder whose content may not be replaced, in a place that cannot be written to, or if it is,
        contains or lies inside an input.
    """
    check_not_input(out, inputs)
    out = out.resolve()
    if out.exists() and not out.is_dir():
        raise value_error(f"--out {out} is a file.", expected="a folder, new or empty")
    inside = sorted(p.name for p in out.iterdir()) if out.is_dir() else []
    if inside and not overwrite:
        do = "Give another folder, or replace this one with --overwrite."
        raise value_error(f"--out {out} is not empty.", found=sample(inside, 4), do=do)
    if inside and (other := not_of_a_run(out)):
        raise value_error(
            f"--overwrite: {out} is not the folder of an earlier run.",
            found=other,
            expected=f"a folder with a {RUN_FILE} of crosstie and nothing but the files of a run",
            do="Give another folder; this one is not changed.",
        )
    if inside and out.is_mount():
        raise value_error(f"--overwrite: {out} is a mount point and cannot be replaced.", do="Give another folder.")
    # An unfinished run is beside it, and takes its name at the end.
    there = next(p for p in out.parents if p.exists())
    for folder in (there, *([out] if out.exists() else [])):
        if not (folder.is_dir() and os.access(folder, os.W_OK)):
            found = f"{folder}, which is not a writable folder"
            raise value_error(f"--out {out} cannot be made.", found=found, do="Give a folder elsewhere.")


def progress_folder(out: Path, *, resume: bool) -> Path:
    """Return where a run into `out` keeps its progress; that of an earlier run is removed unless it is resumed.

    Raises
    ------
    ValueError
        If something else is at this place.
    """
    from crosstie.model.resume import clear, is_progress

    out = out.resolve()
    rank = rank_of_process()
    folder = out.parent / f".{out.name}.progress{f'.{rank}' if rank else ''}"
    if not started_by_torchrun():  # other ranks kept the same blocks, which only they could go on with
        for other in out.parent.glob(f".{glob.escape(out.name)}.progress.*"):
            if other.suffix[1:].isdecimal() and is_progress(other) and any(other.iterdir()):
                clear(other)
    if not os.path.lexists(folder):
        return folder
    if not is_progress(folder):
        raise value_error(
            f"{folder} is needed for the progress of the run.",
            found="something that crosstie did not write",
            expected="no such folder, or the unfinished run of an earlier command",
            do="Move it away, or give another --out; it was not changed.",
        )
    if not resume:
        log.info("removing the unfinished run in %s; use --resume to continue it.", folder)
        clear(folder)
    return folder


@contextmanager
def run_folder(out: Path, *, overwrite: bool, inputs: Iterable[Path] = ()) -> Iterator[Path]:
    """Lock the folder of a run against other processes until all is written; yield its resolved path.

    Of the processes that torchrun started, number 0 holds the lock and writes the run. Parameters are those of
    `check_out`.

    Raises
    ------
    ValueError
        As `check_out`, and if another process is writing there.
    """
    inputs = list(inputs)
    check_out(out, overwrite=overwrite, inputs=inputs)
    out = out.resolve()
    if rank_of_process():
        yield out
        return
    with claimed(out):
        check_out(out, overwrite=overwrite, inputs=inputs)  # another process may have finished in between
        yield out
