"""The one door to files of users: views and their features from every format, checked before they are read."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from crosstie._errors import InputError, sample, unknown_name, value_error
from crosstie._log import log
from crosstie.data.view_names import check_view_names

if TYPE_CHECKING:
    from anndata import AnnData

# Words in names of views that are not integrated unless they are asked for, by why.
_ASIDE = {
    "hashtags": {"hto", "hashtag", "hashtags", "hashing", "multiplexing", "multiseq", "cmo"},
    "receptors": {"airr", "vdj", "tcr", "bcr", "ir", "antigen"},
    "guides": {"crispr", "grna", "sgrna", "guide", "guides"},
    "custom features": {"custom"},
}
# Words by which users call the views that a matrix is split into.
_WORDS = {
    "rna": {"rna", "mrna", "gex", "gene", "genes", "expression"},
    "adt": {"adt", "adts", "protein", "proteins", "prot", "antibody", "antibodies", "ab"},
    "atac": {"atac", "peak", "peaks", "chromatin"},
}
_KINDS = {
    ".h5mu": "a MuData file (.h5mu)",
    ".h5ad": "an AnnData file (.h5ad)",
    ".zarr": "a zarr store",
}
_KIND = "a file or folder in one of the formats of docs/formats.md"


def read(
    path: str | Path,
    *,
    views: Sequence[str] | None = None,
    cells: Literal["rows", "columns"] | None = None,
    backed: bool = False,
) -> dict[str, AnnData]:
    """Read the views in a file or folder.

    Parameters
    ----------
    path
        The file or folder, in any format that crosstie reads (`docs/formats.md`); its content decides which.
    views
        Names of the views to return; `None` returns all but hashtags, receptors, guides and views without features,
        and the log says which are set aside.
    cells
        Whether the cells of a table of text (csv, tsv) are its rows or its columns; `None` finds it out from the names.
    backed
        Whether matrices stay on disk and are read in blocks. Those of AnnData, MuData and zarr stay in their files;
        others are copied into a temporary file, which is deleted when Python ends.

    Returns
    -------
    Views by name, as `xt.integrate` takes them. A matrix with several types of features (`var["feature_types"]`)
    is split: `"rna"` (Gene Expression), `"adt"` (Antibody Capture), `"atac"` (Peaks). A single data set is named after
    what it measured. Values are as in the file.

    Raises
    ------
    KeyError
        If the file has no view of a name in `views`.
    ValueError
        If the file is missing, damaged, or of no format that crosstie reads.

    Examples
    --------
    >>> model = xt.integrate(xt.read("filtered_feature_bc_matrix.h5"))  # doctest: +SKIP
    """
    path = Path(path)
    found = _read(path, {"cells": cells, "most": 0 if backed else None})
    if "" in found:
        found = {_usual_name(found[""], path): found[""]}
    return chosen(found, path, views)


def read_views(
    paths: Mapping[str, Path], *, cells: Mapping[str, str] | None = None, most: int | None = None
) -> dict[str, AnnData]:
    """Read views from one file each, or all views of one file.

    Parameters
    ----------
    paths
        File of each view by name; a single file that holds all of them is under the name `""`. Of a file of several
        views, a name chooses one: `{"rna": "cr.h5", "adt": "cr.h5"}`.
    cells
        Whether cells are rows or columns, for views in tables of text, by name; found out for the others.
    most
        The matrices of views with more cells stay on disk; `None` reads all.
    """
    return _views(paths, cells or {}, {"most": most})


def read_features(paths: Mapping[str, Path], *, cells: Mapping[str, str] | None = None) -> dict[str, AnnData]:
    """Read only the features of views, paths as in `read_views`: AnnData without cells where that is cheaper."""
    return _views(paths, cells or {}, {"only_features": True})


def chosen(found: dict[str, AnnData], path: Path, names: Sequence[str] | None = None) -> dict[str, AnnData]:
    """Return the views of a file that take part: those of some names, else all but hashtags, receptors and the like.

    Raises
    ------
    KeyError
        If there is no view of a name.
    """
    if names is not None:
        for name in names:
            if name not in found:
                raise unknown_name(f"{path}: view", name, found)
        return {name: found[name] for name in found if name in names}
    aside = {name: why for name, adata in found.items() if (why := _set_aside(name, adata))}
    if len(aside) == len(found):
        return found
    for name, why in aside.items():
        log.warning(
            "%s: view %r is set aside (%s); to use it, name in views= all that take part: %s.",
            *(path, name, why, ",".join(found)),
            extra={"cli": "%s: view %r is set aside (%s); to use it, name all that take part: --use %s."},
        )
    return {name: adata for name, adata in found.items() if name not in aside}


def _set_aside(name: str, adata: AnnData) -> str:
    """Return why a view does not take part unless it is asked for; empty if it does."""
    if not adata.n_vars:
        return "it has no features"
    words = set(re.split(r"[^a-z]+", name.lower()))
    return next((why for why, known in _ASIDE.items() if words & known), "")


def _views(paths: Mapping[str, Path], cells: Mapping[str, str], wishes: dict[str, Any]) -> dict[str, AnnData]:
    if "" in paths:
        found = _read(paths[""], wishes)
        if "" in found:
            do = "Give each view its file: rna=FIRST adt=SECOND."
            raise value_error(f"{paths['']} holds one view only.", found="one data set", expected="several", do=do)
        return found
    asked = {(path, cells.get(name)) for name, path in paths.items()}
    files = {(path, how): _read(path, wishes | {"cells": how}) for path, how in sorted(asked, key=str)}
    return {name: _named(name, path, files[path, cells.get(name)]) for name, path in paths.items()}


def _named(name: str, path: Path, found: dict[str, AnnData]) -> AnnData:
    """Return the view of a file that a name asks for."""
    if len(found) == 1:
        return next(iter(found.values()))
    words = re.split(r"[^a-z]+", name.lower())
    meant = [view for view in found if view == name] or [
        view for view in found if any(word in _WORDS.get(view, {view}) for word in words)
    ]
    if len(meant) != 1:
        do = f"Name the view as in the file, {next(iter(found))}={path}, or give the file alone: it holds all views."
        raise value_error(f"view {name!r}: {path} holds several views.", found=sample(found), do=do)
    others = sample(view for view in found if view != meant[0])
    log.info("%s: %r is used of %s; also in it: %s.", name, meant[0], path, others)
    return found[meant[0]]


def _read(path: Path, wishes: dict[str, Any]) -> dict[str, AnnData]:
    """Return the views of a file by name; a data set whose kind is not told is under the name `""`."""

    def read(path: Path) -> Any:
        from crosstie.data.readers.assembled import split_stored
        from crosstie.data.readers.feature_names import mend_dates
        from crosstie.data.readers.formats import recognise
        from crosstie.data.readers.request import Request

        request = Request(**wishes)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".* names are not unique")  # a view numbers them, and says so
            found = recognise(path).read(path, request)
            if not isinstance(found, dict):
                found = split_stored(found, request)
            elif "" not in found:
                check_view_names(found, where=f"{path}: ")
            mend_dates(found, str(path))
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
        there = [p.name for p in path.parent.iterdir() if not p.name.startswith(".")] if path.parent.is_dir() else []
        near = get_close_matches(path.name, there, n=4) or sorted(there)
        do = f"In that folder: {sample(near)}." if near else ""
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
    from crosstie.data.readers.formats import FORMATS

    if not (path.is_file() or (path.is_dir() and any(format_.recognises(path) for format_ in FORMATS))):
        found = "a folder" if path.is_dir() else "neither a file nor a folder"
        raise value_error(f"{path} cannot be used.", found=found, expected="a file, or a folder that crosstie reads")
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
    if "lock file" in said:
        return (
            "Its file system has no locks. Set HDF5_USE_FILE_LOCKING=FALSE and try again; nothing may write the file."
        )
    return "Is the file whole? Copy or write it again." if path.suffix in (".h5ad", ".h5mu", ".h5") else ""
