"""Checks of files from others: none may run code, or make us read another file."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import math
import os
import stat
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from crosstie._errors import sample, value_error

GZIP, HDF5 = b"\x1f\x8b", b"\x89HDF\r\n\x1a\n"
_PACKED: dict[bytes, Callable[[Path], Any]] = {
    GZIP: gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
    b"PK\x03\x04": lambda path: _only_member(path),
}
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


def open_text(path: Path, *, most: int | None = None) -> IO[bytes]:
    """Return a file of text opened for reading, unpacked if it is packed (gzip, bzip2, xz, zip), whatever its name.

    Reading raises `ValueError` once more has been unpacked than `check_size` allows, or than `most` bytes.
    """
    with path.open("rb") as file:
        start = file.read(6)
    unpack = next((unpack for sign, unpack in _PACKED.items() if start.startswith(sign)), None)
    return path.open("rb") if unpack is None else io.BufferedReader(_Bounded(path, unpack(path), most), 2**20)


class _Bounded(io.RawIOBase):
    """What a packed file unpacks to, up to a limit."""

    def __init__(self, path: Path, inner: IO[bytes], most: int | None) -> None:
        self.path, self.inner, self.most, self.size, self.done = path, inner, most, path.stat().st_size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self.inner.read(len(buffer))
        buffer[: len(content)] = content
        self.done += len(content)
        check_size(self.path, self.size, self.done)
        if self.most is not None and self.done > self.most:
            raise value_error(f"{self.path} unpacks to too much.", expected=f"at most {self.most:,} bytes")
        return len(content)

    def close(self) -> None:
        self.inner.close()
        super().close()


def _only_member(path: Path) -> IO[bytes]:
    with zipfile.ZipFile(path) as archive:  # the member keeps the file open until it is closed itself
        names = archive.namelist()
        if len(names) != 1:
            raise value_error(f"{path} holds {len(names)} files.", found=sample(names, 4), expected="one table")
        return archive.open(names[0])


def read_npz(path: Path, most: int) -> dict[str, np.ndarray]:
    """Return the arrays of an `.npz` file by name. None is larger than the bytes that are there for it.

    Raises
    ------
    ValueError
        If this is not a regular file, it unpacks to more than `most` bytes, or an array is not of numbers, or is not as
        large as it says. Damaged archives raise other exceptions, too.
    """
    if path.exists() and not path.is_file():
        raise value_error(f"{path} is not a file.", expected="a file in the format npz")
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > most:
            found = f"{unpacked:,} bytes"
            raise value_error(f"{path} unpacks to too much.", found=found, expected=f"at most {most:,} bytes")
        for member in archive.infolist():
            content = archive.read(member)
            stream = io.BytesIO(content)
            if np.lib.format.read_magic(stream) != (1, 0):
                raise value_error(f"{path}: {member.filename} is of another version.", expected="1.0")
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
            n_bytes = math.prod(shape) * dtype.itemsize
            if dtype.kind not in "fiu" or min(shape, default=1) < 0 or n_bytes != len(content) - stream.tell():
                found = f"{shape} numbers of {dtype} in {len(content):,} bytes"
                raise value_error(f"{path}: {member.filename} is damaged.", found=found)
            arrays[member.filename.removesuffix(".npy")] = np.load(io.BytesIO(content), allow_pickle=False)
    return arrays


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
            for part in (item, _referred_by(item)):
                if isinstance(part, h5py.Group):
                    groups.append(part)
                elif isinstance(part, h5py.Dataset):
                    told = part.id.get_create_plist()
                    layout = told.get_layout()
                    chunks = told.get_chunk() if layout == h5py.h5d.CHUNKED else None
                    unpacked += _n_values(part.shape or (), chunks) * part.dtype.itemsize
                    if told.get_external_count():
                        outside += [f"{item.name} -> {source[0]}" for source in part.external]
                    sources = part.virtual_sources() if layout == h5py.h5d.VIRTUAL else ()
                    outside += [f"{item.name} -> {source.file_name}" for source in sources if source.file_name != "."]
    if outside:
        raise value_error(f"{file.filename} takes data from other files.", found=sample(outside, 4), do=DO)
    check_size(file.filename, os.path.getsize(file.filename), unpacked)


def _referred_by(item: Any) -> Any:
    """Return what the categories of a column are in, if it refers to them: perhaps nothing that any group names."""
    import h5py

    if not isinstance(item, h5py.Dataset) or "categories" not in item.attrs:
        return None
    found = item.attrs["categories"]
    return item.file[found] if isinstance(found, h5py.Reference) else None


def _n_values(shape: Sequence[int], chunks: Sequence[int] | None) -> int:
    """Return how many values are unpacked to read an array: whole chunks, which may be larger than it."""
    sizes = shape if chunks is None or len(chunks) != len(shape) else map(max, shape, chunks)
    return math.prod(sizes) if 0 not in shape else 0


def check_zarr(path: Path) -> None:
    """Raise if a zarr store holds pickled objects, which can run code, links or pipes, or unpacks to far too much.

    Only metadata are read.

    Raises
    ------
    ValueError
        If it does; the message names where.
    """
    pickled, size, unpacked, repeated = [], 0, 0, 0
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
        unpacked += _size_of_array(found)
        repeated += sum(map(_size_of_array, _consolidated(found)))
    if pickled:
        raise value_error(f"{path} holds pickled objects.", found=sample(pickled, 4), do=DO)
    check_size(path, size, max(unpacked, repeated))


def _consolidated(about: Any) -> list[Any]:
    """Return what a metadata file says of other arrays: what these say themselves, if it is true."""
    about = about.get("consolidated_metadata", about) if isinstance(about, dict) else None
    found = about.get("metadata") if isinstance(about, dict) else None
    return list(found.values()) if isinstance(found, dict) else []


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
    about = about if isinstance(about, dict) else {}
    grid = about.get("chunk_grid")
    inner = grid.get("configuration") if isinstance(grid, dict) else None
    chunks = inner.get("chunk_shape") if isinstance(inner, dict) else about.get("chunks")
    shape = about.get("shape")
    if not _are_sizes(shape):
        return 0
    kind = about.get("dtype", about.get("data_type"))
    try:
        item = np.dtype(kind if isinstance(kind, str) else [tuple(part) for part in kind]).itemsize
    except (TypeError, ValueError):
        item = 8  # objects, and kinds of zarr that numpy does not know
    return item * _n_values(shape, chunks if _are_sizes(chunks) else None)


def _are_sizes(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(n, int) and n >= 0 for n in found)


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
