"""Unpacks gzip and tar files safely: nothing is written outside the target folder."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from crosstie._errors import sample, value_error
from crosstie.datasets.download.download import writing
from crosstie.datasets.download.integrity import unpacked


def unpack_gzip(path: Path, target: Path) -> Path:
    """Unpack a gzip file to `target`, ignoring the name stored in it; `target` appears once it is complete."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    with writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                file.writelines(unpacked(path))
            part.replace(target)
        except EOFError:
            raise value_error(f"{path}: the file is truncated.", do="Download it again.") from None
        finally:
            part.unlink(missing_ok=True)
    return target


def unpack_tar(path: Path, folder: Path, names: Collection[str]) -> dict[str, Path]:
    """Unpack files of a tar archive into a folder, without the folders inside the archive.

    Parameters
    ----------
    path
        The archive, compressed or not.
    folder
        Folder to unpack to; it is created if needed.
    names
        Names of the files to unpack, without folders; names that the archive lacks are ignored.

    Returns
    -------
    Path of each unpacked file, by name.

    Raises
    ------
    ValueError
        If a member could write elsewhere (an absolute name, `..`, a link, a device); then nothing is unpacked.
    """
    out: dict[str, Path] = {}
    with tarfile.open(path) as archive, writing(folder):
        members = archive.getmembers()
        if unsafe := [member.name for member in members if not _safe(member)]:
            raise value_error(
                f"{path}: the archive would write outside its folder; it was not unpacked.",
                found=sample(unsafe, 4),
                expected="plain files with relative names",
                do="Download it again from the source; do not trust this copy.",
            )
        folder.mkdir(parents=True, exist_ok=True)
        for member in members:
            name = PurePosixPath(member.name).name
            if name in names and member.isfile():
                part = folder / f".{name}.{os.getpid()}.part"
                try:
                    packed = archive.extractfile(member)
                    assert packed is not None  # a plain file
                    with part.open("wb") as file:
                        shutil.copyfileobj(packed, file, 2**20)
                    part.replace(folder / name)
                finally:
                    part.unlink(missing_ok=True)
                out[name] = folder / name
    return out


def _safe(member: tarfile.TarInfo) -> bool:
    name = member.name.replace("\\", "/")
    inside = not name.startswith("/") and ".." not in PurePosixPath(name).parts and ":" not in name.split("/")[0]
    return inside and (member.isfile() or member.isdir())
