"""Checks from the content of a file that it is complete and of the type that its ending says."""

from __future__ import annotations

import gzip
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from crosstie._errors import E, InputError, InputValueError, input_error, value_error

PACKED_AT_MOST = 200  # largest compression ratio; counts as text reach about a tenth of that
ALWAYS = 2**28  # bytes that any file may unpack to
HTML = (b"<!doctype html", b"<html", b"<head", b"<script")
CHUNK = 2**20


def check_complete(path: Path, *, name: str = "", source: str = "") -> None:
    """Raise unless a file is complete and of the type that its name says.

    gzip files are unpacked to the final checksum, HDF5 files are opened (they store their length), and ZIP and tar
    files are read to the end. Of a plain text table, only web pages and empty files are detected.

    Parameters
    ----------
    path
        The file to check.
    name
        Its final name, if it has a temporary one now; by default the name of `path`.
    source
        Where it came from, for the message; by default `path`.

    Raises
    ------
    ValueError
        If it is truncated, empty, or of another type.
    """
    name, source = name or path.name, source or str(path)
    if not path.stat().st_size:
        raise value_error(f"{source}: the file is empty.")
    with path.open("rb") as file:
        start = file.read(4096)
    if is_page(start):
        raise web_page(InputValueError, source, start)
    kind = kind_of(name)
    try:
        if kind == "gzip":
            _read_gzip(path)
        elif kind == "HDF5":
            if not h5py.is_hdf5(path):
                raise ValueError(f"begins with {start[:8]!r}")
            with h5py.File(path) as file:
                with_room(path, sum(_sizes(file)))
        elif kind == "ZIP":
            with zipfile.ZipFile(path) as archive:
                with_room(path, sum(member.file_size for member in archive.infolist()))
                if bad := archive.testzip():
                    raise ValueError(f"{bad} inside is damaged")
        elif kind == "tar":
            with tarfile.open(path) as archive:
                unpacked = 0
                for member in archive:
                    unpacked += member.size
                    with_room(path, unpacked)
    except InputError:
        raise
    except (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError) as error:
        found = f"{path.stat().st_size:,} bytes; {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        do = "Download it again."
        raise value_error(f"{source}: not a complete {kind} file.", found=found[:300], do=do) from None


def kind_of(name: str) -> str:
    """Return the type of a file by its name; `""` for text."""
    for ending, kind in {".tar": "tar", ".tar.gz": "tar", ".gz": "gzip", ".zip": "ZIP"}.items():
        if name.endswith(ending) and not (kind == "gzip" and name.endswith(".tar.gz")):
            return kind
    return "HDF5" if name.endswith((".h5", ".h5ad", ".h5mu")) else ""


def is_page(start: bytes) -> bool:
    """Return whether the first bytes of a file are those of a web page."""
    return start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(HTML)


def web_page(kind: type[E], source: str, start: bytes) -> E:
    """Return (not raise) the error for a server that sent a web page instead of data."""
    title = re.search(rb"<title[^>]*>(.*?)</title>", start, re.IGNORECASE | re.DOTALL)
    text = " ".join(title[1].decode("utf-8", "replace").split())[:100] if title else ""
    do = (
        "The cause may be a login page, a proxy or maintenance. Try again later, or download the file in a browser "
        "and give its folder with "
    )
    return input_error(
        kind,
        f"{source}: the server sent a web page instead of the data.",
        found=f"a page with the title {text!r}" if text else "HTML",
        do=f"{do}source=FOLDER.",
        cli={"do": f"{do}--from FOLDER."},
    )


def with_room(path: Path, unpacked: int) -> None:
    """Raise if a file unpacks to implausibly many bytes, which would fill the memory or the disk."""
    packed = path.stat().st_size
    if unpacked > ALWAYS + PACKED_AT_MOST * packed:
        raise value_error(
            f"{path}: unpacks to far more data than expected; it was not used.",
            found=f"{packed:,} bytes, unpacked {unpacked:,} or more",
            expected=f"at most {PACKED_AT_MOST} times the size",
            do="Download it again from the source; do not trust this copy.",
        )


def unpacked(path: Path) -> Iterator[bytes]:
    """Yield the unpacked content of a gzip file; raise if it is implausibly large."""
    done = 0
    with gzip.open(path) as file:
        while chunk := file.read(CHUNK):
            done += len(chunk)
            with_room(path, done)
            yield chunk


def _read_gzip(path: Path) -> None:
    for _ in unpacked(path):
        pass


def _sizes(file: Any) -> Iterator[int]:
    """Yield the unpacked size of each array of an open HDF5 file, in bytes."""
    found: list[int] = []
    file.visititems(lambda _, item: found.append(item.nbytes) if isinstance(item, h5py.Dataset) else None)
    yield from found
