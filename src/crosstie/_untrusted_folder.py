"""The one way to a file in a folder that someone else may have made: directly inside, regular, not too large."""

from __future__ import annotations

import csv
import os
import stat
from pathlib import Path

from crosstie._errors import value_error

TABLE = 2**31  # bytes, the most of a table
SETTINGS = 2**26  # bytes, the most of a JSON file that describes a run

_KINDS = ((stat.S_ISLNK, "a symbolic link"), (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"))


def entry(folder: Path, name: str, *, most: int | None = None, who: str = "") -> Path:
    """Return the path of a file in a folder, which need not be there.

    Parameters
    ----------
    folder
        The folder. It may be a link itself: the user named it.
    name
        Name of the file.
    most
        Largest size in bytes; `None` allows any.
    who
        First word of the message of an error.

    Raises
    ------
    ValueError
        If there is anything but a regular file of that name, or the file is too large.
    """
    path, about = _inside(folder, name)
    if about is None:
        return path
    if not stat.S_ISREG(about.st_mode):
        do = "Copy the file itself into the folder: a link could lead anywhere." if stat.S_ISLNK(about.st_mode) else ""
        raise value_error(f"{who}{path} cannot be used.", found=_kind(about), expected="a regular file", do=do)
    if most is not None and about.st_size > most:
        raise value_error(
            f"{who}{path} is too large.", found=f"{about.st_size:,} bytes", expected=f"at most {most:,} bytes"
        )
    return path


def subfolder(folder: Path, name: str) -> Path:
    """Return the path of a folder in a folder, which need not be there; raises `ValueError` if it is a link."""
    path, about = _inside(folder, name)
    if about is not None and stat.S_ISLNK(about.st_mode):
        raise value_error(f"{path} cannot be used.", found=_kind(about), expected="a folder")
    return path


def check_width(file: Path, most: int, *, who: str = "") -> None:
    """Raise `ValueError` if a table names more columns than it may have; pandas would take minutes to find out."""
    with file.open(encoding="utf-8", errors="replace", newline="") as lines:
        n_columns = len(next(csv.reader(lines), ()))
    if n_columns > most:
        raise value_error(f"{who}{file} is damaged.", found=f"{n_columns:,} columns", expected=f"at most {most:,}")


def _inside(folder: Path, name: str) -> tuple[Path, os.stat_result | None]:
    if name in ("", ".", "..") or set(name) & set("/\\\0"):
        raise value_error(f"{name!r} is not the name of a file in {folder}.")
    path = folder / name
    try:
        return path, os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return path, None


def _kind(about: os.stat_result) -> str:
    return next((word for is_one, word in _KINDS if is_one(about.st_mode)), "a device or socket")
