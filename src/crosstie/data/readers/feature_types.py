"""Splits a matrix with several types of features, such as Cell Ranger's, into views: one per type."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crosstie._typing import Modality

if TYPE_CHECKING:
    from anndata import AnnData

COLUMN = "feature_types"
# What Cell Ranger, Cell Ranger ARC and public files call a type of features: the view, and what it measured.
_VIEWS: dict[str, tuple[str, Modality | None]] = {
    "gene expression": ("rna", "rna"),
    "gex": ("rna", "rna"),
    "antibody capture": ("adt", "protein"),
    "adt": ("adt", "protein"),
    "peaks": ("atac", "atac"),
    "protein intensity": ("cytometry", "cytometry"),
    "atac": ("atac", "atac"),
    "multiplexing capture": ("multiplexing", None),
    "crispr guide capture": ("crispr", None),
    "antigen capture": ("antigen", None),
    "custom": ("custom", None),
}


def types_of(var: pd.DataFrame) -> pd.Series | None:
    """Return the name of the view of each feature, or `None` where no types or unknown types are told."""
    if COLUMN not in var:
        return None
    words = var[COLUMN].astype(str).str.strip().str.lower()
    views = {word: name for word, (name, _) in _VIEWS.items()}
    return words.map(views) if set(words) <= set(views) else None


def takes_part(view: str) -> bool:
    """Return whether features of a type are integrated without being asked for."""
    return any(name == view and modality is not None for name, modality in _VIEWS.values())


def split_by_type(adata: AnnData) -> dict[str, AnnData]:
    """Split a data set by `var["feature_types"]` into views, in the order in which the types first occur.

    Parameters
    ----------
    adata
        Cells × features of one or several types.

    Returns
    -------
    Views by name: `"rna"` (Gene Expression), `"adt"` (Antibody Capture), `"atac"` (Peaks), and `"multiplexing"`,
    `"crispr"`, `"antigen"` or `"custom"`. A data set without types or of unknown types is returned as it is, under
    the name `""`.
    """
    types = types_of(adata.var)
    if types is None:
        return {"": adata}
    names = list(dict.fromkeys(types))
    if len(names) == 1:
        return {names[0]: adata}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Variable names are not unique")  # a view numbers them
        return {name: adata[:, np.flatnonzero(types == name)].copy() for name in names}
