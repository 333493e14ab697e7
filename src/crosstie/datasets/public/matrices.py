"""Reads count matrices in the formats of GEO: Matrix Market files, and text tables of features × cells."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import InputError, sample, value_error
from crosstie._typing import Mask

ROWS = 2**22  # triplets read at once
TABLE_ROWS = 500  # features read at once


def read_triplets(path: Path, *, cells: Mask | None = None) -> sp.csr_matrix:
    """Read a Matrix Market file of features × cells, keeping only the wanted cells in memory.

    Parameters
    ----------
    path
        The file, gzipped or not; coordinates count from 1, in any order.
    cells
        Mask of the cells to keep, shape `(n_cells,)`; `None` keeps all.

    Returns
    -------
    Cells × features, float32 CSR.

    Raises
    ------
    ValueError
        If it has another format, is truncated, or the number of cells or entries differs from its header.
    """
    with _open(path) as file:
        shape, n_entries = _head(path, file)
        if cells is not None and len(cells) != shape[1]:
            found = f"{shape[1]:,} cells"
            raise value_error(
                f"{path}: the number of cells differs from the number of barcodes.",
                found=found,
                expected=f"{len(cells):,}",
            )
        new = None if cells is None else np.where(cells, np.cumsum(cells) - 1, -1)
        n_cells = shape[1] if cells is None else int(cells.sum())
        parts, n_seen = [], 0
        columns = {"feature": np.int32, "cell": np.int32, "count": np.float32}
        try:
            with pd.read_csv(
                file, sep=r" ", header=None, names=list(columns), dtype=columns, chunksize=ROWS, engine="c"
            ) as blocks:
                for block in blocks:
                    n_seen += len(block)
                    feature, cell = block["feature"].to_numpy() - 1, block["cell"].to_numpy() - 1
                    if len(block) and (
                        min(feature.min(), cell.min()) < 0 or feature.max() >= shape[0] or cell.max() >= shape[1]
                    ):
                        raise value_error(f"{path}: entries outside {shape[0]:,} × {shape[1]:,}.")
                    count = block["count"].to_numpy()
                    if new is not None:
                        cell = new[cell]
                        kept = cell >= 0
                        feature, cell, count = feature[kept], cell[kept], count[kept]
                    # Each block is converted to CSR separately, so that the full list of triplets is never sorted.
                    parts.append(_block(feature, cell, count, (n_cells, shape[0])))
        except (ValueError, EOFError, OSError) as error:
            raise _broken(path, error) from None
    if n_seen != n_entries:
        raise value_error(
            f"{path}: the file is truncated.",
            found=f"{n_seen:,} entries",
            expected=f"{n_entries:,}",
            do="Download it again.",
        )
    return _stacked(parts, (n_cells, shape[0]))


Block = tuple[int, sp.csr_matrix]  # its first cell, and the rows from there on


def _block(feature: np.ndarray, cell: np.ndarray, count: np.ndarray, shape: tuple[int, int]) -> Block:
    first, last = (int(cell.min()), int(cell.max())) if len(cell) else (0, -1)
    x = sp.csr_matrix((count, (cell - first, feature)), shape=(last - first + 1, shape[1]), dtype=np.float32)
    return first, x


def _stacked(parts: list[Block], shape: tuple[int, int]) -> sp.csr_matrix:
    """Combine blocks of rows; the entries of one cell may be spread over several blocks."""
    sizes = np.zeros(shape[0], np.int64)
    for first, x in parts:
        sizes[first : first + x.shape[0]] += np.diff(x.indptr)
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    indices, data = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
    place = indptr[:-1].copy()
    while parts:
        first, x = parts.pop(0)
        n = np.diff(x.indptr)
        rows = np.arange(first, first + x.shape[0])
        at = np.repeat(place[rows] - x.indptr[:-1], n) + np.arange(x.nnz)
        indices[at], data[at] = x.indices, x.data
        place[rows] += n
    out = sp.csr_matrix((data, indices, indptr), shape=shape)
    out.sort_indices()
    return out


def _head(path: Path, file: IO[bytes]) -> tuple[tuple[int, int], int]:
    """Read the header, up to the numbers of features, cells and entries."""
    try:
        line = file.readline()
        if not line.startswith(b"%%MatrixMarket matrix coordinate") or b"general" not in line:
            raise ValueError(f"begins with {line[:40]!r}")
        while line.startswith(b"%"):
            line = file.readline()
        n_features, n_cells, n_entries = map(int, line.split())
    except (ValueError, EOFError, OSError) as error:
        raise _broken(path, error) from None
    return (n_features, n_cells), n_entries


def read_names(path: Path, *, column: int = 0) -> pd.Index:
    """Read a column of barcodes.tsv or features.tsv; the last column, if there are fewer."""
    try:
        table = pd.read_csv(path, sep="\t", header=None, dtype=str, keep_default_na=False)
    except (ValueError, EOFError, OSError) as error:
        raise _broken(path, error) from None
    return pd.Index(table[min(column, table.shape[1] - 1)].to_numpy())


def read_table(path: Path) -> tuple[sp.csr_matrix, pd.Index, pd.Index]:
    """Read a tab-separated table with one row per feature (name first) and one column per cell.

    R writes the header with or without an entry for the first column; both are read.

    Returns
    -------
    Cells × features, float32 CSR; names of cells; names of features.

    Raises
    ------
    ValueError
        If it has another format.
    """
    try:
        with _open(path) as file:
            cells = [name.strip('"') for name in file.readline().decode().rstrip("\r\n").split("\t")]
            second = file.readline().decode().rstrip("\r\n").split("\t")
        if len(second) == len(cells):
            cells = cells[1:]
        if len(second) != len(cells) + 1 or len(cells) < 1:
            raise ValueError(f"{len(cells):,} cell names, but rows of {len(second):,} fields")
        features, blocks = [], []
        dtypes = {0: str} | dict.fromkeys(range(1, len(cells) + 1), np.float32)
        with pd.read_csv(path, sep="\t", header=None, skiprows=1, dtype=dtypes, chunksize=TABLE_ROWS) as parts:
            for part in parts:
                features += part[0].tolist()
                blocks.append(sp.csr_matrix(part.iloc[:, 1:].to_numpy(np.float32)))
    except (ValueError, EOFError, OSError, UnicodeDecodeError) as error:
        raise _broken(path, error) from None
    if any(np.isnan(block.data).any() for block in blocks):
        raise value_error(f"{path}: counts are missing; the file may be truncated.", do="Download it again.")
    return sp.vstack(blocks).T.tocsr(), pd.Index(cells), pd.Index(features)


def _open(path: Path) -> Any:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _broken(path: Path, error: Exception) -> Exception:
    if isinstance(error, InputError):
        return error
    found = sample([(str(error).splitlines() or [type(error).__name__])[0][:200]], 1)
    return value_error(f"{path} cannot be read.", found=found, do="Is the file complete? Download it again.")
