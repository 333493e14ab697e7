"""The rules of the CELLxGENE schema that concern how a file is laid out, and which of them an AnnData breaks.

Source: schema 7.1.0 and `validate.py` of github.com/chanzuckerberg/single-cell-curation. Ontology terms, which a
submission to CELLxGENE Discover needs as well, are the author's to add: cellxgene itself opens files without them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

if TYPE_CHECKING:
    from anndata import AnnData

SUFFIX = re.compile(r"[a-zA-Z][a-zA-Z0-9_.-]*")
# Columns that CELLxGENE adds itself.
RESERVED = {
    *("assay", "cell_type", "development_stage", "disease", "experimental_condition", "observation_joinid"),
    *("perturbation_types", "self_reported_ethnicity", "sex", "tissue"),
}


def cellxgene_faults(adata: AnnData) -> list[str]:
    """Return which rules of layout of the CELLxGENE schema a data set breaks.

    Parameters
    ----------
    adata
        The data set, in memory.

    Returns
    -------
    One sentence for each fault; none where cellxgene can show the data set.

    References
    ----------
    CELLxGENE schema 7.1.0, sections X, obs, obsm, uns and var; they include what cellxgene Desktop requires.
    """
    faults = [*_of_matrices(adata), *_of_embeddings(adata), *_of_uns(adata.uns)]
    for name, table in (("obs", adata.obs), ("var", adata.var)):
        faults += [f"{name}: {fault}" for fault in _of_table(table)]
    faults += [f"obs: column {c!r} is reserved" for c in adata.obs if c in RESERVED]
    return faults


def _of_matrices(adata: AnnData) -> list[str]:
    if adata.X is None:
        return ["there is no X"]
    faults = []
    for name, x in {"X": adata.X, **{f"layers[{key!r}]": value for key, value in adata.layers.items()}}.items():
        stored = x.data if sp.issparse(x) else np.asarray(x)
        n_zero = x.shape[0] * x.shape[1] - np.count_nonzero(stored)
        if 2 * n_zero >= x.shape[0] * x.shape[1] and not (sp.issparse(x) and x.format == "csr"):
            faults.append(f"{name} is at least half zeros, and not CSR")
        if sp.issparse(x) and np.count_nonzero(stored) < stored.size:
            faults.append(f"{name} stores zeros")
        if stored.dtype != np.float32:
            faults.append(f"{name} is {stored.dtype}, not float32")
        if not np.isfinite(stored).all():
            faults.append(f"{name} has values that are not finite")
    return faults


def _of_embeddings(adata: AnnData) -> list[str]:
    faults = []
    for key, value in adata.obsm.items():
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
            faults.append(f"obsm[{key!r}] is not an array of numbers")
            continue
        if key.startswith("X_"):
            if not SUFFIX.fullmatch(key.removeprefix("X_")) or key == "X_spatial":
                faults.append(f"obsm[{key!r}]: the name cannot be used")
            if value.ndim != 2 or value.shape[1] < 2:
                faults.append(f"obsm[{key!r}] has fewer than two columns")
            if np.isinf(value).any() or np.isnan(value).all():
                faults.append(f"obsm[{key!r}] has infinite values, or none at all")
    if not any(key.startswith("X_") for key in adata.obsm):
        faults.append("obsm has no embedding whose name starts with X_")
    return faults


def _of_table(table: pd.DataFrame) -> list[str]:
    faults = [] if table.index.is_unique else ["names are not unique"]
    if not table.columns.is_unique:
        faults.append("names of columns are not unique")
    for column in table:
        values = table[column]
        if str(column).startswith("__"):
            faults.append(f"column {column!r} starts with two underscores")
        if isinstance(values.dtype, pd.CategoricalDtype):
            if values.isna().any():
                faults.append(f"column {column!r} has missing categories")
            if len({type(word) for word in values.cat.categories}) > 1:
                faults.append(f"column {column!r} has categories of several types")
            if (values.value_counts() == 0).any():
                faults.append(f"column {column!r} has categories without cells")
        elif values.dtype == object:
            faults.append(f"column {column!r} is neither categorical nor numeric")
    return faults


def _of_uns(uns: Any, place: str = "uns") -> list[str]:
    faults = []
    for key, value in uns.items():
        if isinstance(value, dict):
            faults += _of_uns(value, f"{place}[{key!r}]")
        if value is not None and not isinstance(value, (bool, int, float)) and not len(value):
            faults.append(f"{place}[{key!r}] is empty")
    return faults
