"""Peak coordinates: genomic intervals read from the `.var` of an ATAC view, for gene activity.

Intervals are zero-based and half-open, as in BED files and in the peak names of Cell Ranger.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crosstie._errors import sample, type_error, value_error
from crosstie._log import log
from crosstie.data.chromosomes import told_build
from crosstie.data.untrusted_files import open_text

if TYPE_CHECKING:
    from anndata import AnnData

COORDINATES = ["chrom", "start", "end"]

_HEADER = re.compile(r"#|track\b|browser\b|\s*$")
_POSITION = re.compile("[0-9]{1,12}")
MAX_POSITION = 10**12  # longer than any genome
# chr1:100-200, chr1-100-200, chr1_100_200; the contig may itself hold `-`, `_` and `.`, but no colon.
_NAME = re.compile(r"^(?:([^:\s]+)[:_-]([0-9]{1,12})[_-]([0-9]{1,12})|.*)$", re.MULTILINE)
# Common names of the three columns, in lower case and without `_` and `#`.
_COLUMNS = {
    "chrom": ("chrom", "chr", "chromosome", "seqnames", "seqname", "seqid", "contig"),
    "start": ("start", "chromstart", "begin"),
    "end": ("end", "chromend", "stop"),
}


def read_peaks(adata: AnnData) -> pd.DataFrame:
    """Read the coordinates of the peaks of an ATAC data set.

    The first source that can be read is used: three columns of `.var` such as `chrom`, `start`, `end` (also `seqnames`,
    `chr`, `chromStart`, … in upper or lower case), a column `interval` (10x Genomics, muon), or the peak names.

    Parameters
    ----------
    adata
        AnnData whose features are peaks, named `chr1:100-200`, `chr1-100-200` or `chr1_100_200` or with the columns
        above.

    Returns
    -------
    One row per peak that could be read, indexed by its name, with columns `chrom` (text), `start` and `end` (base
    pairs, zero-based, half-open). The log says how many features could not be read.

    Raises
    ------
    TypeError
        If `adata` has no `.var`.
    ValueError
        If no feature can be read, or `.var["feature_types"]` contains other features than peaks.
    """
    if not isinstance(getattr(adata, "var", None), pd.DataFrame):
        raise type_error("peaks: not an AnnData.", found=type(adata).__name__, expected="AnnData")
    peaks = parse_peaks(adata.var)
    return peaks[(peaks["start"] >= 0).to_numpy()]


def read_peak_table(path: Path) -> pd.DataFrame:
    """Read a BED file of peaks, plain or gzipped: chromosome, start, end and any other columns.

    Raises
    ------
    ValueError
        If the file does not exist, is damaged, or a row cannot be read.
    """
    if not path.is_file():
        raise value_error("peaks: no such file.", found=str(path), expected="a BED file, or a .gz")
    rows = []
    try:
        with open_text(path) as handle:
            for number, line in enumerate(handle, 1):
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                if _HEADER.match(text):
                    continue
                fields = text.split("\t") if "\t" in text else text.split()
                if len(fields) < 3 or not (_POSITION.fullmatch(fields[1]) and _POSITION.fullmatch(fields[2])):
                    found = repr(text[:80])
                    expected = "chromosome, start and end, separated by tabs"
                    raise value_error(
                        f"peaks: {path}, line {number:,}, cannot be read.", found=found, expected=expected
                    )
                rows.append((fields[0], int(fields[1]), int(fields[2])))
    except (OSError, EOFError, zlib.error) as problem:
        do = "Is the file complete? Download or write it again."
        raise value_error(f"peaks: {path} cannot be read.", found=str(problem), do=do) from problem
    peaks = parse_peaks(pd.DataFrame(rows, columns=COORDINATES))
    return peaks[(peaks["start"] >= 0).to_numpy()]


def parse_peaks(var: pd.DataFrame) -> pd.DataFrame:
    """Read the coordinates of every row of a `.var`, as `read_peaks` does; unreadable rows get `start` −1."""
    _check_types(var)
    names = var.index.astype(str)
    tried = []
    columns = coordinate_columns(var)
    if columns:
        tried.append((f"columns {', '.join(columns.values())}", _from_columns(var, columns)))
    if "interval" in var.columns:
        tried.append(("column interval", _from_names(var["interval"].astype(object), var.index)))
    where, peaks = next(((w, p) for w, p in tried if (p["start"] >= 0).any()), ("names", None))
    if peaks is None:
        peaks = _from_names(names, var.index)
    bad = (peaks["start"] < 0).to_numpy()
    if bad.all():
        raise value_error(
            "peaks: no coordinates found in .var.",
            found=f"names {sample(names, 4)}; columns {sample(var.columns)}",
            expected="names such as 'chr1:100-200' (or with '-' or '_' throughout), a column 'interval' of such names, "
            "or columns chrom, start, end, with start below end",
            do='Add the columns: adata.var["chrom"] = …, adata.var["start"] = …, adata.var["end"] = ….',
            cli={"do": "Add such columns to var of the file, or name the peaks chr1:100-200."},
        )
    if bad.any():
        log.warning(
            "peaks: %d of %d features have no readable coordinates (%s) and are left out: %s",
            bad.sum(),
            len(bad),
            where,
            sample(names[bad], 4),
        )
    return peaks


def named_build(var: pd.DataFrame) -> str:
    """Return the genome build in the column `genome` of a `.var` (10x Genomics), or nothing."""
    names = list(var["genome"].astype(str).unique()) if "genome" in var.columns else []
    return told_build(str(names[0])) if len(names) == 1 else ""


def coordinate_columns(frame: pd.DataFrame) -> dict[str, str]:
    """Return the columns that hold `chrom`, `start` and `end`; empty unless all three exist."""
    plain = {str(column).lower().replace("_", "").lstrip("#"): column for column in reversed(frame.columns)}
    found = {kind: next((plain[name] for name in names if name in plain), None) for kind, names in _COLUMNS.items()}
    return {kind: str(column) for kind, column in found.items() if column is not None} if all(found.values()) else {}


def _check_types(var: pd.DataFrame) -> None:
    """Raise if genes and peaks of a 10x multiome are in one table."""
    if "feature_types" not in var.columns:
        return
    types = var["feature_types"].astype(str)
    if "Peaks" in types.to_numpy() and (types != "Peaks").any():
        raise value_error(
            "peaks: some of the features are not peaks.",
            found=", ".join(f"{n:,} {kind}" for kind, n in types.value_counts().items()),
            expected='"Peaks" only in .var["feature_types"]',
            do='Take the peaks alone: adata[:, adata.var["feature_types"] == "Peaks"].',
            cli={"do": "Give a file with the peaks alone."},
        )


def _from_columns(var: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    chrom = var[columns["chrom"]].astype(object)
    start, end = (pd.to_numeric(var[columns[side]], errors="coerce").to_numpy(float) for side in ("start", "end"))
    whole = (
        (np.abs(start) < MAX_POSITION)
        & (np.abs(end) < MAX_POSITION)
        & (np.floor(start) == start)
        & (np.floor(end) == end)
    )
    good = whole & chrom.notna().to_numpy() & (chrom.astype(str) != "").to_numpy()
    start, end = (np.where(good, x, -1).astype(np.int64) for x in (start, end))
    return _frame(np.where(good, chrom.astype(str), ""), start, end, var.index)


def _from_names(names: Iterable[object], index: pd.Index) -> pd.DataFrame:
    """Parse all names at once, joined into one text, which is five times as fast as one by one."""
    lines = (name.replace("\n", " ") if isinstance(name, str) else "" for name in names)
    found = _NAME.findall("\n".join(lines)) if len(index) else []
    chrom = np.array([parts[0] for parts in found], dtype=object)
    start, end = (np.array([int(parts[side] or -1) for parts in found], dtype=np.int64) for side in (1, 2))
    return _frame(chrom, start, end, index)


def _frame(chrom: np.ndarray, start: np.ndarray, end: np.ndarray, index: pd.Index) -> pd.DataFrame:
    """Return the frame; an interval that starts below 0 or does not end after its start counts as unreadable."""
    good = (start >= 0) & (start < end)
    return pd.DataFrame(
        {"chrom": np.where(good, chrom, ""), "start": np.where(good, start, -1), "end": np.where(good, end, -1)},
        index=index.astype(str),
    ).astype({"chrom": object})
