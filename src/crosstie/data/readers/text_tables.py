"""Reads tables of counts as text: csv or tsv, gzipped or not, with cells in rows or in columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import sample, value_error
from crosstie._log import log
from crosstie.data.readers.assembled import BLOCK, Blocks, assembled
from crosstie.data.readers.request import Request
from crosstie.data.untrusted_files import open_text

if TYPE_CHECKING:
    from anndata import AnnData

ENDINGS = (".csv", ".tsv", ".txt")
_FIRST = 2**20  # bytes from which separator, names of columns and kinds are found
_LOOKED_AT = 500  # names of either axis from which it is found which of them are cells
_CELL = re.compile(
    r"[ACGTN]{8,}|(cell|bc|barcode|obj|object)[ _.-]?\d+|.*[._:#-][ACGTN]{10,}(-\d+)?|\d+", re.IGNORECASE
)
_COMMA, _POINT, _THOUSANDS = map(re.compile, (r"-?\d+,\d+([eE]-?\d+)?", r"-?\d+\.\d+", r"[1-9]\d{0,2},\d{3}"))
_BARCODE = re.compile(r"(.*[._:#-])?[ACGTN]{12,}([._-]\d+)?")
_FEATURE = re.compile(
    r"ENS[A-Z]*G\d{6,}.*|CD\d+[a-zA-Z]?([._-].*)?|MT-.+|mt-.+|RP[LS]\d+.*|Rp[ls]\d+.*|HLA-.+|H2-.+|chr\w+[:_-]\d+[_-]\d+"
    r"|IgG.*|ACTB|Actb|B2M|B2m|GAPDH|Gapdh|MALAT1|Malat1|EEF1A1|Eef1a1|PTPRC|Ptprc|ADT_.+|.*TotalSeq.*",
)


@dataclass(frozen=True)
class _Head:
    """The beginning of a table: its separator, the names of its columns (without the first), and its first rows."""

    separator: str
    columns: list[str]
    rows: pd.DataFrame
    n_skipped: int  # lines before the data
    decimal: str  # what divides a number


def is_text_table(path: Path) -> bool:
    """Return whether a file is called `.csv`, `.tsv` or `.txt`, perhaps gzipped, and holds text."""
    name = path.name.lower().removesuffix(".gz")
    if not path.is_file() or not name.endswith(ENDINGS):
        return False
    with open_text(path) as file:
        return b"\0" not in file.read(2048)


def read_text_table(path: Path, request: Request) -> dict[str, AnnData]:
    """Read a table of numbers: its first column and its first row are names.

    Parameters
    ----------
    path
        The file. Separators are commas, tabs or semicolons; what the file holds decides.
    request
        What is asked; `request.cells` says whether cells are rows or columns. Otherwise the names tell, and the log
        says what was found.

    Returns
    -------
    One view, or views by type where columns or rows are of several types: float32 CSR. Columns of text beside cells
    in rows are in `.obs`.

    Raises
    ------
    ValueError
        If names do not tell which are the cells, a value is not a number, or rows differ in length.
    """
    head = _head(path)
    if not len(head.rows):
        raise value_error(f"{path}: the table has no rows.", found=f"columns {sample(head.columns, 4)}")
    cells = request.cells or _cells(path, head)
    log.info("%s: cells are its %s.", path, cells)
    blocks = _cells_in_rows(path, head) if cells == "rows" else _cells_in_columns(path, head)
    return assembled(blocks, request)


def _head(path: Path) -> _Head:
    with open_text(path) as file:
        text = file.read(_FIRST).decode("utf-8-sig")
    lines = text.splitlines() if len(text) < _FIRST else text.splitlines()[:-1]
    lines = [line for line in lines if line]
    if not lines:
        raise value_error(f"{path}: the table is empty." if not text else f"{path}: its first line is too long.")
    separator = max("\t,;", key=lines[0].count)
    if separator not in lines[0]:
        raise value_error(f"{path}: the table has one column only.", found=repr(lines[0][:60]), expected="csv or tsv")
    columns = next(csv.reader([lines[0]], delimiter=separator))
    rows = list(csv.reader(lines[1 : _LOOKED_AT + 1], delimiter=separator))
    # R writes no name above the first column
    columns = columns if rows and len(rows[0]) == len(columns) + 1 else columns[1:]
    odd = next((i for i, row in enumerate(rows, 2) if len(row) != len(columns) + 1), None)
    if odd is not None:
        found = f"{len(rows[odd - 2])} fields in line {odd}"
        raise value_error(f"{path}: rows differ in length.", found=found, expected=f"{len(columns) + 1}, as in line 1")
    decimal = "." if separator == "," else _decimal(rows)
    if decimal == ",":
        log.info("%s: decimal commas.", path)
        rows = [
            [row[0], *(value.replace(",", ".") if _COMMA.fullmatch(value) else value for value in row[1:])]
            for row in rows
        ]
    return _Head(separator, [name.strip() for name in columns], pd.DataFrame(rows), 1, decimal)


def _decimal(rows: list[list[str]]) -> str:
    """Return the decimal mark: a comma where values have one and none a point, as in spreadsheets of many countries.

    Where all commas could divide thousands, nothing is decided, and the values are not numbers.
    """
    values = [value for row in rows for value in row[1:]]
    commas = [value for value in values if _COMMA.fullmatch(value)]
    if not commas or any(map(_POINT.fullmatch, values)) or all(map(_THOUSANDS.fullmatch, commas)):
        return "."
    return ","


def _cells(path: Path, head: _Head) -> str:
    """Return whether the names say that cells are the rows or the columns of a table."""
    rows, columns = head.rows[0].tolist(), head.columns[:_LOOKED_AT]
    score = {}
    for axis, names in (("rows", rows), ("columns", columns)):
        share = [np.mean([bool(kind.fullmatch(name)) for name in names]) for kind in (_BARCODE, _CELL, _FEATURE)]
        score[axis] = 2 * share[0] + share[1] - 2 * share[2]
    score["rows"] += sum(not _number(value) for value in head.rows.iloc[0, 1:]) > 0  # text describes cells
    if abs(score["rows"] - score["columns"]) > 0.01:
        return max(score, key=lambda axis: score[axis])
    raise value_error(
        f"{path}: the names do not tell whether cells are rows or columns.",
        found=f"rows {sample(rows, 3)}, columns {sample(columns, 3)}",
        do='Say it: cells="rows" or cells="columns".',
        cli={"do": "Say it: --cells rows or --cells columns."},
    )


def _number(text: Any) -> bool:
    try:
        float(text)
    except (TypeError, ValueError):
        return text == ""
    return True


def _parts(path: Path, head: _Head, dtype: dict[int, Any]) -> Iterator[pd.DataFrame]:
    size = max(BLOCK // max(len(head.columns), 1), 1)
    options: dict[str, Any] = {"sep": head.separator, "header": None, "skiprows": head.n_skipped, "engine": "c"}
    options["decimal"] = head.decimal
    with open_text(path) as file, pd.read_csv(file, dtype=dtype, chunksize=size, encoding="utf-8", **options) as parts:
        yield from parts


def _matrix(path: Path, values: pd.DataFrame) -> sp.csr_matrix:
    x = values.to_numpy(np.float32)
    if np.isnan(x).any():
        row, column = np.argwhere(np.isnan(x))[0]
        found = f"none in row {values.index[row] + 2:,}, column {column + 2:,}"
        raise value_error(f"{path}: numbers are missing.", found=found, do="Is the file whole? Fill the gaps.")
    return sp.csr_matrix(x)


def _cells_in_rows(path: Path, head: _Head) -> Blocks:
    """Return a table whose rows are passed on as they are read; columns of text go into obs."""
    text = [j for j in range(1, len(head.columns) + 1) if not all(map(_number, head.rows[j]))]
    if len(text) > len(head.columns) / 2:
        found = f"{head.columns[text[0] - 1]!r}: {head.rows[text[0]].iloc[0]!r}"
        raise value_error(f"{path}: most columns do not hold numbers.", found=found, expected="a table of counts")
    numbers = [j for j in range(1, len(head.columns) + 1) if j not in text]
    if text:
        log.info("%s: columns of text are kept as obs: %s.", path, sample([head.columns[j - 1] for j in text], 6))
    dtype: dict[int, Any] = {0: str} | dict.fromkeys(text, str) | dict.fromkeys(numbers, np.float32)
    tables, parts = [], []
    for part in _parts(path, head, dtype):
        tables.append(part[[0, *text]])
        parts.append(_matrix(path, part[numbers]))
    obs = pd.concat(tables).set_index(0).rename_axis(None)
    obs.index = obs.index.astype(str)
    obs.columns = pd.Index([head.columns[j - 1] for j in text])
    var = pd.DataFrame(index=pd.Index([head.columns[j - 1] for j in numbers]))
    return Blocks(obs, var, iter(parts), sum(part.nnz for part in parts))


def _cells_in_columns(path: Path, head: _Head) -> Blocks:
    """Return a table whose rows are features, turned."""
    dtype: dict[int, Any] = {0: str} | dict.fromkeys(range(1, len(head.columns) + 1), np.float32)
    names, parts = [], []
    for part in _parts(path, head, dtype):
        names += part[0].astype(str).tolist()
        parts.append(_matrix(path, part.iloc[:, 1:]))
    x = sp.vstack(parts, "csr").T.tocsr()
    x.sort_indices()
    return Blocks(pd.DataFrame(index=pd.Index(head.columns)), pd.DataFrame(index=pd.Index(names)), iter([x]), x.nnz)
