"""Checks of files from others: none may run code, or make us read another file."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np

from crosstie._errors import sample, value_error

GZIP, HDF5 = b"\x1f\x8b", b"\x89HDF\r\n\x1a\n"
SMALL, TIMES = 2**28, 200  # a file may unpack to 256 MiB, or to 200 times its size if that is more
# Groups and data sets of an HDF5 file. Real files have hundreds; a value in `uns` for every gene makes 40,000. Each
# costs up to half a millisecond, here and again where it is read.
MOST_ENTRIES = 50_000
METADATA = 2**26  # bytes, the most of a metadata file of a zarr store
DO = "Read it where you trust it, and write the views again as h5ad."


def open_hdf5(path: Path) -> Any:
    """Return an HDF5 file, opened for reading and not checked yet, or raise an error that says what it is instead.

    Raises
    ------
    ValueError
        If the file is empty, compressed or not HDF5.
    """
    import h5py

    if not path.stat().st_size:
        raise ValueError("the file is empty")
    start = start_of(path)
    if start.startswith(GZIP):
        do = f"Decompress it: gunzip {path}."
        raise value_error(f"{path} is compressed with gzip.", expected="an HDF5 file", do=do)
    if HDF5 not in start:
        raise ValueError("not an HDF5 file")
    return h5py.File(path, "r")


def start_of(path: Path) -> bytes:
    """Return the first bytes of a file, in which HDF5 has its signature: behind a user block in MuData files."""
    with path.open("rb") as file:
        return file.read(2048)


def check_size(what: object, size: int, unpacked: int) -> None:
    """Raise `ValueError` if a file of some bytes claims to hold much more than it can without being a trap."""
    if unpacked > max(SMALL, TIMES * size):
        raise value_error(
            f"{what} unpacks to much more than its size.",
            found=f"{unpacked:,} bytes in {size:,}",
            expected=f"at most {SMALL // 2**20} MiB, or {TIMES} times its size",
            do=DO,
        )


def names_in(group: Any, name: str) -> list[str]:
    """Return the names in a group of an HDF5 file that was not checked; nothing of what is elsewhere or no group."""
    import h5py

    if not isinstance(group.get(name, getlink=True), h5py.HardLink) or group.get(name, getclass=True) is not h5py.Group:
        return []
    return list(group[name])


def check_hdf5(file: Any) -> None:
    """Raise if an open HDF5 file takes data from files beside it, unpacks to far too much, or has too many parts.

    Only metadata are read.

    Raises
    ------
    ValueError
        If it does; the message names where.
    """
    import h5py

    outside, seen, groups, unpacked, n_entries = [], set(), [file], 0, 0
    while groups:
        group = groups.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            continue
        seen.add(address)
        n_entries += len(group)
        if n_entries > MOST_ENTRIES:
            what = f"{file.filename} has too many groups and data sets."
            raise value_error(what, found=f"at least {n_entries:,}", expected=f"at most {MOST_ENTRIES:,}", do=DO)
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                outside.append(f"{group.name}/{name} -> {link.filename}")
                continue
            item = group.get(name)
            if isinstance(item, h5py.Group):
                groups.append(item)
            elif isinstance(item, h5py.Dataset):
                unpacked += int(item.size or 0) * item.dtype.itemsize
                outside += [f"{item.name} -> {source[0]}" for source in item.external or ()]
                sources = item.virtual_sources() if item.is_virtual else ()
                outside += [f"{item.name} -> {source.file_name}" for source in sources if source.file_name != "."]
    if outside:
        raise value_error(f"{file.filename} takes data from other files.", found=sample(outside, 4), do=DO)
    check_size(file.filename, os.path.getsize(file.filename), unpacked)


def check_zarr(path: Path) -> None:
    """Raise if a zarr store holds pickled objects, which can run code, links or pipes, or unpacks to far too much.

    Only metadata are read.

    Raises
    ------
    ValueError
        If it does; the message names where.
    """
    pickled, size, unpacked = [], 0, 0
    for file in _regular_files(path):
        about = file.lstat()
        size += about.st_size
        if file.name not in (".zarray", ".zmetadata", "zarr.json"):
            continue
        if about.st_size > METADATA:
            raise value_error(f"{file} is too large.", found=f"{about.st_size:,} bytes", expected=f"{METADATA:,}")
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:  # zarr may read more liberally than json
            raise value_error(f"{file} is damaged.", found=str(error)[:200], expected="JSON in UTF-8", do=DO) from error
        if _names_pickle(found):
            pickled.append(str(file.relative_to(path)))
        if file.name != ".zmetadata":  # it repeats what the others say
            unpacked += _size_of_array(found)
    if pickled:
        raise value_error(f"{path} holds pickled objects.", found=sample(pickled, 4), do=DO)
    check_size(path, size, unpacked)


def _regular_files(folder: Path) -> list[Path]:
    """Return all files in a folder and its folders; raise if there is anything else, such as a link."""
    found, left = [], [folder]
    while left:
        with os.scandir(left.pop()) as entries:
            for entry in entries:
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode):
                    left.append(Path(entry.path))
                elif stat.S_ISREG(mode):
                    found.append(Path(entry.path))
                else:
                    kind = "a symbolic link" if stat.S_ISLNK(mode) else "neither a file nor a folder"
                    raise value_error(f"{entry.path} cannot be used.", found=kind, expected="a file or a folder", do=DO)
    return sorted(found)


def _size_of_array(about: Any) -> int:
    """Return the bytes of an array that the metadata of zarr describe, 0 for anything else."""
    shape = about.get("shape") if isinstance(about, dict) else None
    if not isinstance(shape, list) or not all(isinstance(n, int) and n >= 0 for n in shape):
        return 0
    kind = about.get("dtype", about.get("data_type"))
    try:
        item = np.dtype(kind if isinstance(kind, str) else [tuple(part) for part in kind]).itemsize
    except (TypeError, ValueError):
        item = 8  # objects, and kinds of zarr that numpy does not know
    size = item
    for n in shape:
        size *= n
    return size


def _names_pickle(about: Any) -> bool:
    """Whether the metadata of a store name a codec with "pickle" in its name."""
    left = [about]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            named = (part.get(key) for key in ("id", "name", "object_codec_id"))
            if any("pickle" in word.lower() for word in named if isinstance(word, str)):
                return True
            left += part.values()
        elif isinstance(part, list):
            left += part
    return False
