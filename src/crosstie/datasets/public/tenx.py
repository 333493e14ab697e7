"""Reads the HDF5 feature-barcode matrices of 10x Genomics with all their features, for the readers of public data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crosstie._errors import value_error
from crosstie.data.read_files import read_file
from crosstie.data.readers.tenx_h5 import is_10x_h5, read_unsplit

if TYPE_CHECKING:
    from anndata import AnnData


def read_10x_h5(path: str | Path) -> AnnData:
    """Read a feature-barcode matrix with all its features, of every type, in one AnnData.

    `xt.read` reads the same files and splits them into views.

    Parameters
    ----------
    path
        Path of the `.h5` file, of any version of Cell Ranger.

    Returns
    -------
    Cells × features, float32 CSR. Cells are named by barcode, features by their name in the file; duplicate names stay.
    `.var` has `gene_ids`, `feature_types`, `genome` and `interval`, if the file has them.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is not such a file, lacks a part of the layout, or its parts differ in size.

    References
    ----------
    10x Genomics, "Cell Ranger Feature Barcode Matrices (HDF5 Format)".
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(path)

    def read(path: Path) -> AnnData:
        if not is_10x_h5(path):
            what = f"{path}: not an HDF5 file of Cell Ranger, or a truncated one."
            raise value_error(what, found=f"{path.stat().st_size:,} bytes", do="Download it again.")
        return read_unsplit(path)

    adata: AnnData = read_file(path, read, "a matrix of Cell Ranger (.h5)")
    return adata
