"""A link: features of two views that are expected to vary together. An edge of the graph of views (`linkage`).

Pairs are grouped into *columns*: a protein with three genes is one column and counts once. On each side, a column is
the weighted mean of its features. A negative weight says that two features move in opposite directions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import type_error, unknown_name, value_error
from crosstie._log import log

Names = Sequence[str] | pd.Index
Origin = Literal[
    "pairs",
    "name",
    "packaged table",
    "given table",
    "var column",
    "packaged table and var column",
    "correlation",
    "distance",
    "reference",
]


@dataclass(frozen=True)
class Link:
    """Linked features of two views.

    Parameters
    ----------
    source, target
        Names of the two views.
    pairs
        One row per pair of features, with columns `source`, `target` (feature names, as in `var_names` of the views),
        `column` (number of the column that the pair belongs to) and `weight` (relative to the other weights of the
        column; not 0, and below 0 if one feature is high where the other is low).
    report
        One row per feature that was looked up, with columns `feature`, `status` (`"linked"` or why not), `entry`,
        `targets` and `reason`: what `crosstie links` prints.
    origin
        How the pairs were found; `"pairs"` if they were given as they are, or the link is from a model that was saved
        without its origin.
    """

    source: str
    target: str
    pairs: pd.DataFrame
    report: pd.DataFrame
    origin: Origin = "pairs"

    def __post_init__(self) -> None:
        if self.source == self.target:
            raise value_error(
                f"link {self.source} -> {self.target}: a view cannot be linked to itself.", expected="two views"
            )
        if not isinstance(self.pairs, pd.DataFrame):
            raise type_error("link: `pairs` must be a table.", found=type(self.pairs).__name__, expected="a DataFrame")
        missing = {"source", "target", "column", "weight"} - set(self.pairs.columns)
        if missing:
            raise value_error(
                "link: the table of pairs lacks columns.",
                found=f"missing {sorted(missing)}",
                expected="source, target, column, weight",
            )
        weight = pd.to_numeric(self.pairs["weight"], errors="coerce").to_numpy(float)
        wrong = ~(np.isfinite(weight) & (weight != 0))
        if wrong.any():
            raise value_error(
                f"link {self}: weights must be finite and not 0.",
                found=f"{self.pairs['weight'].iloc[int(wrong.argmax())]!r} in row {int(wrong.argmax()) + 1}",
                do="Remove the pairs that should not count.",
            )

    def __repr__(self) -> str:
        return f"Link {self}: {self.n_columns:,} columns of {len(self.pairs):,} pairs of features ({self.origin})"

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"

    @property
    def edge(self) -> tuple[str, str]:
        """The two views' names, source first."""
        return self.source, self.target

    @property
    def n_columns(self) -> int:
        """Number of columns: of independent linked quantities."""
        return int(self.pairs["column"].nunique())

    def reversed(self) -> Link:
        """Return the same link seen from the target view."""
        pairs = self.pairs.rename(columns={"source": "target", "target": "source"})
        return replace(self, source=self.target, target=self.source, pairs=pairs)

    def renamed(self, view: str, name: str) -> Link:
        """Return the same link with another name for one of its views."""
        source, target = (name if v == view else v for v in self.edge)
        return replace(self, source=source, target=target)

    def check_features(self, features: Mapping[str, Names]) -> None:
        """Raise `KeyError` if a pair names a feature that its view lacks.

        Parameters
        ----------
        features
            Names of all features of each view.
        """
        for side, view in zip(("source", "target"), self.edge, strict=True):
            named = pd.Index(self.pairs[side].unique())
            lacking = named[~named.isin(features[view])]
            if len(lacking):
                what = f"link {self}: view {view!r} lacks {len(lacking):,} of its {len(named):,} features, the first"
                raise unknown_name(what, lacking[0], features[view])

    def restricted(self, source_names: Names, target_names: Names) -> Link:
        """Return the link with only the pairs whose features are among the names; the report is unchanged."""
        there = self.pairs["source"].isin(source_names) & self.pairs["target"].isin(target_names)
        if not there.all():
            log.info(
                "link %s: %d pairs are ignored, because one of their features is not used.", self, int((~there).sum())
            )
        return replace(self, pairs=self.pairs[there])

    def projections(self, source_names: Names, target_names: Names) -> tuple[sp.csr_array, sp.csr_array]:
        """Return the two sparse maps from features to columns.

        Parameters
        ----------
        source_names, target_names
            Feature names in the order of the matrices that will be multiplied.

        Returns
        -------
        Matrices of shape `(n_features, n_columns)`, one per side; the absolute values of every column sum to 1.

        Raises
        ------
        KeyError
            If a pair names a feature that its side lacks.
        """
        column = np.unique(self.pairs["column"].to_numpy(), return_inverse=True)[1]
        weights = self._side_weights(column)
        out = []
        for side, names, weight in (
            ("source", source_names, weights[0]),
            ("target", target_names, weights[1]),
        ):
            where = pd.Index(names).get_indexer(pd.Index(self.pairs[side]))
            if (where < 0).any():
                raise unknown_name(f"link {self}, {side} feature", self.pairs[side].iloc[int(where.argmin())], names)
            shape = (len(names), int(column.max()) + 1 if len(column) else 0)
            entries = sp.coo_array((weight, (where, column)), shape=shape).tocsr()
            total = abs(entries).sum(0)
            out.append(sp.csr_array(entries / np.where(total > 0, total, 1)[None, :]))
        return out[0], out[1]

    def _side_weights(self, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the weight of every pair on either side: the same, unless a column has negative weights.

        Then the sign of a pair is the product of the signs of its two features, as far as that is possible: those of
        the leading singular vectors of the column's weights. It does not depend on which view is the source.
        """
        weight = self.pairs["weight"].to_numpy(float)
        sides = weight.copy(), weight.copy()
        for c in np.unique(column[weight < 0]):
            rows = np.flatnonzero(column == c)
            source, target = (
                np.unique(self.pairs[s].to_numpy()[rows], return_inverse=True)[1] for s in ("source", "target")
            )
            table = np.zeros((source.max() + 1, target.max() + 1))
            np.add.at(table, (source, target), weight[rows])
            left, _, right = np.linalg.svd(table, full_matrices=False)
            signs = [np.where(vector < 0, -1.0, 1.0) for vector in (left[:, 0], right[0])]
            fewer = int(table.shape[1] <= table.shape[0])
            turned = -1.0 if signs[fewer].sum() < 0 else 1.0  # a single feature counts as it is
            sides[0][rows] = np.abs(weight[rows]) * turned * signs[0][source]
            sides[1][rows] = np.abs(weight[rows]) * turned * signs[1][target]
        return sides
