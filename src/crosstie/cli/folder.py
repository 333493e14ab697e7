"""The folder of a run: it appears whole, when all is done, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crosstie._errors import sample, value_error
from crosstie._log import log

RUN_FILE = "run.json"  # every run has one: how a folder of ours is told from a folder of the user's


def link_file(number: int) -> str:
    """Return the name of the file that holds what the links of a view read, if it is another matrix than the view's."""
    return f"links_{number}.h5ad"


def check_out(out: Path, *, overwrite: bool) -> None:
    """Raise if a run cannot be written to `out`; nothing is written yet.

    Raises
    ------
    ValueError
        If it is a file, or a folder with something in it that may not be replaced, or the place cannot be written to.
    """
    out = out.resolve()
    if out.exists() and not out.is_dir():
        raise value_error(f"--out {out} is a file.", expected="a folder, new or empty")
    inside = sorted(p.name for p in out.iterdir()) if out.is_dir() else []
    if inside and not overwrite:
        do = "Give another folder, or --overwrite to replace it whole."
        raise value_error(f"--out {out} is not empty.", found=sample(inside, 4), do=do)
    if inside and RUN_FILE not in inside:
        raise value_error(
            f"--overwrite: {out} is not the folder of an earlier run.",
            found=sample(inside, 4),
            expected=f"a folder with {RUN_FILE} in it",
            do="Give another folder; this one is left as it is.",
        )
    there = next(p for p in (out, *out.parents) if p.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        found = f"{there}, which is not a folder one may write to"
        raise value_error(f"--out {out} cannot be made.", found=found, do="Give a folder elsewhere.")


def progress_folder(out: Path, *, resume: bool) -> Path:
    """Return where a run into `out` keeps what is done; what an earlier one left is removed unless it is resumed."""
    out = out.resolve()
    rank = os.environ.get("RANK", "0")
    folder = out.parent / f".{out.name}.progress{'' if rank == '0' else '.' + rank}"
    if not resume and folder.exists():
        log.info("what is left of an earlier run in %s is removed; --resume would have gone on with it.", folder)
        shutil.rmtree(folder)
    return folder


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder beside `out` that takes its place at the end; if anything goes wrong, nothing is left."""
    out = out.resolve()
    made = [p for p in out.parents if not p.exists()]  # innermost first
    out.parent.mkdir(parents=True, exist_ok=True)
    work = out.parent / f".{out.name}.{os.getpid()}.part"
    work.mkdir()
    try:
        yield work
        _put(work, out)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        for parent in made:
            parent.rmdir()
        raise


def _put(work: Path, out: Path) -> None:
    if not out.exists():
        work.rename(out)
    elif not any(out.iterdir()):  # a folder that was there stays the same one, with its permissions
        for path in work.iterdir():
            shutil.move(path, out / path.name)
        work.rmdir()
    else:
        old = out.parent / f".{out.name}.{os.getpid()}.old"
        out.rename(old)
        work.rename(out)
        shutil.rmtree(old)
