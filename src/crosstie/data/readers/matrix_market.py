"""Reads Matrix Market files of counts block by block, as Cell Ranger and others write them: gzipped or not."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import value_error
from crosstie._log import log
from crosstie._typing import Index
from crosstie.data.untrusted_files import open_text

ROWS = 2**22  # entries read at once
_COLUMNS = {"feature": np.int32, "cell": np.int32, "count": np.float32}
_LONGEST, _MOST_COMMENTS = 1024, 2**20  # bytes of a line in the header, and of its comments


def is_matrix_market(path: Path) -> bool:
    """Return whether a file begins like a Matrix Market file."""
    with open_text(path) as file:
        return file.read(14) == b"%%MatrixMarket"


def shape_of(path: Path) -> tuple[int, int, int]:
    """Return the numbers of rows, columns and entries in the header of a file."""
    with open_text(path) as file:
        return _header(path, file)


def cells_of(path: Path, *, cells_in_rows: bool = False) -> Iterator[sp.csr_matrix]:
    """Yield the cells of a file of features × cells, in their order, as float32 CSR blocks of cells × features.

    Entries that are sorted by cell, as Cell Ranger writes them, are passed on as they come; any other order is sorted
    in memory.

    Parameters
    ----------
    path
        The file.
    cells_in_rows
        Whether the file is cells × features instead.

    Raises
    ------
    ValueError
        If the file has another format, is truncated, or has entries outside of its shape.
    """
    with open_text(path) as file:
        n_rows, n_columns, n_entries = _header(path, file)
        shape = (n_rows, n_columns) if cells_in_rows else (n_columns, n_rows)
        with closing(_triplets(path, file, shape, n_entries, cells_in_rows=cells_in_rows)) as triplets:
            yield from _ordered(path, triplets, shape)


def _header(path: Path, file: IO[bytes]) -> tuple[int, int, int]:
    line = file.readline(_LONGEST)
    if not line.startswith(b"%%MatrixMarket matrix coordinate") or b"general" not in line or b"complex" in line:
        expected = "%%MatrixMarket matrix coordinate integer general"
        raise value_error(f"{path} is not a sparse matrix of counts.", found=repr(line[:60])[1:], expected=expected)
    left = _MOST_COMMENTS
    while line.startswith(b"%") or line == b"\n":
        left -= len(line)
        if left < 0:
            raise value_error(f"{path} begins with too many comments.", expected=f"at most {_MOST_COMMENTS:,} bytes")
        line = file.readline(_LONGEST)
    words = line.split()
    if len(words) != 3 or not all(word.isdigit() for word in words):
        raise value_error(f"{path}: its shape cannot be read.", found=repr(line[:60])[1:], expected="three numbers")
    n_rows, n_columns, n_entries = map(int, words)
    if max(n_rows, n_columns) >= 2**31 or n_entries > n_rows * n_columns:
        raise value_error(f"{path}: its shape is impossible.", found=f"{n_rows} × {n_columns}, {n_entries} entries")
    return n_rows, n_columns, n_entries


def _triplets(
    path: Path, file: IO[bytes], shape: tuple[int, int], n_entries: int, *, cells_in_rows: bool
) -> Generator[tuple[Index, Index, np.ndarray], None, None]:
    """Yield cells, features (both from zero) and counts of consecutive entries."""
    n_seen = 0
    options: dict[str, Any] = {"sep": " ", "header": None, "names": list(_COLUMNS), "dtype": _COLUMNS, "engine": "c"}
    if n_entries:
        with pd.read_csv(file, chunksize=ROWS, **options) as parts:
            for part in parts:
                n_seen += len(part)
                if n_seen > n_entries:
                    raise value_error(f"{path} holds more entries than it says.", expected=f"{n_entries:,}")
                first, second = part["feature"].to_numpy() - 1, part["cell"].to_numpy() - 1
                cell, feature = (first, second) if cells_in_rows else (second, first)
                if min(feature.min(), cell.min()) < 0 or cell.max() >= shape[0] or feature.max() >= shape[1]:
                    raise value_error(f"{path}: entries outside of its {shape[1]:,} features × {shape[0]:,} cells.")
                yield cell, feature, part["count"].to_numpy()
    if n_seen != n_entries:
        do = "Is the file whole? Copy or download it again."
        raise value_error(f"{path} is truncated.", found=f"{n_seen:,} entries", expected=f"{n_entries:,}", do=do)


def _ordered(
    path: Path, triplets: Iterator[tuple[Index, Index, np.ndarray]], shape: tuple[int, int]
) -> Iterator[sp.csr_matrix]:
    """Yield blocks of whole cells; the last cell of a block of entries waits for the next."""
    done = 0  # cells that were passed on
    waiting: list[tuple[Index, Index, np.ndarray]] = []
    for part in triplets:
        cell = part[0]
        in_order = cell[0] >= (waiting[-1][0][-1] if waiting else done) and bool((np.diff(cell) >= 0).all())
        waiting.append(part)
        if not in_order or cell[0] < done:
            if done:
                do = "Sort its entries by cell, or write the data as .h5ad."
                raise value_error(f"{path}: its cells are not in order after cell {done:,}.", do=do)
            log.info("%s: entries are not sorted by cell; the whole matrix is read into memory.", path)
            waiting += triplets
            break
        last = int(cell[-1])
        if last > done:
            whole = int(np.searchsorted(cell, last))
            waiting[-1] = tuple(x[:whole] for x in part)  # type: ignore[assignment]
            yield _block(waiting, done, last, shape[1])
            waiting, done = [tuple(x[whole:] for x in part)], last  # type: ignore[list-item]
    if done < shape[0]:
        yield _block(waiting, done, shape[0], shape[1])


def _block(parts: list[tuple[Index, Index, np.ndarray]], first: int, last: int, n_features: int) -> sp.csr_matrix:
    if not parts:
        return sp.csr_matrix((last - first, n_features), dtype=np.float32)
    cell, feature, count = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    x = sp.csr_matrix((count, (cell - first, feature)), shape=(last - first, n_features), dtype=np.float32)
    x.sort_indices()
    return x
