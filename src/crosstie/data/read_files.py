"""The one door to files of users: views and their features from every format, checked before they are read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crosstie._errors import InputError, sample, value_error
from crosstie.data.readers.anndata_files import is_zarr

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie.data.readers.request import Request

VIEW_NAME = re.compile(r"\w[\w .+-]*")  # files are named after views
_KINDS = {
    ".h5mu": "a MuData file (.h5mu)",
    ".h5ad": "an AnnData file (.h5ad)",
    ".zarr": "a zarr store",
}
_KIND = "a file or folder in one of the formats of docs/formats.md"


def check_view_names(names: Iterable[str]) -> None:
    """Raise if a view in a file has a name that the command line would refuse: files are named after views."""
    names = list(names)
    for name in names:
        if not VIEW_NAME.fullmatch(name):
            raise value_error(f"view name {name!r} cannot be used in file names.", expected="letters and digits")
    check_names_apart(names)


def check_names_apart(names: Iterable[str]) -> None:
    """Raise if names of views differ only in case: files are named after them, and some systems ignore case."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            what = f"views {other!r} and {name!r} differ by capitals alone."
            raise value_error(what, do="Rename one of them: files are named after views.")


def read(path: str | Path, *, backed: bool = False) -> dict[str, AnnData]:
    """Read the views in a file or folder.

    Parameters
    ----------
    path
        The file or folder, in any format that crosstie reads; its content decides which.
    backed
        Whether matrices stay on disk and are read in blocks, where the format allows that.

    Returns
    -------
    Views by name, as `xt.integrate` takes them. A matrix with several types of features (`var["feature_types"]`)
    is split: `"rna"`, `"adt"`, `"atac"`. A single data set is named after what it measured.

    Raises
    ------
    ValueError
        If the file is missing, damaged, or of no format that crosstie reads.
    """
    found = _read(Path(path), most=0 if backed else None)
    if "" in found:
        found = {_usual_name(found[""], Path(path)): found[""]}
    return found


def read_views(paths: Mapping[str, Path], *, most: int | None = None) -> dict[str, AnnData]:
    """Read views from one file each, or all views of one file.

    Parameters
    ----------
    paths
        File of each view by name; a single file that holds all of them is under the name `""`.
    most
        The matrices of views with more cells stay on disk; `None` reads all.
    """
    return _views(paths, most=most)


def read_features(paths: Mapping[str, Path]) -> dict[str, AnnData]:
    """Read only the features of views, paths as in `read_views`: AnnData without cells where that is cheaper."""
    return _views(paths, only_features=True)


def _views(paths: Mapping[str, Path], **wishes: Any) -> dict[str, AnnData]:
    if "" in paths:
        found = _read(paths[""], **wishes)
        if "" in found:
            do = "Give each view its file: rna=FIRST adt=SECOND."
            raise value_error(f"{paths['']} holds one view only.", found="one data set", expected="several", do=do)
        return found
    files = {path: _read(path, **wishes) for path in dict.fromkeys(paths.values())}
    return {name: _named(name, path, files[path]) for name, path in paths.items()}


def _named(name: str, path: Path, found: dict[str, AnnData]) -> AnnData:
    """Return the view of a file that a name asks for."""
    if len(found) == 1:
        return next(iter(found.values()))
    if name not in found:
        do = f"Name the view as in the file, {next(iter(found))}={path}, or give the file alone: it holds all views."
        raise value_error(f"view {name!r}: {path} holds several views.", found=sample(found), do=do)
    return found[name]


def _read(path: Path, **wishes: Any) -> dict[str, AnnData]:
    """Return the views of a file by name; a data set whose kind is not told is under the name `""`."""

    def read(path: Path) -> Any:
        from crosstie.data.readers.feature_types import split_by_type
        from crosstie.data.readers.formats import recognise
        from crosstie.data.readers.request import Request

        request: Request = Request(**wishes)
        found = recognise(path).read(path, request)
        if not isinstance(found, dict):
            return split_by_type(found)
        for name in found:
            if not VIEW_NAME.fullmatch(name):
                raise value_error(f"{path}: view name {name!r} cannot be used in file names.", expected="letters")
        check_names_apart(found)
        return found

    views: dict[str, AnnData] = read_file(path, read, _KINDS.get(path.suffix, _KIND))
    return views


def _usual_name(adata: AnnData, path: Path) -> str:
    """Return the usual name of a view of the modality of a data set."""
    from crosstie.data.modality import guess_modality

    modality = guess_modality(path.stem, adata, adata, adata.var_names)  # type: ignore[arg-type]
    return {"protein": "adt"}.get(modality, modality)


def read_file(path: Path, read: Callable[[Path], Any], kind: str) -> Any:
    """Read a file or folder, and turn any exception of its reader into one message."""
    if path.is_symlink() and not _leads_somewhere(path):
        to = os.readlink(path)
        raise value_error(f"{path} is a symbolic link to nothing.", found=f"it leads to {to}", expected=kind)
    if not path.exists():
        near = [p.name for p in path.parent.iterdir() if p.suffix in (".h5ad", ".h5mu")] if path.parent.is_dir() else []
        do = f"In that folder: {sample(sorted(near))}." if near else ""
        raise value_error(f"{path}: there is no such file.", do=do)
    if not (path.is_file() or path.is_dir()):  # reading a pipe would wait forever
        raise value_error(f"{path} is neither a file nor a folder.", expected=kind)
    if not os.access(path, os.R_OK):
        raise value_error(f"{path} may not be read.", do="Check its permissions.")
    try:
        return read(path)
    except IsADirectoryError:
        raise value_error(f"{path} is a folder.", expected=kind) from None
    except (InputError, MemoryError):
        raise
    except Exception as error:  # readers raise all kinds of exceptions
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise value_error(
            f"{path} cannot be read.", found=text[:300], expected=kind, do=_hint(path, f"{type(error).__name__} {text}")
        ) from error


def check_input(path: Path) -> None:
    """Raise unless a path is that of a regular file or a folder of such; reading a pipe or a device could never end."""
    if not (path.is_file() or (path.is_dir() and is_zarr(path))):
        found = "a folder" if path.is_dir() else "neither a file nor a folder"
        raise value_error(f"{path} cannot be used.", found=found, expected="a file, or a zarr store")
    if path.is_dir():
        odd = [part.name for part in path.rglob("*") if not (part.is_file() or part.is_dir())]
        if odd:
            raise value_error(f"{path} cannot be used.", found=f"neither files nor folders: {sample(odd, 4)}")


def _leads_somewhere(link: Path) -> bool:
    try:
        return link.exists()
    except (OSError, RuntimeError):  # links in a ring, in some versions of Python
        return False


def _hint(path: Path, said: str = "") -> str:
    if "IORegistryError" in said or "encoding" in said.lower():
        return "Was it written by a newer anndata? Update: pip install --upgrade anndata."
    return "Is the file whole? Copy or write it again." if path.suffix in (".h5ad", ".h5mu", ".h5") else ""
