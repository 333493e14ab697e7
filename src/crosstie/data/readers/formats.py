"""The table of formats: which files each reader takes. The first format that recognises a file reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from crosstie._errors import InputValueError, sample, value_error
from crosstie.data.readers.anndata_files import is_h5ad, is_h5mu, is_zarr, read_h5ad, read_h5mu, read_zarr
from crosstie.data.readers.fcs import is_fcs, read_fcs
from crosstie.data.readers.imaging_tables import is_imaging_table, read_imaging_table
from crosstie.data.readers.loom import is_loom, read_loom
from crosstie.data.readers.mtx_folders import is_mtx_folder, read_mtx_folder
from crosstie.data.readers.rds import is_rds, refuse_rds
from crosstie.data.readers.request import Request
from crosstie.data.readers.tenx_h5 import is_10x_h5, read_10x_h5
from crosstie.data.readers.text_tables import ENDINGS, is_text_table, read_text_table
from crosstie.data.untrusted_files import GZIP, HDF5, open_hdf5, start_of

if TYPE_CHECKING:
    from anndata import AnnData

Found: TypeAlias = "AnnData | dict[str, AnnData]"


@dataclass(frozen=True)
class Format:
    """A format of files.

    Parameters
    ----------
    name
        What it is called in messages.
    recognises
        Whether a file or folder is of this format. It looks at names and first bytes, and does not read the data.
    read
        The reader: an AnnData (which is split where its `var["feature_types"]` has several types), or views by name.
    """

    name: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, Request], Found]


def whole(read: Callable[[Path], AnnData]) -> Callable[[Path, Request], Found]:
    """Return a reader that reads everything, whatever is asked of it."""
    return lambda path, _: read(path)


FORMATS = (
    Format("MuData (.h5mu)", is_h5mu, read_h5mu),
    Format("AnnData (.h5ad)", is_h5ad, read_h5ad),
    Format("matrix of Cell Ranger (.h5)", is_10x_h5, read_10x_h5),
    Format("loom (.loom)", is_loom, read_loom),
    Format("zarr store", is_zarr, read_zarr),
    Format("folder with matrix.mtx", is_mtx_folder, read_mtx_folder),
    Format("FCS (.fcs), one file or a folder", is_fcs, read_fcs),
    Format(
        "table of a segmented image (mcmicro, QuPath, CellProfiler, steinbock)", is_imaging_table, read_imaging_table
    ),
    Format("table of text (.csv, .tsv)", is_text_table, read_text_table),
    Format("object of R (.rds), after conversion", is_rds, refuse_rds),
)


KNOWN = ", ".join(format_.name for format_ in FORMATS)
_HDF5 = (".h5ad", ".h5mu", ".h5", ".hdf5", ".loom")
_SHEETS = (".xlsx", ".xls", ".ods", ".parquet", ".feather")
_USUAL = ("filtered_feature_bc_matrix", "filtered_gene_bc_matrices")  # in the folder `outs` of Cell Ranger


def recognise(path: Path) -> Format:
    """Return the format of a file or folder.

    Raises
    ------
    ValueError
        If it is of none.
    """
    found = next((format_ for format_ in FORMATS if format_.recognises(path)), None)
    if found is not None:
        return found
    if path.is_dir():
        raise _odd_folder(path)
    if path.suffix in _HDF5 or HDF5 in start_of(path):
        with open_hdf5(path) as file:
            raise value_error(
                f"{path} is HDF5, but of no format that crosstie reads.", found=sample(file), expected=KNOWN
            )
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(ENDINGS):
        raise value_error(f"{path} is not text.", expected="a table of numbers as text (.csv, .tsv)")
    do = f"Decompress it: gunzip {path}." if start_of(path).startswith(GZIP) else ""
    if name.endswith(_SHEETS):
        do = "Write it as csv first: counts alone, names of cells and of features in the first row and column."
    raise value_error(f"{path} is of no format that crosstie reads.", expected=KNOWN, do=do)


def _odd_folder(path: Path) -> InputValueError:
    """Return the error about a folder that is of no format, with what in it can be read."""
    inside = sorted(part for part in path.iterdir() if any(format_.recognises(part) for format_ in FORMATS))
    first = [part for part in inside if part.name.startswith(_USUAL)]
    usual = first or [part for part in inside if not part.name.removesuffix(".gz").endswith("s.tsv")] or inside
    do = f"Give one of what is in it: {', '.join(map(str, usual[:3]))}." if usual else ""
    found = f"in it: {sample(sorted(part.name for part in path.iterdir()), 6)}"
    return value_error(f"{path} is a folder.", found=found, expected=KNOWN, do=do)
