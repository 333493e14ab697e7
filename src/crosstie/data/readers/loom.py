"""Reads loom files: HDF5 of features × cells, with tables of rows and of columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import sample, value_error
from crosstie.data.readers.assembled import BLOCK, Blocks, assembled
from crosstie.data.readers.request import Request
from crosstie.data.untrusted_files import HDF5, check_hdf5, names_in, open_hdf5, start_of

if TYPE_CHECKING:
    from anndata import AnnData

# Names of the column with the names, the usual first.
_CELLS = ("CellID", "obs_names", "cell_id", "barcode", "Barcode", "cell_names", "index")
_FEATURES = ("Gene", "var_names", "gene_name", "gene", "GeneName", "Symbol", "gene_names", "Name", "index")
_KNOWN = {"Accession": "gene_ids", "FeatureType": "feature_types"}


def is_loom(path: Path) -> bool:
    """Return whether a file is loom."""
    if not path.is_file() or HDF5 not in start_of(path):
        return False
    with open_hdf5(path) as file:
        return set(file) >= {"matrix", "row_attrs", "col_attrs"} and not names_in(file, "matrix")


def read_loom(path: Path, request: Request) -> dict[str, AnnData]:
    """Read the matrix of a loom file; its layers are not read.

    Parameters
    ----------
    path
        The file.
    request
        What is asked.

    Returns
    -------
    One view, float32 CSR. Cells are named by `CellID`, features by `Gene`, or what they are called without these; all
    other attributes of one value per cell or feature are in `.obs` and `.var`.

    Raises
    ------
    ValueError
        If there are no names, or their number is not that of the matrix.

    References
    ----------
    Linnarsson lab, "Loom file format specification", 3.0.0.
    """
    with open_hdf5(path) as file:
        check_hdf5(file)
        matrix = file["matrix"]
        if len(matrix.shape) != 2:
            raise value_error(f"{path}: 'matrix' has {len(matrix.shape)} axes.", expected="features × cells")
        var = _table(path, file["row_attrs"], matrix.shape[0], _FEATURES, "row_attrs")
        obs = _table(path, file["col_attrs"], matrix.shape[1], _CELLS, "col_attrs")
        var = var.rename(columns=_KNOWN)
        if request.only_features:
            obs = obs.iloc[:0]
            return assembled(Blocks(obs, var, iter([sp.csr_matrix((0, len(var)), dtype=np.float32)]), 0), request)
        n_values = matrix.shape[0] * matrix.shape[1]
        return assembled(Blocks(obs, var, _parts(matrix), n_values), request)


def _parts(matrix: Any) -> Iterator[sp.csr_matrix]:
    n_features, n_cells = matrix.shape
    width = max((matrix.chunks or (1, 1))[1], 1)  # whole chunks, so that none is unpacked twice
    size = max(BLOCK // max(n_features, 1) // width, 1) * width
    for first in range(0, n_cells, size):
        yield sp.csr_matrix(matrix[:, first : first + size].T.astype(np.float32))


def _table(path: Path, group: Any, n: int, usual: tuple[str, ...], where: str) -> pd.DataFrame:
    columns = {}
    for name in group:
        values = group[name]
        if hasattr(values, "dtype") and values.shape == (n,):
            columns[name] = _values(values)
    key = next((name for name in usual if name in columns), None)
    if key is None:
        do = f"Add the attribute {usual[0]!r}."
        raise value_error(f"{path}: {where} has no names.", found=sample(group), expected=sample(usual), do=do)
    table = pd.DataFrame(columns)
    return table.set_index(pd.Index(table[key].astype(str).to_numpy())).drop(columns=key)


def _values(dataset: Any) -> np.ndarray:
    values = dataset[:]
    if values.dtype.kind in "OS":
        return np.array([v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values], object)
    return np.asarray(values)
