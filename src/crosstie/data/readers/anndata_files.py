"""Reads files of scverse: AnnData (.h5ad), MuData (.h5mu) and zarr stores, in memory or with matrices left on disk."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crosstie._errors import sample, value_error
from crosstie._log import log
from crosstie._mudata import views_as_they_are
from crosstie.data.readers.request import Request
from crosstie.data.untrusted_files import HDF5, check_hdf5, check_zarr, open_hdf5, start_of
from crosstie.data.view_names import check_view_names

if TYPE_CHECKING:
    from anndata import AnnData

TABLES = {"obs", "var"}


def is_h5ad(path: Path) -> bool:
    """Return whether a file holds tables of cells and features, as AnnData writes them."""
    return path.is_file() and _groups(path) >= TABLES


def is_h5mu(path: Path) -> bool:
    """Return whether a file holds several views, as MuData writes them."""
    return path.is_file() and "mod" in _groups(path)


def is_zarr(path: Path) -> bool:
    """Return whether a folder is a zarr store."""
    return path.is_dir() and any((path / name).is_file() for name in ("zarr.json", ".zgroup"))


def read_h5ad(path: Path, request: Request) -> AnnData:
    """Read an AnnData file."""
    import anndata as ad

    file = open_hdf5(path)
    check_hdf5(file)
    if hasattr(file["obs"], "dtype"):  # before anndata 0.7, tables were arrays of records
        file.close()
        return _read_legacy(path, request)
    if request.only_features:
        with file:
            return _only_var(file)
    if request.most is not None and n_cells_of(file) > request.most:
        return stored_anndata(file, path.name)
    file.close()
    return ad.read_h5ad(path)


def _read_legacy(path: Path, request: Request) -> AnnData:
    import anndata as ad

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the version that wrote the file
        adata = ad.read_h5ad(path, backed="r")
        if request.only_features:
            return ad.AnnData(var=adata.var)
        return adata if request.most is not None and adata.n_obs > request.most else adata.to_memory()


def read_h5mu(path: Path, request: Request) -> dict[str, AnnData]:
    """Read the views of a MuData file."""
    import mudata as md

    file = open_hdf5(path)
    check_hdf5(file)
    order = _order(file)
    check_view_names(order, where=f"{path}: ")
    if request.only_features:
        with file:
            return {name: _only_var(file["mod"][name]) for name in order}
    if request.most is not None and any(n_cells_of(file["mod"][name]) > request.most for name in order):
        return {name: stored_anndata(file["mod"][name], f"{path.name}, {name}") for name in order}
    file.close()
    with views_as_they_are():
        mdata = md.read_h5mu(path)
        mdata.push_obs(common=True, prefixed=False)  # labels that the file stores once for all views
    return dict(mdata.mod)


def read_zarr(path: Path, request: Request) -> AnnData | dict[str, AnnData]:
    """Read a zarr store: an AnnData, the views of a MuData, or the tables of a SpatialData, by name."""
    inside = next((path / name for name in ("tables", "table", "mod") if is_zarr(path / name)), None)
    if inside is None or (path / "obs").is_dir():
        return _read_zarr_anndata(path, request)
    tables = sorted(part for part in inside.iterdir() if is_zarr(part) and (part / "obs").is_dir())
    if not tables:
        raise value_error(f"{path} holds no table of cells.", found=sample(sorted(p.name for p in inside.iterdir())))
    found = {part.name: _read_zarr_anndata(part, request) for part in tables}
    return found if inside.name == "mod" or len(found) > 1 else next(iter(found.values()))


def _read_zarr_anndata(path: Path, request: Request) -> AnnData:
    import anndata as ad
    import zarr

    check_zarr(path)
    store = zarr.open_group(path, mode="r")
    if request.only_features:
        return _only_var(store)
    stays = request.most is not None and n_cells_of(store) > request.most
    return stored_anndata(store, path.name) if stays else ad.read_zarr(path)


def n_cells_of(group: Any) -> int:
    """Return the number of cells of an AnnData in an open file."""
    obs = group["obs"]
    names = obs[str(obs.attrs.get("_index", "_index"))]
    if not hasattr(names, "shape"):  # anndata 0.13 with pandas 3 stores names as values and a mask
        names = names["values"]
    return int(names.shape[0])


def stored_anndata(group: Any, name: str) -> AnnData:
    """Return an AnnData of an open file, whose matrices stay on disk; tables of cells and features are read.

    Parameters
    ----------
    group
        The group of an open file that holds the AnnData.
    name
        How to call it to the user.
    """
    from anndata import AnnData
    from anndata.io import read_elem, sparse_dataset

    def stored(element: Any) -> Any:
        if element.attrs.get("encoding-type") == "null":  # an AnnData without a matrix
            return None
        return element if hasattr(element, "dtype") else sparse_dataset(element)

    raw = group.get("raw", {})
    log.info("%s: %s cells; reading matrices in blocks.", name, f"{n_cells_of(group):,}")
    return AnnData(
        X=stored(group["X"]) if "X" in group else None,
        obs=read_elem(group["obs"]),
        var=read_elem(group["var"]),
        layers={name: stored(group["layers"][name]) for name in group.get("layers", {})},
        obsm=read_elem(group["obsm"]) if "obsm" in group else None,
        raw={"X": stored(raw["X"]), "var": read_elem(raw["var"])} if "X" in raw else None,
    )


def _groups(path: Path) -> set[str]:
    """Return the names of the top-level groups of an HDF5 file, or an empty set for any other file."""
    if HDF5 not in start_of(path):
        return set()
    with open_hdf5(path) as file:
        return set(file)


def _order(file: Any) -> list[str]:
    """Return the names of the views of an open MuData file, in its order if that names views and not paths."""
    there = list(file["mod"])
    order = [str(name) for name in file["mod"].attrs.get("mod-order", there)]
    return order if sorted(order) == sorted(there) else there


def _only_var(group: Any) -> AnnData:
    from anndata import AnnData
    from anndata.io import read_elem

    return AnnData(var=read_elem(group["var"]))
