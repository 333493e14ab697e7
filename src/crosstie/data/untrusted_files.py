"""Checks of files from others: none may run code, or make us read another file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from crosstie._errors import sample, value_error

GZIP, HDF5 = b"\x1f\x8b", b"\x89HDF\r\n\x1a\n"
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


def names_in(group: Any, name: str) -> list[str]:
    """Return the names in a group of an HDF5 file that was not checked; nothing of what is elsewhere or no group."""
    import h5py

    if not isinstance(group.get(name, getlink=True), h5py.HardLink) or group.get(name, getclass=True) is not h5py.Group:
        return []
    return list(group[name])


def check_hdf5(file: Any) -> None:
    """Raise if an open HDF5 file takes data from files beside it.

    Raises
    ------
    ValueError
        If it does; the message names where.
    """
    import h5py

    outside, seen, groups = [], set(), [file]
    while groups:
        group = groups.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            continue
        seen.add(address)
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                outside.append(f"{group.name}/{name} -> {link.filename}")
                continue
            item = group.get(name)
            if isinstance(item, h5py.Group):
                groups.append(item)
            elif isinstance(item, h5py.Dataset):
                outside += [f"{item.name} -> {source[0]}" for source in item.external or ()]
                sources = item.virtual_sources() if item.is_virtual else ()
                outside += [f"{item.name} -> {source.file_name}" for source in sources if source.file_name != "."]
    if outside:
        raise value_error(f"{file.filename} takes data from other files.", found=sample(outside, 4), do=DO)


def check_zarr(path: Path) -> None:
    """Raise if a zarr store holds pickled objects, which can run code when they are read.

    Raises
    ------
    ValueError
        If it does; the message names where.
    """
    pickled = []
    for file in sorted(p for name in (".zarray", ".zmetadata", "zarr.json") for p in path.rglob(name)):
        try:
            about = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            continue  # zarr will report what is wrong with it
        if _names_pickle(about):
            pickled.append(str(file.relative_to(path)))
    if pickled:
        raise value_error(f"{path} holds pickled objects.", found=sample(pickled, 4), do=DO)


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
