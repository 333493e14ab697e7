"""The input of training: plain arrays, checked before the first step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from crosstie._errors import unknown_name, value_error
from crosstie._typing import Array, Edge, Labels

if TYPE_CHECKING:
    from crosstie.anchors.pairs import Anchors
    from crosstie.config import Config


@dataclass(frozen=True, kw_only=True)
class Problem:
    """The arrays of one training.

    Parameters
    ----------
    inputs
        What the networks of each view read, shape `(n_cells, n_inputs)`.
    edges
        The linked pairs of views, `(source, target)`.
    anchors
        Weighted pairs of cells of every edge; for `anchor_scope="global"`.
    linked
        Linked columns of the two sides of every edge, shapes `(n_cells, n_columns)`; for `anchor_scope="batch"`
        and `keep="best"`.
    closed
        Closed-form coordinates of each view, shape `(n_cells, n_latent)`; for the term `hold`.
    linear
        Closed-form map of each view: a matrix `(n_inputs, n_latent)` and an offset `(n_latent,)`, so that the
        coordinates are `inputs @ matrix + offset`; for residual networks.
    batches
        Batch of each cell, for views with batches; minibatches hold equally many cells of each.

    Raises
    ------
    KeyError
        If an edge or an array names a view that has no inputs.
    ValueError
        If shapes do not match, a value is not finite, or an anchor points outside its view.
    """

    inputs: Mapping[str, Array]
    edges: tuple[Edge, ...]
    anchors: Mapping[Edge, Anchors] = field(default_factory=dict)
    linked: Mapping[Edge, tuple[Array, Array]] = field(default_factory=dict)
    closed: Mapping[str, Array] = field(default_factory=dict)
    linear: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)
    batches: Mapping[str, Labels] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for view, x in self.inputs.items():
            _check_matrix(f"inputs of {view}", x)
            if len(x) < 2:
                raise value_error(f"inputs of {view}: too few cells.", found=f"{len(x)}", expected="at least 2")
        if not self.edges or len({frozenset(edge) for edge in self.edges}) < len(self.edges):
            raise value_error("edges: at least one, and each once.", found=", ".join(map(_name, self.edges)) or "none")
        for edge in self.edges:
            for view in edge:
                self._check_view(f"edge {_name(edge)}", view)
            if edge[0] == edge[1]:
                raise value_error(f"edge {_name(edge)}: a view cannot be linked to itself.")
        for edge, pairs in self.anchors.items():
            self._check_edge("anchors", edge)
            for view, rows in zip(edge, (pairs.source, pairs.target), strict=True):
                if len(rows) and (rows.min() < 0 or rows.max() >= len(self.inputs[view])):
                    raise value_error(
                        f"anchors {_name(edge)}: row numbers point outside {view}.",
                        found=f"{rows.min()} to {rows.max()}",
                        expected=f"0 to {len(self.inputs[view]) - 1}",
                    )
            if not (np.isfinite(pairs.weight).all() and (pairs.weight >= 0).all()):
                raise value_error(f"anchors {_name(edge)}: weights must be finite and not negative.")
        for edge, sides in self.linked.items():
            self._check_edge("linked columns", edge)
            for view, x in zip(edge, sides, strict=True):
                _check_matrix(f"linked columns {_name(edge)}, {view}", x, n_rows=len(self.inputs[view]))
            if sides[0].shape[1] != sides[1].shape[1]:
                raise value_error(
                    f"linked columns {_name(edge)}: the sides differ in their number of columns.",
                    found=f"{sides[0].shape[1]} and {sides[1].shape[1]}",
                )
        for view, batch in self.batches.items():
            self._check_view("batches", view)
            if len(batch) != len(self.inputs[view]):
                raise value_error(
                    f"batches of {view}: not one per cell.",
                    found=f"{len(batch):,}",
                    expected=f"{len(self.inputs[view]):,}",
                )
        for view, z in self.closed.items():
            self._check_view("closed-form coordinates", view)
            _check_matrix(f"closed-form coordinates of {view}", z, n_rows=len(self.inputs[view]))
        for view, (matrix, offset) in self.linear.items():
            self._check_view("closed-form map", view)
            _check_matrix(f"closed-form map of {view}", matrix, n_rows=self.inputs[view].shape[1])
            if np.shape(offset) != (matrix.shape[1],) or not np.isfinite(offset).all():
                raise value_error(
                    f"closed-form map of {view}: the offset does not fit the matrix.",
                    found=f"shape {np.shape(offset)}, finite: {bool(np.isfinite(offset).all())}",
                    expected=f"shape {(matrix.shape[1],)}, finite",
                )

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the views."""
        return tuple(self.inputs)

    @property
    def n_inputs(self) -> dict[str, int]:
        """Number of inputs of each view's networks."""
        return {view: x.shape[1] for view, x in self.inputs.items()}

    def require(self, config: Config) -> None:
        """Raise `ValueError` if these settings need something that the problem lacks."""
        for edge in self.edges:
            if config.anchors > 0 and config.anchor_scope == "global":
                self._require_anchors(edge)
            for used, why in (
                (config.anchors > 0 and config.anchor_scope == "batch", "anchor_scope='batch'"),
                (config.keep == "best", "keep='best'"),
            ):
                if used and edge not in self.linked:
                    raise value_error(f"edge {_name(edge)}: {why} needs its linked columns.")
        if config.hold > 0:
            for view in self.views:
                if view not in self.closed:
                    raise value_error(f"view {view}: the term 'hold' needs its closed-form coordinates.")
        for view in self.views:
            found = {}
            if config.hold > 0 and view in self.closed:
                found["coordinates"] = self.closed[view].shape[1]
            if "residual" in (config.encoder, config.decoder):
                if view not in self.linear:
                    raise value_error(
                        f"view {view}: a residual network needs its closed-form map.",
                        do="Give Problem(linear=...), or set encoder='mlp' and decoder='mlp'.",
                    )
                found["map"] = self.linear[view][0].shape[1]
            for what, n_latent in found.items():
                if n_latent != config.n_latent:
                    raise value_error(
                        f"view {view}: the closed-form {what} and n_latent differ.",
                        found=f"{n_latent} and {config.n_latent}",
                        expected="one number of latent coordinates",
                    )

    def _require_anchors(self, edge: Edge) -> None:
        if edge not in self.anchors or not self.anchors[edge].weight.sum() > 0:
            found = "no set of anchors" if edge not in self.anchors else f"{len(self.anchors[edge]):,} pairs"
            raise value_error(
                f"edge {_name(edge)}: there are no anchors to train on.",
                found=found + ", none of weight above 0",
                expected="at least one pair of cells",
                do="Link more features of the two views, or take more neighbours.",
            )

    def _check_view(self, what: str, view: str) -> None:
        if view not in self.inputs:
            raise unknown_name(f"{what}, view", view, self.inputs)

    def _check_edge(self, what: str, edge: Edge) -> None:
        if edge not in self.edges:
            raise unknown_name(f"{what}, edge", _name(edge), map(_name, self.edges))


def _name(edge: Edge) -> str:
    return " -> ".join(edge)


def _check_matrix(what: str, x: Array, *, n_rows: int | None = None) -> None:
    if np.ndim(x) != 2 or x.shape[1] == 0 or n_rows not in (None, len(x)):
        rows = "n" if n_rows is None else f"{n_rows:,}"
        raise value_error(f"{what}: wrong shape.", found=str(np.shape(x)), expected=f"({rows}, at least 1)")
    if not np.isfinite(x.sum(dtype=np.float64)):  # one pass and no mask: any NaN or infinity reaches the sum
        raise value_error(f"{what}: some values are not finite.")
