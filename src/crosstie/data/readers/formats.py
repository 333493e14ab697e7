"""The table of formats: which files each reader takes. The first format that recognises a file reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from crosstie._errors import sample, value_error
from crosstie.data.readers.anndata_files import is_h5ad, is_h5mu, is_zarr, read_h5ad, read_h5mu, read_zarr
from crosstie.data.readers.fcs import is_fcs, read_fcs
from crosstie.data.readers.imaging_tables import is_imaging_table, read_imaging_table
from crosstie.data.readers.rds import is_rds, refuse_rds
from crosstie.data.readers.request import Request

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
    Format("object of R, converted by a script", is_rds, refuse_rds),
    Format("MuData (.h5mu)", is_h5mu, read_h5mu),
    Format("AnnData (.h5ad)", is_h5ad, read_h5ad),
    Format("zarr store", is_zarr, read_zarr),
    Format("FCS (.fcs), one file or a folder", is_fcs, read_fcs),
    Format(
        "table of a segmented image (mcmicro, QuPath, CellProfiler, steinbock)", is_imaging_table, read_imaging_table
    ),
)


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
    known = ", ".join(format_.name for format_ in FORMATS)
    if path.is_dir():
        inside = sorted(part.name for part in path.iterdir())
        raise value_error(f"{path} is a folder.", found=f"in it: {sample(inside, 6)}", expected=known)
    raise value_error(f"{path} is of no format that crosstie reads.", expected=known)
