"""Names of views: files and groups of HDF5 are named after views, so a name that cannot be one is refused at once."""

from __future__ import annotations

import re
from collections.abc import Iterable

from crosstie._errors import value_error

LONGEST = 100  # bytes; file systems allow 255, and confusion_A_to_B.png holds two names and takes a temporary ending
VIEW_NAME = re.compile(r"\w[\w .+-]*")


def check_view_names(names: Iterable[str], *, where: str = "", do: str = "") -> None:
    """Raise `ValueError` if files cannot be named after a view, or the names of two views differ only in case.

    Parameters
    ----------
    names
        Names of views.
    where
        First words of the message.
    do
        What to do about a name that holds characters which do not belong in names of files.
    """
    names = list(names)
    for name in names:
        if not VIEW_NAME.fullmatch(name):
            what = f"{where}view name {name!r} cannot be used in file names."
            raise value_error(what, expected="letters and digits", do=do)
        check_writable(name, where=where)
    check_names_apart(names)


def check_writable(name: str, *, where: str = "") -> None:
    """Raise `ValueError` if no file and no group of HDF5 can have a name, or it is too long for one."""
    try:
        n_bytes = len(name.encode())
    except UnicodeEncodeError:
        n_bytes = 0
    if not n_bytes or "\0" in name or name in (".", ".."):
        what = f"{where}view name {name!r} cannot be written."
        raise value_error(what, expected="letters and digits: files are named after views")
    if n_bytes > LONGEST:
        what = f"{where}view name '{name[:20]}…' is too long: files are named after views."
        raise value_error(what, found=f"{n_bytes:,} bytes", expected=f"at most {LONGEST}", do="Give a shorter name.")


def check_names_apart(names: Iterable[str]) -> None:
    """Raise if names of views differ only in case: files are named after them, and some systems ignore case."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            what = f"views {other!r} and {name!r} differ by capitals alone."
            raise value_error(what, do="Rename one of them: files are named after views.")
