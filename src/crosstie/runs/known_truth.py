"""What is known about the cells beforehand: labels, and which cells are the same. The latter is for scores only."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

from crosstie._errors import sample, unknown_name, value_error
from crosstie._labels import quoted, without_words
from crosstie._log import log

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from numpy.typing import NDArray

UNKNOWN = "unknown"  # stands for a missing label
USUAL_KEY = "cell_type"


def check_label_key(data: Mapping[str, AnnData], key: str | None) -> str | None:
    """Return the label column of a run: the one asked for, else `cell_type` if some view has it, else `None`.

    Raises
    ------
    KeyError
        If no view has the column that was asked for.
    """
    if key is None and any(USUAL_KEY in adata.obs for adata in data.values()):
        log.info("labels: using obs[%r]; choose another column with --label-key.", USUAL_KEY)
        key = USUAL_KEY
    if key is not None and not any(key in adata.obs for adata in data.values()):
        raise unknown_name("--label-key", key, dict.fromkeys(c for adata in data.values() for c in adata.obs))
    for name, adata in data.items():
        words = without_words(adata.obs[key])[1] if key is not None and key in adata.obs else {}
        if words:
            log.info("labels of %s that mean a missing label, and are taken as one: %s.", name, quoted(words))
    return key


def labels_of(obs: Mapping[str, pd.DataFrame], key: str | None) -> dict[str, NDArray[Any]]:
    """Return the labels of every view that has some; a missing label, or a word for one, is "unknown".

    Parameters
    ----------
    obs
        Table of cells of each view.
    key
        Column with labels; `None` returns nothing.
    """
    labels = {name: as_labels(table[key]) for name, table in obs.items() if key is not None and key in table}
    return {name: y for name, y in labels.items() if (y != UNKNOWN).any()}


def as_labels(column: pd.Series) -> NDArray[Any]:
    """Return a column as text; missing values, and words for them such as `Unassigned` or `NA`, are "unknown"."""
    column = without_words(column)[0]
    return column.astype(object).where(column.notna(), UNKNOWN).astype(str).to_numpy().astype(str)


def pairs_of(data: Mapping[str, AnnData], how: str) -> dict[str, NDArray[Any]] | None:
    """Return the identity of each cell of each view, or `None` where nothing is known.

    Parameters
    ----------
    data
        The views.
    how
        `"auto"`, `"none"`, `"obs_names"`, or a column of obs.

    Raises
    ------
    KeyError
        If fewer than two views have the column.
    ValueError
        If two cells of a view have the same identity.
    """
    if how == "none" or (how == "auto" and not _names_shared(data)):
        return None
    if how in ("auto", "obs_names"):
        return {name: _unique(name, adata.obs_names.to_numpy().astype(str)) for name, adata in data.items()}
    having = {name: adata.obs[how] for name, adata in data.items() if how in adata.obs}
    if len(having) < 2:
        columns = dict.fromkeys(c for adata in data.values() for c in adata.obs)
        raise unknown_name("--pairs, a column of obs of two views", how, ["auto", "none", "obs_names", *columns])
    return {name: _identities(name, column) for name, column in having.items()}


def _names_shared(data: Mapping[str, AnnData]) -> bool:
    """Whether two views share most of their cell names; a few barcodes agree between any two experiments."""
    for a, b in combinations(data, 2):
        left, right = data[a].obs_names, data[b].obs_names
        if not (left.is_unique and right.is_unique):
            return False
        n_shared = len(left.intersection(right))
        from crosstie.data.cell_names import are_row_numbers  # not before: the command line starts fast

        if n_shared and are_row_numbers(left) and are_row_numbers(right):
            log.warning(
                "%s, %s: cells are called by numbers in both (%s); not taken as the same cells. If they are the same, "
                "write --pairs obs_names.",
                *(a, b, sample(left, 3)),
            )
            continue
        if n_shared >= min(len(left), len(right)) / 2:
            log.info("%s, %s: %d cells have the same name; taken as the same cells, for scores only.", a, b, n_shared)
            return True
    return False


def _identities(view: str, column: pd.Series) -> NDArray[Any]:
    if column.dtype.kind in "iuf":
        return _unique(view, column.fillna(-1).to_numpy().astype("int64"))
    alone = [f"{view} {i} has no partner" for i in range(len(column))]
    return _unique(view, column.astype(object).where(column.notna(), alone).to_numpy().astype(str))


def _unique(view: str, cells: NDArray[Any]) -> NDArray[Any]:
    """Return the identities, or raise where one occurs twice; negative numbers are cells without a partner."""
    import numpy as np

    known = cells[cells >= 0] if cells.dtype.kind == "i" else cells
    values, n_times = np.unique(known, return_counts=True)
    if (n_times > 1).any():
        raise value_error(
            f"--pairs: {int((n_times > 1).sum()):,} values occur more than once in view {view!r}.",
            found=sample(values[n_times > 1], 3),
            expected="a different name or number for every cell",
        )
    return cells
