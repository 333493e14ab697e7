"""Puts blocks of cells together to views: in memory or, for large data, in a temporary file that is read in blocks."""

from __future__ import annotations

import atexit
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import value_error
from crosstie._log import log
from crosstie._typing import Index
from crosstie.data.readers.feature_names import are_features, without_sequences
from crosstie.data.readers.feature_types import split_by_type, types_of
from crosstie.data.readers.request import Request
from crosstie.data.stored import bounds_of, stored

if TYPE_CHECKING:
    from anndata import AnnData

BLOCK = 2**22  # values in a block


@dataclass(frozen=True)
class Blocks:
    """A matrix that a reader hands over block by block, in the order of its cells.

    Parameters
    ----------
    obs, var
        Tables of all cells and of all features.
    parts
        Consecutive cells × all features, as CSR.
    n_values
        Number of stored values, or a bound of it; what is never used costs no memory.
    """

    obs: pd.DataFrame
    var: pd.DataFrame
    parts: Iterator[sp.csr_matrix] = field(repr=False)
    n_values: int


def bounds_by_values(indptr: Index, most: int = BLOCK) -> list[tuple[int, int]]:
    """Return first and last (exclusive) row of blocks of about `most` values, given the starts of the rows."""
    n_rows = len(indptr) - 1
    cuts = np.searchsorted(indptr, np.arange(0, int(indptr[-1]) + most, most), side="left")
    cuts = np.unique(np.concatenate([[0], np.minimum(cuts, n_rows), [n_rows]]))
    return [(int(a), int(b)) for a, b in pairwise(cuts)]


def assembled(blocks: Blocks, request: Request, *, split: bool = True) -> dict[str, AnnData]:
    """Return views of float32 CSR, split by type of feature, as `split_by_type` names them.

    Parameters
    ----------
    blocks
        The matrix.
    request
        Of how many cells at most the matrices come into memory.
    split
        Whether to split; otherwise there is one view, `""`.

    Raises
    ------
    ValueError
        If there is no room for the temporary file.
    """
    kept = are_features(blocks.var.index)
    types = types_of(blocks.var) if split else None
    names = [""] if types is None else list(dict.fromkeys(types))
    chosen = {name: kept if types is None else kept & (types == name).to_numpy() for name in names}
    columns = {name: None if mask.all() else np.flatnonzero(mask) for name, mask in chosen.items()}
    on_disk = request.most is not None and len(blocks.obs) > request.most
    if on_disk:
        log.info("%d cells; matrices are copied into a temporary file and read in blocks.", len(blocks.obs))
    kind: type[_OnDisk | _InMemory] = _OnDisk if on_disk else _InMemory
    sizes = {name: len(blocks.var) if at is None else len(at) for name, at in columns.items()}
    built = {name: kind((len(blocks.obs), n), blocks.n_values) for name, n in sizes.items()}
    for part in blocks.parts:
        for name, at in columns.items():
            built[name].add(part if at is None else part[:, at])
    from anndata import AnnData

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* names are not unique")  # a view numbers them, and says so
        return {
            name: AnnData(matrix.made(), obs=blocks.obs.copy(), var=without_sequences(_rows(blocks.var, columns[name])))
            for name, matrix in built.items()
        }


def _rows(table: pd.DataFrame, at: Index | None) -> pd.DataFrame:
    return table if at is None else table.iloc[at]


def split_stored(adata: AnnData, request: Request) -> dict[str, AnnData]:
    """Split a data set by type of feature, as `split_by_type` does; a matrix on disk is copied in blocks."""
    types, matrix = types_of(adata.var), stored(adata.X)
    if types is None or matrix is None or len(set(types)) == 1:
        return split_by_type(adata)
    if adata.layers or adata.raw is not None:
        log.warning(
            "layers and raw are not read, because the matrix is split and has more than %s cells.", request.most
        )
    parts = (sp.csr_matrix(matrix.rows(*bound)) for bound in bounds_of(matrix))
    views = assembled(Blocks(adata.obs, adata.var, parts, BLOCK), request)
    for view in views.values():
        view.obsm.update(adata.obsm)
    return views


class _InMemory:
    """Collects blocks of rows as one CSR matrix. Pages of its arrays that are never written are never taken."""

    def __init__(self, shape: tuple[int, int], n_values: int) -> None:
        self.shape = shape
        self.data, self.indices = np.empty(n_values, np.float32), np.empty(n_values, np.int32)
        self.indptr = np.zeros(shape[0] + 1, np.int64)
        self.n_rows = self.n_values = 0

    def add(self, part: sp.csr_matrix) -> None:
        stop = self.n_values + part.nnz
        self.data[self.n_values : stop], self.indices[self.n_values : stop] = part.data, part.indices
        self.indptr[self.n_rows + 1 : self.n_rows + part.shape[0] + 1] = part.indptr[1:] + self.n_values
        self.n_rows, self.n_values = self.n_rows + part.shape[0], stop

    def made(self) -> Any:
        n = self.n_values
        return sp.csr_matrix((self.data[:n], self.indices[:n], self.indptr), shape=self.shape)


class _OnDisk:
    """Collects blocks of rows in a temporary HDF5 file, which is deleted when the process ends."""

    def __init__(self, shape: tuple[int, int], n_values: int) -> None:
        import h5py

        self.file = h5py.File(_temporary(), "w")
        self.group = self.file.create_group("X")
        self.group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": shape})
        chunk = min(max(n_values, 1), 2**16)
        for name, kind in (("data", np.float32), ("indices", np.int32)):
            self.group.create_dataset(name, (0,), kind, maxshape=(None,), chunks=(chunk,))
        self.indptr = np.zeros(shape[0] + 1, np.int64)
        self.n_rows = self.n_values = 0

    def add(self, part: sp.csr_matrix) -> None:
        stop = self.n_values + part.nnz
        try:
            for name, values in (("data", part.data), ("indices", part.indices)):
                self.group[name].resize((stop,))
                self.group[name][self.n_values : stop] = values
        except OSError as error:
            do = "Make room, or set TMPDIR to a folder with more."
            what = f"the temporary copy in {tempfile.gettempdir()} cannot be written."
            raise value_error(what, found=str(error)[:100], do=do) from error
        self.indptr[self.n_rows + 1 : self.n_rows + part.shape[0] + 1] = part.indptr[1:] + self.n_values
        self.n_rows, self.n_values = self.n_rows + part.shape[0], stop

    def made(self) -> Any:
        import h5py
        from anndata.io import sparse_dataset

        self.group["indptr"] = self.indptr
        name = self.file.filename
        self.file.close()
        return sparse_dataset(h5py.File(name, "r")["X"])


def _temporary() -> Path:
    handle, name = tempfile.mkstemp(prefix="crosstie-", suffix=".h5")
    os.close(handle)
    atexit.register(_forget, name)
    return Path(name)


def _forget(name: str) -> None:
    with suppress(OSError):  # another process may have it open, which Windows forbids to delete
        os.unlink(name)
