"""What is known of the cells beforehand: labels, and which cells are the same. The latter serves scores alone."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crosstie._errors import sample, unknown_name, value_error
from crosstie._log import log

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from numpy.typing import NDArray

UNKNOWN = "unknown"
USUAL_KEY = "cell_type"

LabelKey = Annotated[
    str | None,
    typer.Option(
        "--label-key", metavar="COLUMN", help=f"Column of obs with labels.  [dim]\\[{USUAL_KEY} if any][/dim]"
    ),
]
Pairs = Annotated[
    str,
    typer.Option(
        metavar="COLUMN",
        help="Which cells are the same, for scores only: obs_names, a column of obs, or none; auto takes obs_names "
        "where at least half are shared.",
    ),
]


def labels_of(data: Mapping[str, AnnData], key: str | None) -> tuple[str | None, dict[str, NDArray[Any]]]:
    """Return the label column, and the labels of every view that has some; a missing label is "unknown".

    Parameters
    ----------
    data
        The views.
    key
        Column of obs; `None` takes `cell_type` if some view has it.

    Raises
    ------
    KeyError
        If no view has the column that was asked for.
    """
    if key is None and any(USUAL_KEY in adata.obs for adata in data.values()):
        key = USUAL_KEY
        log.info("labels: obs[%r] is there and used; say --label-key for another column.", key)
    if key is None:
        return None, {}
    having = {name: adata.obs[key] for name, adata in data.items() if key in adata.obs}
    if not having:
        raise unknown_name("--label-key", key, dict.fromkeys(c for adata in data.values() for c in adata.obs))
    labels = {name: _words(column) for name, column in having.items()}
    return key, {name: y for name, y in labels.items() if (y != UNKNOWN).any()}


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
    """Whether views share most of their cell names: barcodes of different experiments agree here and there."""
    for a, b in combinations(data, 2):
        left, right = data[a].obs_names, data[b].obs_names
        if not (left.is_unique and right.is_unique):
            return False
        n_shared = len(left.intersection(right))
        if n_shared >= min(len(left), len(right)) / 2:
            log.info("%s, %s: %d cells have the same name; taken as the same cells, for scores only.", a, b, n_shared)
            return True
    return False


def _words(column: pd.Series) -> NDArray[Any]:
    return column.astype(object).where(column.notna(), UNKNOWN).astype(str).to_numpy().astype(str)


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
            expected="a name or number of its own for every cell",
        )
    return cells
