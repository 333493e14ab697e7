"""Reads HDF5 matrices of 10x Genomics: Cell Ranger 3 and later, Cell Ranger ARC (peaks), Cell Ranger 1 and 2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import sample, value_error
from crosstie._typing import Index
from crosstie.data.readers.assembled import Blocks, assembled, bounds_by_values
from crosstie.data.readers.request import Request
from crosstie.data.untrusted_files import HDF5, check_hdf5, names_in, open_hdf5, start_of

if TYPE_CHECKING:
    from anndata import AnnData

COLUMNS = {"id": "gene_ids", "feature_type": "feature_types", "genome": "genome", "interval": "interval"}
_MATRIX = ("barcodes", "data", "indices", "indptr", "shape")
_DO = "Is the file whole? Copy or download it again."


def is_10x_h5(path: Path) -> bool:
    """Return whether a file holds a matrix of Cell Ranger."""
    if not path.is_file() or HDF5 not in start_of(path):
        return False
    with open_hdf5(path) as file:
        return bool(_groups(file))


def read_10x_h5(path: Path, request: Request) -> dict[str, AnnData]:
    """Read the views of a feature-barcode matrix.

    The file holds a group `matrix` with `barcodes`, `data`, `indices`, `indptr`, `shape` (features, barcodes; one
    column per barcode) and `features`, a group with `id`, `name`, `feature_type` and, where known, `genome` and (Cell
    Ranger ARC) `interval`. Files of Cell Ranger 1 and 2 hold a group named after the genome, with `genes` and
    `gene_names` instead of `features`.

    Parameters
    ----------
    path
        The file.
    request
        What is asked.

    Returns
    -------
    Views by type of feature, float32 CSR. Cells are named by barcode, features by name (of genes, the symbol);
    duplicate names stay. `.var` has `gene_ids`, `feature_types`, `genome` and `interval`, if the file has them.

    Raises
    ------
    ValueError
        If the file lacks a part of the layout, or its parts differ in size.

    References
    ----------
    10x Genomics, "Cell Ranger Feature Barcode Matrices (HDF5 Format)".
    """
    with open_hdf5(path) as file:
        check_hdf5(file)
        return assembled(_blocks(path, file, request), request)


def read_unsplit(path: Path) -> AnnData:
    """Return all features of a matrix, of every type, as `read_10x_h5` reads them."""
    with open_hdf5(path) as file:
        check_hdf5(file)
        return assembled(_blocks(path, file, Request()), Request(), split=False)[""]


def _groups(file: Any) -> list[str]:
    """Return the names of the groups that hold a matrix."""
    return [name for name in file if set(names_in(file, name)) >= {"barcodes", "data"}]


def _blocks(path: Path, file: Any, request: Request) -> Blocks:
    names = _groups(file)
    if not names:
        raise value_error(f"{path} holds no matrix of Cell Ranger.", found=sample(file), expected="a group 'matrix'")
    if len(names) > 1:
        do = "Read the matrix of each genome from its mtx folder, or run Cell Ranger 3 or later on the reads."
        raise value_error(f"{path} holds the matrices of {len(names)} genomes.", found=sample(names), do=do)
    group = file[names[0]]
    missing = [name for name in _MATRIX if name not in group]
    old = "features" not in group
    wanted = ("genes", "gene_names") if old else ("features/id", "features/name", "features/feature_type")
    missing += [name for name in wanted if name not in group]
    if missing:
        found = sample(sorted(group))
        raise value_error(f"{path}: group {names[0]!r} lacks {sample(missing)}.", found=found, do=_DO)
    shape = [int(n) for n in group["shape"][:2]]
    _check_sizes(path, group, shape, wanted)
    var = _old_features(group, names[0]) if old else _features(group["features"], shape[0])
    if request.only_features:
        empty = sp.csr_matrix((0, len(var)), dtype=np.float32)
        return Blocks(pd.DataFrame(index=pd.Index([], dtype=str)), var, iter([empty]), 0)
    indptr = group["indptr"][:].astype(np.int64)
    if indptr[0] != 0 or (np.diff(indptr) < 0).any() or indptr[-1] != group["data"].shape[0]:
        found = f"starts from {indptr[0]:,} to {indptr[-1]:,}, {group['data'].shape[0]:,} values"
        raise value_error(f"{path}: the starts of the cells ('indptr') are damaged.", found=found, do=_DO)
    obs = pd.DataFrame(index=pd.Index(_text(group["barcodes"])))
    return Blocks(obs, var, _parts(path, group, indptr, shape[0]), int(indptr[-1]))


def _parts(path: Path, group: Any, indptr: Index, n_features: int) -> Iterator[sp.csr_matrix]:
    for first, last in bounds_by_values(indptr):
        start, stop = int(indptr[first]), int(indptr[last])
        indices = group["indices"][start:stop]
        if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < n_features:
            found = f"{indices.min():,} to {indices.max():,}"
            raise value_error(f"{path}: 'indices' are out of range.", found=found, expected=f"0 to {n_features - 1:,}")
        data = group["data"][start:stop].astype(np.float32)
        starts = indptr[first : last + 1] - start
        part = sp.csr_matrix((data, indices.astype(np.int32), starts), shape=(last - first, n_features))
        part.sort_indices()
        yield part


def _features(group: Any, n_features: int) -> pd.DataFrame:
    kept = [key for key in COLUMNS if key in group and group[key].shape == (n_features,)]
    return pd.DataFrame({COLUMNS[key]: _text(group[key]) for key in kept}, index=pd.Index(_text(group["name"])))


def _old_features(group: Any, genome: str) -> pd.DataFrame:
    columns = {"gene_ids": _text(group["genes"]), "feature_types": "Gene Expression", "genome": genome}
    return pd.DataFrame(columns, index=pd.Index(_text(group["gene_names"])))


def _text(dataset: Any) -> np.ndarray:
    return np.array([v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in dataset[:]], object)


def _check_sizes(path: Path, group: Any, shape: list[int], named: tuple[str, ...]) -> None:
    """Raise if lengths disagree, as in a damaged file; nothing of the matrix has been read."""
    if len(shape) != 2 or min(shape) < 0:
        raise value_error(f"{path}: 'shape' must be two numbers.", found=repr(shape))
    n_features, n_cells = shape
    expected = {"barcodes": n_cells, "indptr": n_cells + 1, "indices": group["data"].shape[0]}
    expected |= dict.fromkeys(named, n_features)
    wrong = {name: n for name, n in expected.items() if group[name].shape != (n,)}
    if wrong:
        raise value_error(
            f"{path}: the parts of the matrix differ in size.",
            found=", ".join(f"{name}: {' × '.join(map(str, group[name].shape))}" for name in wrong),
            expected=", ".join(f"{name}: {n}" for name, n in wrong.items()),
            do=_DO,
        )
