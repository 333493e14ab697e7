"""Reads the public TEA-seq files (GEO, GSE158013): RNA, surface proteins and chromatin of the same blood cells."""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path

import mudata as md
import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from crosstie._errors import sample, value_error
from crosstie._log import log
from crosstie._mudata import views_as_they_are
from crosstie.datasets.public.tenx import read_10x_h5

MATRIX = "filtered_feature_bc_matrix.h5"
ADT = ("adt_counts.csv.gz", "adt_counts.csv")
VIEWS = {"Gene Expression": "rna", "Peaks": "atac", "Antibody Capture": "adt"}
ADDRESS = "https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSE158013"


def read_teaseq(
    folder: str | Path,
    *,
    sample: str | None = None,
    labels: str | Path | None = None,
    label_key: str = "predicted.celltype.l2",
) -> md.MuData:
    """Read a TEA-seq sample as downloaded from GEO.

    Two files are read: `*_cellranger-arc_filtered_feature_bc_matrix.h5` (genes and peaks) and `*_adt_counts.csv.gz`
    (antibodies; barcodes in `cell_barcode`, without the `-1` that 10x Genomics appends; the column `total` is dropped).
    Cells are the barcodes in both files. Nothing else is filtered.

    Parameters
    ----------
    folder
        Folder with the files.
    sample
        Beginning of the file names, such as `"GSM4949911"`; needed if the folder holds several samples, else `None`.
    labels
        CSV file (or a ZIP file that holds it) with columns `barcode` and `label_key`, such as source data 2 of
        figure 4 of the paper. Its barcodes end in `-1`, or in the number of the well in the file names (`AAAC…-3` for
        well `X066-MP0C1W3`). `None` if there are no labels.
    label_key
        Column of the labels in that file.

    Returns
    -------
    MuData of `"rna"`, `"adt"` and, if the matrix has peaks, `"atac"`: raw counts, float32 CSR, the same cells in the
    same order. Genes are named by symbol (duplicates numbered), peaks as `chr1:100-200`; `.var` has `gene_ids` and
    `interval`. With `labels`, they are in `.obs["cell_type"]` (`"unknown"` for cells without one).

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    ValueError
        If a file is missing or has another layout, the files share no barcode, or the folder holds several samples.

    References
    ----------
    Swanson et al., "Simultaneous trimodal single-cell measurement of transcripts, epitopes, and chromatin
    accessibility using TEA-seq", eLife 10:e63632 (2021).
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder.\n  Download a TEA-seq sample from {ADDRESS} into it.")
    matrix = _one(folder, sample, (MATRIX,))
    counts = _one(folder, sample or _accession(matrix), ADT)
    return read_teaseq_files(matrix, counts, labels=labels, label_key=label_key)


def read_teaseq_files(
    matrix: Path, counts: Path, *, labels: str | Path | None = None, label_key: str = "predicted.celltype.l2"
) -> md.MuData:
    """Read a TEA-seq sample from its two files; layout and result are those of `read_teaseq`."""
    both, adt = read_10x_h5(matrix), _read_adt(counts)
    barcodes = both.obs_names.str.replace(r"-\d+$", "", regex=True)
    keep = barcodes.isin(adt.index)
    if not keep.any():
        raise value_error(
            "TEA-seq: the two files share no barcode.",
            found=f"{counts.name}: {_few(adt.index)}; {matrix.name}: {_few(barcodes)}",
            do="Use both files of one sample.",
        )
    log.info("%s: %d of %d cells have antibody counts; the others are left out.", matrix, keep.sum(), len(keep))
    views, barcodes = _by_type(matrix, both, keep), barcodes[keep]
    table = adt.loc[barcodes]
    views["adt"] = AnnData(sp.csr_matrix(table.to_numpy(np.float32)), var=pd.DataFrame(index=table.columns.astype(str)))
    label = None if labels is None else _labels(Path(labels), label_key, barcodes, _well(matrix))
    for adata in views.values():
        adata.obs_names = both.obs_names[keep]
        if label is not None:
            adata.obs["cell_type"] = pd.Categorical(label)
    with views_as_they_are():
        return md.MuData({name: views[name] for name in ("rna", "adt", "atac") if name in views})


def _one(folder: Path, sample_name: str | None, endings: tuple[str, ...]) -> Path:
    """Return the single file with one of these endings; earlier endings take precedence."""
    for ending in endings:
        found = sorted(p for p in folder.iterdir() if p.name.endswith(ending) and p.name.startswith(sample_name or ""))
        if len(found) == 1:
            return found[0]
        if found:
            raise value_error(
                f"{folder}: several files end in {ending!r}.",
                found=_few(p.name for p in found),
                do='Name the sample: read_teaseq(folder, sample="GSM4949911").',
            )
    raise value_error(
        f"{folder}: no file ends in {' or '.join(map(repr, endings))}.",
        found=_few(sorted(p.name for p in folder.iterdir())),
        expected=f"a name that begins with {sample_name!r}" if sample_name else "",
        do=f"Download it from {ADDRESS} (supplementary files of the sample).",
    )


def _accession(path: Path) -> str:
    """Return the GEO accession that a file name begins with, if any."""
    found = re.match(r"GSM\d+", path.name)
    return found.group() if found else ""


def _well(path: Path) -> str:
    """Return the number of the well in a file name (`…-MP0C1W3_…`), or `"1"`."""
    found = re.search(r"W(\d+)_", path.name)
    return found.group(1) if found else "1"


def _few(names: object) -> str:
    return sample(names, 4)  # type: ignore[arg-type]


def _read_adt(path: Path) -> pd.DataFrame:
    """Read antibody counts: barcodes × antibodies."""
    table = pd.read_csv(path)
    if "cell_barcode" not in table.columns or len(table.columns) < 3:
        found, expected = f"columns {_few(table.columns)}", "cell_barcode, total, and one column for each antibody"
        raise value_error(f"{path}: not a table of antibody counts.", found=found, expected=expected)
    table = table.set_index(table["cell_barcode"].astype(str).str.replace(r"-\d+$", "", regex=True))
    table = table.drop(columns=["cell_barcode", *table.columns.intersection(["total"])])
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()].unique()
        raise value_error(f"{path}: {len(twice):,} barcodes occur more than once.", found=_few(twice))
    wrong = [column for column in table if not pd.api.types.is_numeric_dtype(table[column])]
    if wrong:
        raise value_error(f"{path}: some columns are not counts.", found=_few(wrong), expected="numbers")
    gaps = int(table.isna().to_numpy().sum())
    if gaps:
        log.warning("%s: %d missing counts are taken as 0.", path, gaps)
    return table.fillna(0)


def _by_type(path: Path, both: AnnData, cells: np.ndarray) -> dict[str, AnnData]:
    """Split the features of these cells by type into views; number duplicate names."""
    kinds = both.var["feature_types"]
    known = kinds.isin(list(VIEWS))
    if not known.all():
        log.warning("%s: features of types %s are left out.", path, _few(kinds[~known].unique()))
    if not (kinds == "Gene Expression").any():
        raise value_error(f"{path}: no gene expression.", found=_few(kinds.unique()), expected="'Gene Expression'")
    views = {}
    for kind, name in VIEWS.items():
        if (kinds == kind).any() and name != "adt":  # antibodies are read from their own file
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Variable names are not unique")  # made unique below
                views[name] = both[cells, (kinds == kind).to_numpy()].copy()
            views[name].var_names_make_unique()
    return views


def _labels(path: Path, key: str, barcodes: pd.Index, well: str) -> np.ndarray:
    """Return the label of each barcode, `"unknown"` if the table has none."""
    table = _table(path)
    if missing := {"barcode", key} - set(table.columns):
        columns = f"columns {sample(table.columns)}"
        raise value_error(
            f"{path}: no column {_few(sorted(missing))}.", found=columns, do="Name the column: label_key=…."
        )
    of = table.drop_duplicates("barcode").set_index("barcode")[key]
    found = [pd.Series(of.reindex(barcodes + suffix).to_numpy(), dtype=object) for suffix in (f"-{well}", "-1", "")]
    best = max(found, key=lambda label: label.notna().sum())
    if not best.notna().any():
        raise value_error(
            f"{path}: no barcode of the sample has a label.",
            found=f"{_few(table['barcode'])}; sample: {_few(barcodes + '-' + well)}",
            do="The labels of the paper are for wells 3 to 6 (GSM5123951 to GSM5123954).",
        )
    log.info("%s: %d of %d cells have a label.", path, best.notna().sum(), len(best))
    return best.fillna("unknown").astype(str).to_numpy()


def _table(path: Path) -> pd.DataFrame:
    if path.suffix != ".zip":
        return pd.read_csv(path)
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".csv") and not name.startswith("__MACOSX")]
        if len(names) != 1:
            raise value_error(f"{path}: it must hold exactly one CSV file.", found=_few(archive.namelist()))
        with archive.open(names[0]) as file:
            return pd.read_csv(file)
