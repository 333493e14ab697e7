"""Matrices that are not in memory, because they are on disk or lazy (dask): their cells are read in blocks.

Every pass over all cells of a view goes block by block. Fitting uses cells that were loaded into memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from crosstie._errors import type_error, value_error
from crosstie._log import log
from crosstie._typing import Array, Index, Matrix

MAX_BLOCK = 16_384  # cells in a block
MAX_DENSE = 2**25  # values in a dense block: 128 MiB


@dataclass(frozen=True)
class Stored:
    """A matrix of cells × features whose rows are read on demand.

    Parameters
    ----------
    source
        A sparse data set or an array in an HDF5 file or zarr store, as in a backed AnnData, or a dask array.
    view
        Name of the view, for messages.
    """

    source: Any
    view: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of cells and of features."""
        return int(self.source.shape[0]), int(self.source.shape[1])

    def rows(self, start: int, stop: int) -> Matrix:
        """Return consecutive cells in memory, as float32 CSR or dense array."""
        with telling_of_files(self.view):
            return in_memory(self._computed(self.source[start:stop]), self.view)

    def take(self, rows: Index) -> Matrix:
        """Return the cells with these row numbers, which must be in ascending order."""
        parts = []
        for start, stop in block_bounds(self.shape, sparse=True):
            first, last = np.searchsorted(rows, [start, stop])
            if first < last:
                # One read per block: reading unwanted rows in between is cheaper than another seek.
                chosen = rows[first:last]
                low, high = int(chosen[0]), int(chosen[-1]) + 1
                parts.append(self.rows(low, high)[chosen - low])
        if not parts:
            return self.rows(0, 0)
        return sp.vstack(parts, "csr") if sp.issparse(parts[0]) else np.concatenate(parts)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_reopened, (*_location(self.source), self.view))

    def _computed(self, found: Any) -> Any:
        return found.compute(scheduler="synchronous") if hasattr(found, "compute") else found


@contextmanager
def telling_of_files(view: str) -> Iterator[None]:
    """Turn an error of a damaged, closed or removed file into an error about the view."""
    try:
        yield
    except OSError as error:
        do = "Open it again: anndata.read_h5ad(path, backed='r'). Was it moved or overwritten?"
        what = f"view {view!r}: the file that holds its matrix cannot be read."
        raise value_error(what, found=str(error)[:200], do=do) from error


def stored(found: Any, view: str = "") -> Stored | None:
    """Return a matrix that is not in memory as `Stored`, or `None` for any other matrix.

    A column-compressed (CSC) matrix on disk cannot be read by cell, so it also gives `None`; `in_memory` loads it.
    """
    from anndata.abc import CSCDataset, CSRDataset

    if isinstance(found, CSCDataset):
        return None
    if isinstance(found, CSRDataset):
        return Stored(found, view)
    if type(found).__module__.split(".")[0] in ("h5py", "zarr", "dask") and hasattr(found, "shape"):
        return Stored(found, view)
    return None


def in_memory(found: Any, view: str = "") -> Matrix:
    """Return a matrix as float32 CSR (from any sparse format) or as a dense float32 array."""
    from anndata.abc import CSCDataset

    if isinstance(found, CSCDataset):
        log.warning("%s: stored by column (CSC) and loaded completely; write it as CSR to read it in blocks.", view)
        found = found.to_memory()
    if sp.issparse(found):
        _check_numeric(found.dtype, view)
        _check_index(found, view)
        with np.errstate(over="ignore"):  # values that do not fit become infinite and are reported
            matrix = sp.csr_matrix(found, dtype=np.float32)
        if not matrix.has_canonical_format:  # entries in one place count together, before anything is done to them
            matrix = matrix.copy()
            matrix.sum_duplicates()
        return matrix
    if isinstance(found, np.ma.MaskedArray):
        raise value_error(
            f"view {view!r}: the matrix is a masked array.",
            found=f"{int(np.ma.count_masked(found)):,} masked values",
            expected="a number for every cell and feature",
            do="Fill it first: x.filled(0).",
        )
    if not isinstance(found, np.ndarray):
        raise type_error(
            f"view {view!r}: the matrix has a type that cannot be read.",
            found=type(found).__name__,
            expected="a NumPy array, a SciPy sparse matrix, a dask array, or a matrix of a backed AnnData",
            do="Load it first: adata.to_memory().",
        )
    _check_numeric(found.dtype, view)
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(found, dtype=np.float32)


def _check_numeric(dtype: np.dtype, view: str) -> None:
    if dtype.kind not in "biuf":
        raise type_error(
            f"view {view!r}: the matrix is not numeric.", found=f"dtype {dtype}", expected="whole or real numbers"
        )


def _check_index(found: Any, view: str) -> None:
    """Raise if the index of a compressed matrix points outside of it: SciPy does not check, and would read beyond."""
    if found.format not in ("csr", "csc"):
        return
    across, along = ("row", "column") if found.format == "csr" else ("column", "row")
    n_lines, n_positions = found.shape if found.format == "csr" else found.shape[::-1]
    starts, positions = found.indptr, found.indices
    wrong = ""
    if len(starts) != n_lines + 1 or starts[0] != 0 or (np.diff(starts) < 0).any():
        wrong = f"the starts of its {across}s are not in ascending order"
    elif starts[-1] > min(len(positions), len(found.data)):
        wrong = f"its {across}s need {int(starts[-1]):,} values, but it holds {len(found.data):,}"
    elif len(used := positions[: starts[-1]]) and not (used.min() >= 0 and used.max() < n_positions):
        wrong = f"{along} numbers from {used.min():,} to {used.max():,}, but it has {n_positions:,} {along}s"
    if wrong:
        do = "Build it again from rows, columns and values: scipy.sparse.coo_array((values, (rows, columns)))."
        raise value_error(f"view {view!r}: the sparse matrix is damaged.", found=wrong, do=do)


def block_bounds(shape: tuple[int, int], *, sparse: bool) -> list[tuple[int, int]]:
    """Return the first and last (exclusive) row of each block of a matrix."""
    n_cells, n_features = shape
    size = MAX_BLOCK if sparse else int(np.clip(MAX_DENSE // max(n_features, 1), 256, MAX_BLOCK))
    return [(start, min(start + size, n_cells)) for start in range(0, n_cells, size)]


def bounds_of(matrix: Matrix | Stored) -> list[tuple[int, int]]:
    """Return the first and last (exclusive) row of each block of a matrix, whether stored or in memory."""
    source = matrix.source if isinstance(matrix, Stored) else matrix
    dense = isinstance(source, np.ndarray) or type(source).__module__.split(".")[0] in ("h5py", "zarr")
    return block_bounds(matrix.shape, sparse=not dense)


def rows_of(matrix: Matrix | Stored, start: int, stop: int) -> Matrix:
    """Return consecutive cells of a matrix in memory."""
    return matrix.rows(start, stop) if isinstance(matrix, Stored) else matrix[start:stop]


def take_rows(matrix: Matrix | Stored, rows: Index) -> Matrix:
    """Return the cells with these row numbers in memory; those of a stored matrix must be in ascending order."""
    return matrix.take(rows) if isinstance(matrix, Stored) else matrix[rows]


def product(matrix: Matrix | Stored, right: Array) -> Array:
    """Return the product of a matrix with a vector or narrow matrix, block by block if it is not in memory."""
    if not isinstance(matrix, Stored):
        return np.asarray(matrix @ right)
    return np.concatenate([np.asarray(matrix.rows(*bound) @ right) for bound in bounds_of(matrix)])


def _location(source: Any) -> tuple[str, str, str]:
    """Return what another process needs to open a source: the format, the file or store, and the name inside it."""
    group = getattr(source, "group", source)
    kind = type(group).__module__.split(".")[0]
    if kind == "h5py":
        return "h5py", str(group.file.filename), str(group.name)
    if kind == "zarr":
        store = group.store  # its folder is called root since zarr 3, and path before
        return "zarr", str(getattr(store, "root", getattr(store, "path", store))), str(group.path)
    raise type_error(
        "a matrix of this type cannot be read by other processes.",
        found=type(source).__name__,
        expected="a matrix stored as h5ad or zarr",
        do="Write it to a file first, or run without a scheduler.",
    )


def _reopened(kind: str, place: str, name: str, view: str) -> Stored:
    from anndata.io import sparse_dataset

    if kind == "h5py":
        import h5py

        found = h5py.File(place, "r")[name]
        return Stored(found if isinstance(found, h5py.Dataset) else sparse_dataset(found), view)
    import zarr

    found = zarr.open(store=place, path=name, mode="r")
    return Stored(found if isinstance(found, zarr.Array) else sparse_dataset(found), view)
