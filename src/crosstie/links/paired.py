"""Paired links: cells that two views share, as in CITE-seq and multiome data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crosstie._errors import sample, type_error, unknown_name, value_error
from crosstie._log import log
from crosstie._typing import Index
from crosstie.data.view import as_mapping

if TYPE_CHECKING:
    from crosstie._typing import Data


@dataclass(frozen=True)
class Paired:
    """Cells of two views that are the same cells.

    Parameters
    ----------
    source, target
        Names of the two views.
    cells
        One row per cell, with columns `source` and `target`: its name in each view. Names are unique.
    """

    source: str
    target: str
    cells: pd.DataFrame

    def __post_init__(self) -> None:
        if self.source == self.target:
            raise value_error(f"paired link {self}: a view cannot be linked to itself.", expected="two views")
        if not {"source", "target"} <= set(self.cells.columns):
            raise value_error(
                f"paired link {self}: the table of cells lacks columns.",
                found=sample(self.cells.columns),
                expected="source, target",
            )
        for side, view in zip(("source", "target"), self.edge, strict=True):
            names = self.cells[side]
            if names.isna().any() or names.duplicated().any():
                twice = names[names.duplicated()].unique()
                raise value_error(
                    f"paired link {self}: a cell has at most one partner in the other view.",
                    found=f"of {view}, {int(names.isna().sum()):,} missing names and {len(twice):,} that occur more "
                    f"than once: {sample(twice, 3)}",
                    expected="one row per shared cell",
                )

    def __repr__(self) -> str:
        return f"Paired {self}: {len(self.cells):,} shared cells"

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"

    @property
    def edge(self) -> tuple[str, str]:
        """The two views' names, source first."""
        return self.source, self.target

    def reversed(self) -> Paired:
        """Return the same cells seen from the target view."""
        return Paired(self.target, self.source, self.cells.rename(columns={"source": "target", "target": "source"}))

    def rows(self, source_cells: pd.Index, target_cells: pd.Index) -> tuple[Index, Index]:
        """Return the row numbers of the shared cells in each view, given the names of all its cells.

        Raises
        ------
        KeyError
            If a view lacks a cell.
        ValueError
            If the name of a shared cell occurs more than once in a view.
        """
        out = []
        for side, view, cells in zip(("source", "target"), self.edge, (source_cells, target_cells), strict=True):
            wanted = pd.Index(self.cells[side])
            twice = cells[cells.duplicated()].unique().intersection(wanted)
            if len(twice):
                raise value_error(
                    f"paired link {self}: cell names of {view!r} occur more than once.",
                    found=sample(twice, 3),
                    do="Make them unique: adata.obs_names_make_unique().",
                    cli={"do": "Give every cell of the file a name of its own, such as SAMPLE_BARCODE."},
                )
            where = cells[~cells.duplicated()].get_indexer(wanted)
            if (where < 0).any():
                lacking = wanted[where < 0]
                what = f"paired link {self}: view {view!r} lacks {len(lacking):,} of {len(wanted):,} cells, the first"
                raise unknown_name(what, lacking[0], cells)
            out.append(np.flatnonzero(~cells.duplicated())[where].astype(np.int64))
        return out[0], out[1]


def paired(data: Data, source: str, target: str, *, cells: pd.DataFrame | pd.Series | None = None) -> Paired:
    """State which cells of two views are the same cells.

    Together with other links it makes a bridge: the shared cells are exact anchors. On its own it links views without
    linked features. It does not link features.

    Parameters
    ----------
    data
        The views by name.
    source, target
        Names of the two views.
    cells
        The shared cells: a table with columns `source` and `target` of cell names, or a Series of target names indexed
        by source names. `None` takes the cells that have the same name in both views.

    Returns
    -------
    The link.

    Raises
    ------
    KeyError
        If a view does not exist, or lacks a cell.
    ValueError
        If no cell is shared, or a cell has more than one partner.
    """
    named = as_mapping(data)
    for view in (source, target):
        if view not in named:
            raise unknown_name("paired: view", view, named)
    names = [pd.Index(named[view].obs_names).astype(str) for view in (source, target)]
    if cells is None:
        common = names[0][names[0].isin(names[1])].unique()
        table = pd.DataFrame({"source": common, "target": common})
    elif isinstance(cells, pd.Series):
        table = pd.DataFrame({"source": cells.index.astype(str), "target": cells.astype(str).to_numpy()})
    elif isinstance(cells, pd.DataFrame):
        table = cells.reset_index(drop=True)
    else:
        raise type_error(
            "paired: `cells` must be a table.", found=type(cells).__name__, expected="a DataFrame or a Series"
        )
    if not len(table):
        raise value_error(
            f"paired link {source} -> {target}: no cell is shared.",
            found=f"{source}: {sample(names[0], 2)}; {target}: {sample(names[1], 2)}",
            expected="cells with the same name in both views",
            do="Give the pairs: cells=DataFrame with columns source and target.",
            cli={"do": "Name shared cells alike in both files, or leave out --paired."},
        )
    link = Paired(source, target, table)
    link.rows(*names)
    log.info("%s: %d shared cells (of %d and %d).", link, len(table), len(names[0]), len(names[1]))
    return link
