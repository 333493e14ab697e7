"""Panels that differ between the batches of one view: found, and made views of their own."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import sample, unknown_name, value_error
from crosstie._log import log
from crosstie._typing import Mask, Matrix
from crosstie.data.view_names import check_view_names

if TYPE_CHECKING:
    from anndata import AnnData

MUST_BE_SEEN = 20.0  # cells of a batch that should show a feature, as often as others do, if it was measured


def batches_of(view: str, adata: AnnData, batch_key: str) -> pd.Series:
    """Return the batch of each cell as text; raise if there is no such column of obs, or a cell has none."""
    if batch_key not in adata.obs:
        raise unknown_name(f"view {view!r}: batch_key, a column of obs", batch_key, adata.obs.columns)
    missing = int(adata.obs[batch_key].isna().sum())
    if missing:
        raise value_error(f"view {view!r}: {missing:,} cells have no {batch_key!r}.", do="Fill it, or drop them.")
    return adata.obs[batch_key].astype(str)


def unmeasured(matrix: Matrix, batch: np.ndarray) -> tuple[np.ndarray, Mask]:
    """Return the batches, and which features each of them did not measure.

    A feature was not measured in a batch if all of its values there are NaN, or if all are zero although at least
    20 of the cells should show it, as often as the other batches do.

    Parameters
    ----------
    matrix
        Cells × features, dense or sparse.
    batch
        Name of the batch of each cell, shape `(n_cells,)`.

    Returns
    -------
    names
        Names of the batches in alphabetical order, shape `(n_batches,)`.
    lacking
        Whether a batch lacks a feature, shape `(n_batches, n_features)`.
    """
    names, of_cell = np.unique(batch, return_inverse=True)
    members = sp.csr_matrix((np.ones(len(batch)), (of_cell, np.arange(len(batch)))), (len(names), len(batch)))
    n_cells = np.bincount(of_cell)[:, None]
    missing, positive = (_counted(members, matrix, test) for test in (np.isnan, _positive))
    measured = n_cells - missing
    elsewhere = (positive.sum(0) - positive) / np.maximum(measured.sum(0) - measured, 1)
    return names, (measured == 0) | ((positive == 0) & (elsewhere * measured >= MUST_BE_SEEN))


def split_by_panel(adata: AnnData, batch_key: str, *, name: str = "adt") -> dict[str, AnnData]:
    """Split a view whose batches measured different features into views: one per panel, each with what it measured.

    In a matrix that joins several panels, what a batch did not measure is NaN or 0. As a view of its own, each
    panel is linked by all of its features, to the other panels too, and nothing that is missing is taken for absent;
    `impute` then says what the cells of one panel would show of another's.

    Parameters
    ----------
    adata
        Cells × features of all panels, values in `X`; not changed.
    batch_key
        Column of `obs` with the batch of each cell.
    name
        Name of the view.

    Returns
    -------
    Views by name: `"adt_1"`, `"adt_2"`, ..., in the order in which the panels first occur; the log says which batches
    each has. Where all batches measured the same features, the view as it is, under its name.

    Raises
    ------
    KeyError
        If the column does not exist.
    ValueError
        If cells have no batch, or the matrix is on disk.

    Examples
    --------
    >>> import crosstie as xt
    >>> adt = xt.datasets.simulate_citeseq(n_cells=300, n_batches=2, seed=0)["adt"]
    >>> first = (adt.obs["batch"] == "batch1").to_numpy()
    >>> adt.X = adt.X.toarray()
    >>> adt.X[first, :5] = 0
    >>> {name: view.shape for name, view in xt.data.split_by_panel(adt, "batch").items()}
    """
    check_view_names([name])
    batch = batches_of(name, adata, batch_key).to_numpy()
    if not isinstance(adata.X, np.ndarray | sp.csr_matrix | sp.csc_matrix | sp.csr_array | sp.csc_array):
        raise value_error(
            f"view {name!r}: the matrix cannot be split by panel.",
            found=type(adata.X).__name__,
            expected="a dense or sparse matrix in memory",
            do="Read it with adata.to_memory() first.",
            cli={"do": "Raise --set n_core above the number of cells."},
        )
    batches, lacking = unmeasured(adata.X, batch)
    panels = np.unique(lacking, axis=0)
    if len(panels) == 1 and not panels.any():
        log.info("%s: all batches measured the same features; not split.", name)
        return {name: adata}
    first = {
        pattern.tobytes(): None for pattern in lacking[[np.searchsorted(batches, b) for b in dict.fromkeys(batch)]]
    }
    out: dict[str, AnnData] = {}
    for number, pattern in enumerate(first, 1):
        ours = [row.tobytes() == pattern for row in lacking]
        gone = np.frombuffer(pattern, bool)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*names are not unique")
            out[f"{name}_{number}"] = adata[np.isin(batch, batches[ours]), ~gone].copy()
        log.info("%s_%d: %s, without %d features of other panels.", name, number, sample(batches[ours], 3), gone.sum())
    return out


def _positive(values: np.ndarray) -> Mask:
    return values > 0


def _counted(members: sp.csr_matrix, matrix: Matrix, test: Callable[[Any], Any]) -> np.ndarray:
    """Return how many stored values pass a test, by batch and feature."""
    if not sp.issparse(matrix):
        return np.asarray(members @ test(np.asarray(matrix)))
    x = sp.csr_matrix(matrix)
    passed = sp.csr_matrix((test(x.data).astype(np.float64), x.indices, x.indptr), x.shape)
    return (members @ passed).toarray()
