"""Is a file whole, and what its ending says? Read from the file itself, where no checksum is known."""

from __future__ import annotations

import gzip
import re
import tarfile
import zipfile
import zlib
from pathlib import Path

import h5py

from crosstie._errors import InputValueError, message, value_error

HTML = (b"<!doctype html", b"<html", b"<head", b"<script")
CHUNK = 2**20


def check_whole(path: Path, *, name: str = "", source: str = "") -> None:
    """Raise unless a file has the structure that its name promises, to its end.

    gzip is unpacked to the last checksum, HDF5 is opened (it knows its own length), ZIP and tar are read through. A
    table without compression has nothing to check but that it is no web page.

    Parameters
    ----------
    path
        The file.
    name
        Its name, if it lies under another one for now.
    source
        Where it came from, for the message.

    Raises
    ------
    ValueError
        If it is cut short, empty, or something else.
    """
    name, source = name or path.name, source or str(path)
    if not path.stat().st_size:
        raise value_error(f"{source}: the file is empty.")
    with path.open("rb") as file:
        start = file.read(4096)
    if is_page(start):
        raise InputValueError(web_page(source, start))
    kind = kind_of(name)
    try:
        if kind == "gzip":
            _read_gzip(path)
        elif kind == "HDF5":
            if not h5py.is_hdf5(path):
                raise ValueError(f"begins with {start[:8]!r}")
            with h5py.File(path):
                pass
        elif kind == "ZIP":
            with zipfile.ZipFile(path) as archive:
                if bad := archive.testzip():
                    raise ValueError(f"{bad} inside is damaged")
        elif kind == "tar":
            with tarfile.open(path) as archive:
                archive.getmembers()
    except (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError) as error:
        found = f"{path.stat().st_size:,} bytes; {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        do = "Download it again."
        raise value_error(f"{source}: not a whole {kind} file.", found=found[:300], do=do) from None


def kind_of(name: str) -> str:
    """Return what a file is, by its name; `""` for text."""
    for ending, kind in {".tar": "tar", ".tar.gz": "tar", ".gz": "gzip", ".zip": "ZIP"}.items():
        if name.endswith(ending) and not (kind == "gzip" and name.endswith(".tar.gz")):
            return kind
    return "HDF5" if name.endswith((".h5", ".h5ad", ".h5mu")) else ""


def is_page(start: bytes) -> bool:
    """Whether a file's first bytes are those of a web page."""
    return start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(HTML)


def web_page(source: str, start: bytes) -> str:
    """Return the message for a web page that came instead of data."""
    title = re.search(rb"<title[^>]*>(.*?)</title>", start, re.IGNORECASE | re.DOTALL)
    text = " ".join(title[1].decode("utf-8", "replace").split())[:100] if title else ""
    return message(
        f"{source}: a web page came instead of the data.",
        found=f"a page called {text!r}" if text else "HTML",
        do="Something stands between you and the server (a login, a proxy, maintenance). Try again later, or download "
        "the file in a browser and give its folder with source=FOLDER.",
    )


def _read_gzip(path: Path) -> None:
    with gzip.open(path) as file:
        while file.read(CHUNK):
            pass
