"""The one door to files of users: views and their features from h5ad, h5mu and zarr, checked before they are read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crosstie._errors import InputError, sample, value_error
from crosstie._log import log
from crosstie._mudata import views_as_they_are
from crosstie.data.untrusted_files import check_hdf5, check_zarr

if TYPE_CHECKING:
    from anndata import AnnData

VIEW_NAME = re.compile(r"\w[\w .+-]*")  # files are named after views


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


def read_views(paths: Mapping[str, Path], *, most: int | None = None) -> dict[str, AnnData]:
    """Read views from one file each, or all views of a `.h5mu` file.

    Parameters
    ----------
    paths
        File of each view by name; a single `.h5mu` file is under the name `""`.
    most
        The matrices of views with more cells stay on disk; `None` reads all.
    """
    if "" in paths:
        return read_file(paths[""], partial(_read_mudata, most=most), "a MuData file (.h5mu)")
    read = partial(_read_anndata, most=most)
    return {name: read_file(path, read, "an AnnData file (.h5ad) or folder (.zarr)") for name, path in paths.items()}


def read_features(paths: Mapping[str, Path]) -> dict[str, AnnData]:
    """Read only the features of views, paths as in `read_views`: AnnData without cells."""
    if "" in paths:
        return read_file(paths[""], _read_mudata_var, "a MuData file (.h5mu)")
    return {name: read_file(path, _read_var, "an AnnData file (.h5ad)") for name, path in paths.items()}


def read_file(path: Path, read: Callable[[Path], Any], kind: str) -> Any:
    """Read a file, and turn any exception of its reader into one message."""
    if path.is_symlink() and not _leads_somewhere(path):
        to = os.readlink(path)
        raise value_error(f"{path} is a symbolic link to nothing.", found=f"it leads to {to}", expected=kind)
    if not path.exists():
        near = [p.name for p in path.parent.iterdir() if p.suffix in (".h5ad", ".h5mu")] if path.parent.is_dir() else []
        do = f"In that folder: {sample(sorted(near))}." if near else ""
        raise value_error(f"{path}: there is no such file.", do=do)
    if path.is_dir() and not is_zarr(path):
        raise value_error(f"{path} is a folder.", expected=kind)
    if not (path.is_file() or path.is_dir()):  # reading a pipe would wait forever
        raise value_error(f"{path} is neither a file nor a folder.", expected=kind)
    if not os.access(path, os.R_OK):
        raise value_error(f"{path} may not be read.", do="Check its permissions.")
    try:
        return read(path)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # readers raise all kinds of exceptions
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise value_error(
            f"{path} cannot be read.", found=text[:300], expected=kind, do=_hint(path, f"{type(error).__name__} {text}")
        ) from error


def check_input(path: Path) -> None:
    """Raise unless a path is that of a regular file or a zarr store; reading a pipe or a device could never end."""
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
    if path.suffix in (".csv", ".tsv", ".txt"):
        return "Convert a table of numbers in Python: anndata.io.read_csv(path).write_h5ad('file.h5ad')."
    if path.suffix == ".h5":
        return "Convert a Cell Ranger file in Python: scanpy.read_10x_h5(path).write_h5ad('file.h5ad')."
    return "Is the file whole? Copy or write it again." if path.suffix in (".h5ad", ".h5mu") else ""


def _open(path: Path) -> Any:
    """Open an HDF5 file, or raise an error that says what it is instead."""
    import h5py

    if not path.stat().st_size:
        raise ValueError("the file is empty")
    with path.open("rb") as file:  # HDF5 may follow a user block, as in MuData files
        start = file.read(2048)
    if start.startswith(b"\x1f\x8b"):
        raise value_error(
            f"{path} is compressed with gzip.", expected="an HDF5 file", do=f"Decompress it: gunzip {path}."
        )
    if b"\x89HDF\r\n\x1a\n" not in start:
        raise ValueError("not an HDF5 file")
    return h5py.File(path, "r")


def is_zarr(path: Path) -> bool:
    """Return whether a folder is a zarr store."""
    return any((path / name).is_file() for name in ("zarr.json", ".zgroup"))


def _check_anndata(path: Path) -> None:
    with _open(path) as file:
        if "mod" in file:
            raise value_error(f"{path} holds several views (MuData).", do="Give it alone: it holds all views.")
        if not {"obs", "var"} <= set(file):
            raise ValueError(f"HDF5 without obs and var; it has {sample(file)}")
        check_hdf5(file)


def _check_mudata(path: Path) -> None:
    with _open(path) as file:
        if "mod" not in file:
            raise ValueError(f"HDF5 without views (mod); it has {sample(file)}")
        for name in file["mod"]:
            if not VIEW_NAME.fullmatch(name):
                raise value_error(f"{path}: view name {name!r} cannot be used in file names.", expected="letters")
        check_names_apart(file["mod"])
        check_hdf5(file)


def _read_anndata(path: Path, *, most: int | None = None) -> AnnData:
    import anndata as ad

    if path.is_dir():
        import zarr

        check_zarr(path)
        store = zarr.open_group(path, mode="r")
        return stored_anndata(store) if most is not None and n_cells_of(store) > most else ad.read_zarr(path)
    _check_anndata(path)
    file = _open(path)
    if most is not None and n_cells_of(file) > most:
        return stored_anndata(file)
    file.close()
    return ad.read_h5ad(path)


def _read_mudata(path: Path, *, most: int | None = None) -> dict[str, AnnData]:
    import mudata as md

    _check_mudata(path)
    file = _open(path)
    order = _order(file)
    if most is not None and any(n_cells_of(file["mod"][name]) > most for name in order):
        return {name: stored_anndata(file["mod"][name]) for name in order}
    file.close()
    with views_as_they_are():
        mdata = md.read_h5mu(path)
        mdata.push_obs(common=True, prefixed=False)  # labels that the file stores once for all views
    return dict(mdata.mod)


def _order(file: Any) -> list[str]:
    """Return the names of the views of an open MuData file, in its order if that names views and not paths."""
    there = list(file["mod"])
    order = [str(name) for name in file["mod"].attrs.get("mod-order", there)]
    return order if sorted(order) == sorted(there) else there


def n_cells_of(group: Any) -> int:
    """Return the number of cells of an AnnData in an open file."""
    obs = group["obs"]
    names = obs[str(obs.attrs.get("_index", "_index"))]
    if not hasattr(names, "shape"):  # anndata 0.13 with pandas 3 stores names as values and a mask
        names = names["values"]
    return int(names.shape[0])


def stored_anndata(group: Any) -> AnnData:
    """Return an AnnData of an open file, whose matrices stay on disk; tables of cells and features are read."""
    from anndata import AnnData
    from anndata.io import read_elem, sparse_dataset

    def stored(element: Any) -> Any:
        if element.attrs.get("encoding-type") == "null":  # an AnnData without a matrix
            return None
        return element if hasattr(element, "dtype") else sparse_dataset(element)

    log.info("%s: %d cells; reading matrices in blocks.", getattr(group, "name", ""), n_cells_of(group))
    return AnnData(
        X=stored(group["X"]) if "X" in group else None,
        obs=read_elem(group["obs"]),
        var=read_elem(group["var"]),
        layers={name: stored(group["layers"][name]) for name in group.get("layers", {})},
        obsm=read_elem(group["obsm"]) if "obsm" in group else None,
    )


def _read_var(path: Path) -> AnnData:
    if path.is_dir():
        import zarr

        check_zarr(path)
        return _only_var(zarr.open_group(path, mode="r"))
    _check_anndata(path)
    with _open(path) as file:
        return _only_var(file)


def _read_mudata_var(path: Path) -> dict[str, AnnData]:
    _check_mudata(path)
    with _open(path) as file:
        return {name: _only_var(file["mod"][name]) for name in _order(file)}


def _only_var(group: Any) -> AnnData:
    from anndata import AnnData
    from anndata.io import read_elem

    return AnnData(var=read_elem(group["var"]))
