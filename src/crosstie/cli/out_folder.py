"""The folder a run is written to: whether it may be written, who writes it, and where its progress is kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from crosstie._errors import sample, value_error
from crosstie._files import claimed
from crosstie._log import log
from crosstie.runs.folder import RUN_FILE

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the folder of an earlier run.")]


def check_out(out: Path, *, overwrite: bool) -> None:
    """Raise if a run cannot be written to `out`; nothing is written yet.

    Raises
    ------
    ValueError
        If it is a file, a folder whose content may not be replaced, or in a place that cannot be written to.
    """
    out = out.resolve()
    if out.exists() and not out.is_dir():
        raise value_error(f"--out {out} is a file.", expected="a folder, new or empty")
    inside = sorted(p.name for p in out.iterdir()) if out.is_dir() else []
    if inside and not overwrite:
        do = "Give another folder, or replace this one with --overwrite."
        raise value_error(f"--out {out} is not empty.", found=sample(inside, 4), do=do)
    if inside and RUN_FILE not in inside:
        raise value_error(
            f"--overwrite: {out} is not the folder of an earlier run.",
            found=sample(inside, 4),
            expected=f"a folder with {RUN_FILE} in it",
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
    """Return where a run into `out` keeps its progress; that of an earlier run is removed unless it is resumed."""
    out = out.resolve()
    rank = _rank()
    folder = out.parent / f".{out.name}.progress{'' if rank == '0' else '.' + rank}"
    if not resume and folder.exists():
        log.info("removing the unfinished run in %s; use --resume to continue it.", folder)
        shutil.rmtree(folder)
    return folder


def _rank() -> str:
    """Return the number of this process among those that torchrun started; number 0 writes the run."""
    return os.environ.get("RANK", "0")


@contextmanager
def run_folder(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Lock the folder of a run against other processes until all is written; yield its resolved path.

    Raises
    ------
    ValueError
        As `check_out`, and if another process is writing there.
    """
    check_out(out, overwrite=overwrite)
    out = out.resolve()
    if _rank() != "0":
        yield out
        return
    with claimed(out):
        check_out(out, overwrite=overwrite)  # another process may have finished in between
        yield out
