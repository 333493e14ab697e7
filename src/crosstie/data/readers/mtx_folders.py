"""Reads folders of a Matrix Market file with its barcodes and features: Cell Ranger 2 and 3, CITE-seq-Count, STARsolo.

CITE-seq-Count writes `umi_count` and `read_count`, whose antibodies are called NAME-SEQUENCE, and the row `unmapped`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import scipy.sparse as sp

from crosstie._errors import sample, value_error
from crosstie._log import log
from crosstie._untrusted_folder import entry
from crosstie.data.readers.assembled import Blocks, assembled
from crosstie.data.readers.matrix_market import cells_of, shape_of
from crosstie.data.readers.request import Request
from crosstie.data.untrusted_files import open_text

if TYPE_CHECKING:
    from anndata import AnnData

_MATRIX = re.compile(r"(?P<prefix>.*?)matrix\.mtx(\.gz)?", re.IGNORECASE)
_COLUMNS = ["gene_ids", "name", "feature_types", "chrom", "start", "end"]  # the last three of Cell Ranger ARC
_DO = "Is the folder whole? Copy or download it again."
_MOST = 2**28  # bytes, unpacked, of a list of names


def is_mtx_folder(path: Path) -> bool:
    """Return whether a folder holds a matrix with its barcodes and features, in it or in the one folder inside.

    A folder of several matrices, as of GEO, is none: each is named by its file, `GSM1_matrix.mtx.gz`.
    """
    return _place(path) is not None


def read_mtx_folder(path: Path, request: Request) -> dict[str, AnnData]:
    """Read the views of a folder of a matrix, its barcodes and its features.

    Parameters
    ----------
    path
        The folder: `matrix.mtx`, `barcodes.tsv` and `features.tsv` (of Cell Ranger 2, `genes.tsv`), gzipped or not.
        Names may begin with a common prefix, as in GEO; where a folder has several, the file of the matrix. Or the
        folder of CITE-seq-Count, with `umi_count` in it.
    request
        What is asked.

    Returns
    -------
    Views by type of feature (features without a type are one view, `""`), float32 CSR. Cells are named by barcode,
    features by name; `.var` has `gene_ids`, `feature_types` and, where known, `interval`.

    Raises
    ------
    ValueError
        If a file is missing, or its length is not that of the matrix.
    """
    found = _place(path)
    if found is None:
        raise value_error(f"{path} holds no matrix.mtx.", found=sample(sorted(p.name for p in path.iterdir()), 6))
    folder, prefix = found
    matrix = _file(folder, prefix, "matrix.mtx")
    n_rows, n_columns, n_values = shape_of(matrix)
    most = max(n_rows, n_columns)
    features = _file(folder, prefix, "features.tsv", "genes.tsv")
    var = _features(features, most)
    if features.name.startswith(f"{prefix}genes.tsv"):
        var["feature_types"] = "Gene Expression"
    barcodes = pd.Index(_table(_file(folder, prefix, "barcodes.tsv"), most)[0].to_numpy())
    turned = (n_rows, n_columns) == (len(barcodes), len(var)) != (len(var), len(barcodes))
    if not turned and (n_rows, n_columns) != (len(var), len(barcodes)):
        raise value_error(
            f"{folder}: the matrix and the lists of names differ in size.",
            found=f"{n_rows:,} × {n_columns:,}, {len(var):,} features and {len(barcodes):,} barcodes",
            do=_DO,
        )
    if turned:
        log.info("%s: cells are the rows of the matrix.", matrix)
    if request.only_features:
        empty = sp.csr_matrix((0, len(var)), dtype="float32")
        return assembled(Blocks(pd.DataFrame(index=barcodes[:0]), var, iter([empty]), 0), request)
    parts = cells_of(matrix, cells_in_rows=turned)
    return assembled(Blocks(pd.DataFrame(index=barcodes), var, parts, n_values), request)


def folder_of(path: Path) -> Path:
    """Return the folder of a matrix given by its file, `matrix.mtx.gz`, if it holds no other; or the path as it is."""
    folder = path.parent
    return folder if _MATRIX.fullmatch(path.name) and path.is_file() and is_mtx_folder(folder) else path


def _place(path: Path) -> tuple[Path, str] | None:
    """Return the folder that holds the matrix, and the prefix of its files' names."""
    if not path.is_dir():
        found = _MATRIX.fullmatch(path.name)
        return (path.parent, found["prefix"]) if found and path.is_file() else None
    for folder in (path / "umi_count", path):
        if folder.is_dir():
            names = [found for part in folder.iterdir() if (found := _MATRIX.fullmatch(part.name))]
            if len({name["prefix"] for name in names}) == 1:
                return folder, names[0]["prefix"]
    inside = [part for part in path.iterdir() if part.is_dir()]  # Cell Ranger 2 has a folder per genome
    return _place(inside[0]) if len(inside) == 1 and not inside[0].is_symlink() else None


def _file(folder: Path, prefix: str, *names: str) -> Path:
    there = {part.name for part in folder.iterdir()}
    for name in names:
        for path in (folder / (prefix + name), folder / f"{prefix}{name}.gz"):
            if path.name in there:
                return entry(folder, path.name)
    expected = " or ".join(f"{prefix}{name}, {prefix}{name}.gz" for name in names)
    raise value_error(f"{folder} lacks {names[0]}.", found=sample(sorted(there), 6), expected=expected, do=_DO)


def _table(path: Path, most: int) -> pd.DataFrame:
    """Return the columns of a list of names, as text; raise if there are more than either side of the matrix has."""
    with open_text(path) as file:
        content = file.read(_MOST + 1)
    if len(content) > _MOST:
        raise value_error(f"{path} is too large for a list of names.", expected=f"at most {_MOST:,} bytes")
    if content.count(b"\n") > most:
        found = f"more than {most:,} names in {path.name}"
        raise value_error(f"{path.parent}: the matrix and the lists of names differ in size.", found=found, do=_DO)
    lines = content.decode("utf-8").splitlines()
    table = pd.DataFrame([line.split("\t", len(_COLUMNS)) for line in lines])
    if not len(table):
        raise value_error(f"{path} is empty.", expected="one name a line")
    return table.fillna("").astype(str)


def _features(path: Path, most: int) -> pd.DataFrame:
    table = _table(path, most)
    if table.shape[1] == 1:
        return pd.DataFrame(index=pd.Index(table[0].to_numpy()))
    table = table.iloc[:, : len(_COLUMNS)]
    table.columns = pd.Index(_COLUMNS[: table.shape[1]])
    var = table.set_index(pd.Index(table["name"].to_numpy())).drop(columns="name")
    if "end" in var:
        place = var["chrom"] + ":" + var["start"] + "-" + var["end"]
        var["interval"] = place.where(var["chrom"] != "", "")
    return var.drop(columns=["chrom", "start", "end"], errors="ignore")
