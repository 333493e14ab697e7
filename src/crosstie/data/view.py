"""A view: one data set of one modality, as all other modules see it.

Views are made from AnnData: this module finds the matrix, its modality and kind of numbers, and checks them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import sample, type_error, unknown_name, value_error
from crosstie._log import log
from crosstie._typing import Floats, Index, Matrix, Modality
from crosstie.data.counts_beside import tell_of_counts
from crosstie.data.modality import check_modality, guess_modality
from crosstie.data.panels import batches_of
from crosstie.data.readers.feature_types import COLUMN, types_of
from crosstie.data.stored import Stored, in_memory, stored, take_rows, telling_of_files
from crosstie.data.values import Expected, Values, check_values, describe_values
from crosstie.data.view_names import check_writable

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie._typing import Data

BARCODE, MOST_BARCODES = r"(.*[._:#-])?[ACGTN]{14,}([._-]\d+)?", 0.5
MIN_CELLS = 10
MIN_FEATURES = 3
BACKGROUND = "crosstie_background"  # column of var: counts of each protein that are background, missing where none
LOOKED_AT = 2048  # cells at either end of a stored matrix from which the kind of numbers is detected


@dataclass(frozen=True)
class View:
    """One data set of one modality.

    Use `View.of`, which checks the data, rather than the constructor.

    Parameters
    ----------
    name
        Name of the view, chosen by the user.
    modality
        What was measured; decides the recipe.
    matrix
        Cells × features, finite, as float32 CSR or dense array; or `Stored`, which is read in blocks.
    features
        Names of the features, unique.
    cells
        Names of the cells.
    values
        Kind of numbers in the matrix, such as counts or log-normalised values.
    slot
        Where the matrix was in the AnnData.
    batch
        Batch of each cell; `None` without batches.
    background
        Counts of each protein that are background, -1 where it has none, shape `(n_features,)`; `None` if nothing is to
        be taken off.
    """

    name: str
    modality: Modality
    matrix: Matrix | Stored = field(repr=False)
    features: pd.Index = field(repr=False)
    cells: pd.Index = field(repr=False)
    values: Values = "counts"
    slot: str = "X"
    batch: pd.Series | None = field(default=None, repr=False)
    background: Floats | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        name: str,
        adata: AnnData,
        *,
        modality: Modality | None = None,
        slot: str = "X",
        batch_key: str | None = None,
    ) -> View:
        """Read a view from an AnnData.

        Parameters
        ----------
        name
            Name of the view, for messages and results.
        adata
            The data: dense or sparse, in memory, backed, or dask; not changed.
        modality
            What was measured; `None` guesses it from the name, then from the data, and the log says so.
        slot
            Where the matrix is: `"X"`, `"raw"`, `"layers/NAME"` or `"obsm/NAME"`.
        batch_key
            Column of `adata.obs` with the batch of each cell; `None` without batches.

        Raises
        ------
        KeyError
            If the slot or the batch column does not exist.
        TypeError
            If `adata` is not an AnnData, or its matrix has a type that cannot be read.
        ValueError
            If there are too few cells or features, values are negative or not finite, or the modality is unknown.
        """
        matrix, features = read_slot(adata, slot, view=name)
        _check_shape(name, matrix.shape)
        _check_turned(name, features)
        if slot == "X":
            _check_types(name, adata)
        modality = check_modality(modality, name) if modality else guess_modality(name, adata, matrix, features)
        values = _values(name, adata, slot, _looked_at(matrix), _expected(modality, slot))
        batch = None if batch_key is None else batches_of(name, adata, batch_key)
        background = _background(name, adata, slot) if modality == "protein" and values == "counts" else None
        return cls(name, modality, matrix, features, pd.Index(adata.obs_names), values, slot, batch, background)

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return int(self.matrix.shape[0])

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self.matrix.shape[1])

    @property
    def loaded(self) -> Matrix:
        """The matrix in memory; raises an error if it is stored on disk."""
        if isinstance(self.matrix, Stored):
            raise value_error(
                f"view {self.name!r}: its matrix is not in memory.", do="Load it first: adata.to_memory()."
            )
        return self.matrix

    def loaded_up_to(self, n_cells: int) -> View:
        """Return the view with its matrix loaded into memory, if it has at most `n_cells` cells."""
        small = isinstance(self.matrix, Stored) and self.n_cells <= n_cells
        return self.subset(np.arange(self.n_cells)) if small else self

    def subset(self, rows: Index) -> View:
        """Return a view of the cells with these row numbers in memory; of a stored matrix, in ascending order.

        Raises
        ------
        ValueError
            If their values are unusable; those of a stored matrix are read here for the first time.
        """
        matrix = take_rows(self.matrix, rows)
        if isinstance(self.matrix, Stored):
            check_values(matrix, self.name, self.values)
        batch = None if self.batch is None else self.batch.iloc[rows]
        return replace(self, matrix=matrix, cells=self.cells[rows], batch=batch)

    def __str__(self) -> str:
        return f"{self.name}: {self.modality}, {self.n_cells:,} cells × {self.n_features:,} features ({self.values})"


def link_view(view: View, adata: AnnData) -> View:
    """Return a view of other features of the same cells, which the links of `view` use (such as gene activity).

    Raises
    ------
    ValueError
        If its cells are not those of the view in the same order.
    """
    if list(adata.obs_names) != list(view.cells):
        raise value_error(
            f"link_data of {view.name!r}: its cells differ from the view's, or are in another order.",
            found=f"{adata.n_obs:,} cells: {sample(adata.obs_names, 2)}",
            expected=f"{view.n_cells:,} cells: {sample(view.cells, 2)}",
            do=f"Reorder it: adata[{view.name}.obs_names].",
        )
    modality = {"atac": "activity", "none": None}.get(view.modality, view.modality)  # guessed again for "none"
    return View.of(f"{view.name} (links)", adata, modality=modality)  # type: ignore[arg-type]


def check_anndata(adata: object, view: str) -> None:
    """Raise `TypeError` unless the value is an AnnData."""
    if not all(hasattr(adata, a) for a in ("obs_names", "var_names", "layers", "obsm")):
        raise type_error(f"view {view!r} is not an AnnData.", found=type(adata).__name__, expected="AnnData")


def as_mapping(data: Data, *, least: int = 2) -> dict[str, AnnData]:
    """Return the views by name, or raise if `data` is neither a MuData nor a mapping, or a name is impossible.

    `least` is the number of views that there must be.
    """
    found = getattr(data, "mod", data)
    if not isinstance(found, Mapping):
        raise type_error(
            "data: neither a MuData nor a mapping of names to AnnData.",
            found=type(data).__name__,
            do='Write {"rna": rna, "adt": adt}.',
        )
    if len(found) < least:
        what = "data: there is nothing to integrate." if least > 1 else "data: there is no view."
        expected = "at least two views" if least > 1 else "at least one view"
        raise value_error(what, found=sample(found), expected=expected)
    for name in found:
        if not isinstance(name, str):
            raise type_error("data: the name of a view is not text.", found=repr(name), do='Write {"rna": rna, ...}.')
        if not name.strip():
            raise value_error(f"data: view name {name!r} is empty.", expected="a name", do='Write {"rna": rna, ...}.')
        check_writable(name, where="data: ")
    return dict(found.items())


def read_slot(adata: AnnData, slot: str, *, view: str = "") -> tuple[Matrix | Stored, pd.Index]:
    """Return the matrix at a slot (float32 CSR, dense or `Stored`) and its feature names, made unique.

    Parameters
    ----------
    adata
        The data: in memory, backed, or dask.
    slot
        Where the matrix is: `"X"`, `"raw"` (with its own features), `"layers/NAME"` or `"obsm/NAME"`; the columns of an
        `obsm` array are named `NAME_0`, `NAME_1`, …
    view
        Name of the view, for messages.

    Raises
    ------
    KeyError
        If the slot does not exist; the message lists the existing ones.
    TypeError
        If the matrix is neither numeric and dense nor sparse.
    """
    check_anndata(adata, view)
    if not isinstance(slot, str):
        raise type_error(
            f"view {view!r}: slot is not text.", found=repr(slot), expected='"X", "raw", "layers/NAME" or "obsm/NAME"'
        )
    place, _, key = slot.partition("/")
    with telling_of_files(view):
        return _at(adata, slot, place, key, view)


def _at(adata: AnnData, slot: str, place: str, key: str, view: str) -> tuple[Matrix | Stored, pd.Index]:
    have = [*(["X"] if adata.X is not None else []), *(["raw"] if getattr(adata, "raw", None) is not None else [])]
    have += [f"layers/{k}" for k in adata.layers if k is not None] + [f"obsm/{k}" for k in adata.obsm]
    if slot == "X" and adata.X is None and have:
        raise value_error(
            f"view {view!r}: X is empty.",
            found=f"no matrix in X, but {sample(have, 4)}",
            do=f"Say which to use: slot={{{view!r}: {have[0]!r}}}.",
            cli={"do": f"Say which to use: --slot {view}={have[0]}."},
        )
    if slot not in have:
        raise unknown_name(f"view {view!r}: slot", slot, have)
    if slot == "raw":
        return _matrix(adata.raw.X, view), _unique(pd.Index(adata.raw.var_names), f"view {view!r}: feature names")
    found = adata.X if place == "X" else adata.layers[key] if place == "layers" else adata.obsm[key]
    if len(found.shape) != 2:
        raise value_error(
            f"view {view!r}: {slot} is not a matrix.", found=f"{len(found.shape)} axes", expected="cells × features"
        )
    names = pd.Index(adata.var_names)
    if place == "obsm":
        columns = found.columns if isinstance(found, pd.DataFrame) else [f"{key}_{j}" for j in range(found.shape[1])]
        names = pd.Index(columns).astype(str)
    return _matrix(found, view), _unique(names, f"view {view!r}: feature names")


def _matrix(found: object, view: str) -> Matrix | Stored:
    if isinstance(found, pd.DataFrame):
        found = found.to_numpy()
    return stored(found, view) or in_memory(found, view)


def _looked_at(matrix: Matrix | Stored) -> Matrix:
    """Return the cells used to detect the kind of numbers: all of them or, on disk, the first and the last."""
    if not isinstance(matrix, Stored):
        return matrix
    n_cells = matrix.shape[0]
    if n_cells <= 2 * LOOKED_AT:
        return matrix.rows(0, n_cells)
    parts = [matrix.rows(0, LOOKED_AT), matrix.rows(n_cells - LOOKED_AT, n_cells)]
    return sp.vstack(parts, "csr") if sp.issparse(parts[0]) else np.concatenate(parts)


def _check_types(name: str, adata: AnnData) -> None:
    """Raise if one matrix holds features of several types, such as genes and antibodies: each is a view of its own."""
    types = types_of(adata.var)
    if types is not None and len(set(types)) > 1:
        found = ", ".join(f"{n:,} of {word}" for word, n in adata.var[COLUMN].astype(str).value_counts().items())
        raise value_error(
            f"view {name!r}: its features are of several types.",
            found=found,
            expected="one type in each view",
            do="Split it: xt.data.split_by_type(adata) returns its views by name.",
        )


def _values(name: str, adata: AnnData, slot: str, looked_at: Matrix, expected: Expected) -> Values:
    """Return the kind of numbers in a matrix; where it is not counts, counts beside it are said."""
    if expected in ("counts", "proteins"):
        tell_of_counts(name, adata, slot)
    return describe_values(looked_at, name, expected=expected)


def _background(name: str, adata: AnnData, slot: str) -> Floats | None:
    """Return the background of each protein, as `xt.qc.with_background` wrote it, if it did."""
    if slot == "raw" or slot.startswith("obsm/") or BACKGROUND not in adata.var:
        return None
    found = pd.to_numeric(adata.var[BACKGROUND], errors="coerce").to_numpy(np.float32, na_value=np.nan)
    log.info("%s: var[%r] is taken off: the background of %d proteins.", name, BACKGROUND, np.isfinite(found).sum())
    return np.where(np.isfinite(found) & (found >= 0), found, np.float32(-1))


def _expected(modality: Modality, slot: str) -> Expected:
    """Return the kind of numbers that a view should hold."""
    if modality == "none" or slot.startswith("obsm/"):
        return "any"
    of_panels: dict[Modality, Expected] = {"cytometry": "intensities", "protein": "proteins"}
    return of_panels.get(modality, "counts")


def _unique(names: pd.Index, what: str) -> pd.Index:
    """Return names as strings, with duplicates numbered as `anndata` does."""
    names = pd.Index(names.astype(str))
    twice = names[names.duplicated()].unique()
    if not len(twice):
        return names
    from anndata.utils import make_index_unique

    log.warning("%s: %d occur more than once (%s); duplicates are numbered.", what, len(twice), sample(twice, 4))
    return pd.Index(make_index_unique(names))


def _check_shape(name: str, shape: tuple[int, ...]) -> None:
    for n, least, what in ((shape[0], MIN_CELLS, "cells"), (shape[1], MIN_FEATURES, "features")):
        if n < least:
            raise value_error(
                f"view {name!r}: too few {what} to integrate.",
                found=f"{n} {what}",
                expected=f"at least {least}",
                do="Are cells the rows and features the columns?",
            )


def _check_turned(name: str, features: pd.Index) -> None:
    """Raise if the features are named like barcodes: cells and features are exchanged."""
    seen = features[:LOOKED_AT].astype(str)
    if seen.str.fullmatch(BARCODE).mean() > MOST_BARCODES:
        raise value_error(
            f"view {name!r}: its features are named like cells.",
            found=sample(features, 3),
            expected="cells as rows, features as columns",
            do="Turn it: adata.T.",
            cli={"do": "Turn it: in Python, adata.T.write_h5ad(path)."},
        )
