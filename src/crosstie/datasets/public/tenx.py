"""Reads the HDF5 feature-barcode matrices of 10x Genomics' Cell Ranger (3 and later) and Cell Ranger ARC."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from crosstie._errors import sample, value_error

if TYPE_CHECKING:
    from crosstie._typing import Index

COLUMNS = {"id": "gene_ids", "feature_type": "feature_types", "genome": "genome", "interval": "interval"}


def read_10x_h5(path: str | Path) -> AnnData:
    """Read a feature-barcode matrix with all its features, of every type.

    The file holds a group `matrix` with `barcodes`, `data`, `indices`, `indptr`, `shape` (features, barcodes; one
    column per barcode) and `features`, a group with `id`, `name`, `feature_type` and, where known, `genome` and (Cell
    Ranger ARC) `interval`.

    Parameters
    ----------
    path
        Path of the `.h5` file.

    Returns
    -------
    Cells × features, float32 CSR. Cells are named by barcode, features by their name in the file; duplicate names stay.
    `.var` has `gene_ids`, `feature_types`, `genome` and `interval`, if the file has them.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is not an HDF5 file, lacks a part of the layout, or its parts differ in size.

    References
    ----------
    10x Genomics, "Cell Ranger Feature Barcode Matrices (HDF5 Format)".
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(path)
    if not h5py.is_hdf5(path):
        do = "Download it again; a .gz file must be unpacked first."
        raise value_error(
            f"{path}: not an HDF5 file, or a truncated one.", found=f"{path.stat().st_size:,} bytes", do=do
        )
    with h5py.File(path) as file:
        _check_layout(path, file)
        matrix = file["matrix"]
        features = {key: _text(matrix["features"][key]) for key in ("name", *COLUMNS) if key in matrix["features"]}
        barcodes = _text(matrix["barcodes"])
        data, indices, indptr, shape = (matrix[key][:] for key in ("data", "indices", "indptr", "shape"))
    _check_sizes(path, features, barcodes, data, indices, indptr, shape)
    x = sp.csr_matrix((data.astype(np.float32), indices.astype(np.int32), indptr), shape=(shape[1], shape[0]))
    x.sort_indices()
    var = pd.DataFrame({COLUMNS[k]: v for k, v in features.items() if k in COLUMNS}, index=features["name"])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Variable names are not unique")  # several genes have one symbol
        return AnnData(x, obs=pd.DataFrame(index=barcodes), var=var)


def _text(dataset: h5py.Dataset) -> np.ndarray:
    return np.array([v.decode() if isinstance(v, bytes) else str(v) for v in dataset[:]], dtype=object)


def _check_layout(path: Path, file: h5py.File) -> None:
    wanted = ["barcodes", "data", "indices", "indptr", "shape", "features/id", "features/name", "features/feature_type"]
    if "matrix" not in file:
        do = "Files of Cell Ranger 1 and 2 (one group per genome) are not supported: use their folder of text files."
        raise value_error(f"{path}: no group 'matrix'.", found=sample(file.keys()), expected="'matrix'", do=do)
    missing = [name for name in wanted if name not in file["matrix"]]
    if missing:
        found = sample(sorted(file["matrix"].keys()))
        raise value_error(f"{path}: the group 'matrix' lacks {sample(missing)}.", found=found, expected=sample(wanted))


def _check_sizes(
    path: Path,
    features: dict[str, np.ndarray],
    barcodes: np.ndarray,
    data: np.ndarray,
    indices: Index,
    indptr: Index,
    shape: Index,
) -> None:
    """Raise if lengths disagree or an index is out of range, as in a truncated file."""
    if len(shape) != 2:
        raise value_error(f"{path}: 'shape' must be two numbers.", found=repr(shape.tolist()))
    n_features, n_cells = (int(n) for n in shape)
    lengths = {f"features/{key}": (len(value), n_features) for key, value in features.items()}
    lengths |= {"barcodes": (len(barcodes), n_cells), "indptr": (len(indptr), n_cells + 1)}
    if len(indptr):
        lengths |= {"data": (len(data), int(indptr[-1])), "indices": (len(indices), int(indptr[-1]))}
    wrong = {key: pair for key, pair in lengths.items() if pair[0] != pair[1]}
    if wrong:
        raise value_error(
            f"{path}: the parts of the matrix differ in size.",
            found=", ".join(f"{key}: {has:,} entries" for key, (has, _) in wrong.items()),
            expected=", ".join(f"{key}: {wants:,}" for key, (_, wants) in wrong.items()),
            do="Download the file again.",
        )
    if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < n_features:
        found = f"{indices.min():,} to {indices.max():,}"
        raise value_error(f"{path}: 'indices' are out of range.", found=found, expected=f"0 to {n_features - 1:,}")
    if (np.diff(indptr.astype(np.int64)) < 0).any():
        raise value_error(f"{path}: 'indptr' must not decrease.", do="Download the file again.")
