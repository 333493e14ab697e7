"""Unpacks what archives hold into a folder, and nowhere else."""

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
    """Unpack a gzip file to `target`, whatever name the file itself says; it appears when it is whole."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    with writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                file.writelines(unpacked(path))
            part.replace(target)
        except EOFError:
            raise value_error(f"{path}: the file is cut short.", do="Download it again.") from None
        finally:
            part.unlink(missing_ok=True)
    return target


def unpack_tar(path: Path, folder: Path, names: Collection[str]) -> dict[str, Path]:
    """Unpack members of a tar archive, by the last part of their names, flat into a folder.

    Parameters
    ----------
    path
        The archive, packed or not.
    folder
        Where to.
    names
        Which files; those that the archive lacks are left out.

    Returns
    -------
    Where each file is now.

    Raises
    ------
    ValueError
        If a member points outside the archive (an absolute name, `..`, a link, a device): then nothing is unpacked.
    """
    out: dict[str, Path] = {}
    with tarfile.open(path) as archive, writing(folder):
        members = archive.getmembers()
        if unsafe := [member.name for member in members if not _safe(member)]:
            raise value_error(
                f"{path}: the archive would write outside its folder, and is not unpacked.",
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
