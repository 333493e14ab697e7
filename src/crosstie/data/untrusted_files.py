"""Checks of files from others: none may run code, or make us read another file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from crosstie._errors import sample, value_error

DO = "Read it where you trust it, and write the views again: adata.write_h5ad(path)."


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
