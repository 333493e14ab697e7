"""Exact nearest neighbours in the latent space: computed once, then read by every metric that needs them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from crosstie._typing import Index
from crosstie.metrics._inputs import Doubles, at_least_one, coordinates


@dataclass(frozen=True)
class Neighbours:
    """The `k` nearest reference cells of each query cell, nearest first.

    Parameters
    ----------
    distance
        Euclidean distances, shape `(n_queries, k)`.
    index
        Row numbers in the reference, shape `(n_queries, k)`.
    """

    distance: Doubles
    index: Index


def neighbours(z_reference: ArrayLike, z_query: ArrayLike, k: int, *, own: Index | None = None) -> Neighbours:
    """Nearest reference cells of each query cell, by brute force in double precision.

    Parameters
    ----------
    z_reference, z_query
        Latent coordinates, shapes `(n_reference, n_latent)` and `(n_queries, n_latent)`.
    k
        Number of neighbours; fewer where the reference has fewer.
    own
        Row of each query cell in the reference, shape `(n_queries,)`, where the queries are reference cells. A cell is
        then not its own neighbour; another cell in the same place is.

    Returns
    -------
    Neighbours, nearest first.
    """
    z_reference = coordinates(z_reference, what="neighbours, reference")
    z_query = coordinates(z_query, what="neighbours, query")
    k = min(at_least_one(k, what="neighbours"), len(z_reference) - (own is not None))
    if k == 0:
        return Neighbours(np.empty((len(z_query), 0)), np.empty((len(z_query), 0), dtype=np.int64))
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(algorithm="brute").fit(z_reference)
    distance, index = search.kneighbors(z_query, k + (own is not None))
    if own is not None:
        other = index != np.asarray(own)[:, None]
        other[other.all(axis=1), -1] = False  # duplicates hid the cell itself: drop the last instead
        distance, index = distance[other].reshape(-1, k), index[other].reshape(-1, k)
    return Neighbours(distance, index.astype(np.int64))
