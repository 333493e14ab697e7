"""The columns of each view's coordinates during matching: shared directions, then linked columns of its edges.

A view has columns only for the edges it is on. With many views, columns for all edges would be mostly zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from crosstie._typing import Array, Edge, Index


@dataclass(frozen=True)
class Layout:
    """Position of the linked columns of each view among the linked columns of all edges.

    Parameters
    ----------
    edges
        The edges of each view, in order.
    own
        Positions of the linked columns of each view among all linked columns.
    n_columns
        Total number of linked columns over all edges.
    """

    edges: Mapping[str, list[Edge]]
    own: Mapping[str, Index]
    n_columns: int

    @classmethod
    def of(cls, views: Mapping[str, Array], blocks: Mapping[Edge, tuple[Array, Array]]) -> Layout:
        """Lay out the columns of all edges, given the maps from components to linked columns."""
        ends = np.cumsum([0, *(p.shape[1] for p, _ in blocks.values())])
        at = {edge: np.arange(start, end) for edge, start, end in zip(blocks, ends[:-1], ends[1:], strict=True)}
        edges = {view: [edge for edge in blocks if view in edge] for view in views}
        own = {view: np.concatenate([at[edge] for edge in on]) for view, on in edges.items()}
        return cls(edges, own, int(ends[-1]))

    def aligner(self, edge: Edge) -> Callable[[Array, Array], tuple[Array, Array]]:
        """Return a function that puts the coordinates of both views of an edge into common columns, zero-filled."""
        ours = [self.own[view] for view in edge]
        if np.array_equal(ours[0], ours[1]):
            return lambda x, y: (x, y)
        union = np.union1d(*ours)
        places = [np.searchsorted(union, own) for own in ours]

        def align(x: Array, y: Array) -> tuple[Array, Array]:
            n_directions = x.shape[1] - len(places[0])
            out = []
            for z, place in zip((x, y), places, strict=True):
                wide = np.zeros((len(z), n_directions + len(union)), np.float32)
                wide[:, :n_directions] = z[:, :n_directions]
                wide[:, n_directions + place] = z[:, n_directions:]
                out.append(wide)
            return out[0], out[1]

        return align

    def leading_axes(self, z: Mapping[str, Array], n_axes: int) -> dict[str, Array]:
        """Return the principal axes of all views, weighted equally, restricted to each view's columns.

        Parameters
        ----------
        z
            Coordinates of each view during matching, shape `(n_cells, n_columns_of_the_view)`.
        n_axes
            Number of axes.

        Returns
        -------
        A matrix for each view, shape `(n_columns_of_the_view, n_axes)`.
        """
        n_directions = next(x.shape[1] - len(self.own[view]) for view, x in z.items())
        width = n_directions + self.n_columns
        place = {v: np.concatenate([np.arange(n_directions), n_directions + own]) for v, own in self.own.items()}
        mean, square = np.zeros(width), np.zeros((width, width))
        for view, x in z.items():
            mean[place[view]] += x.mean(0, dtype=np.float64) / len(z)
            square[np.ix_(place[view], place[view])] += x.T @ x / len(x) / len(z)
        vectors = np.linalg.eigh(square - np.outer(mean, mean))[1][:, ::-1][:, :n_axes].astype(np.float32)
        return {view: vectors[rows] for view, rows in place.items()}
