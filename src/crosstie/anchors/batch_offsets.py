"""Batch correction: subtracts the offset of each batch from its coordinates, cluster by cluster.

It works on the common coordinates, after the views have been matched. There, one set of clusters serves all views, and
what batches of two views share (such as the donor) has already helped the match (docs/decisions.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from crosstie._errors import value_error
from crosstie._typing import Array, Labels
from crosstie.anchors.linear import unit_rows

SOFTNESS = 0.25  # of cluster membership, in units of the cosine (docs/decisions.md)
CELLS_PER_CLUSTER, MAX_CLUSTERS = 30, 100
N_ITERATIONS, N_SETTLE = 10, 5
MAX_SAMPLE = 50_000  # cells from which the clusters are found


@dataclass(frozen=True)
class Offsets:
    """The offset of each batch in each cluster, subtracted from the coordinates of its cells (method.md, eq. 18).

    Parameters
    ----------
    centroids
        Cluster centres, unit vectors, shape `(n_clusters, n_latent)`.
    names
        Names of the batches, for each view that has batches.
    shifts
        Mean of each batch minus the mean of its view, in each cluster, shape `(n_batches, n_clusters, n_latent)`.
    """

    centroids: Array = field(repr=False)
    names: Mapping[str, tuple[str, ...]]
    shifts: Mapping[str, Array] = field(repr=False)

    @classmethod
    def fit(
        cls,
        z: Mapping[str, Array],
        batches: Mapping[str, Labels],
        *,
        to: str | None = None,
        centroids: Array | None = None,
        seed: int = 0,
    ) -> Offsets:
        """Estimate the offsets of all batches.

        Parameters
        ----------
        z
            Common coordinates of each view, rows of length 1, shape `(n_cells, n_latent)`.
        batches
            Batch of each cell, for the views that have batches.
        to
            Name of the reference batch, which does not move; `None` moves all batches of a view to the mean of the
            view.
        centroids
            Cluster centres to use as they are; `None` finds them by k-means and updates them.
        seed
            Seed of the k-means that finds the first clusters.

        References
        ----------
        Korsunsky et al., Nature Methods 16, 1289 (2019), for linear corrections mixed over soft clusters. Its diversity
        penalty made no difference here and is left out.
        """
        coded = {view: np.unique(np.asarray(batch, dtype=str), return_inverse=True) for view, batch in batches.items()}
        names = {view: tuple(map(str, found)) for view, (found, _) in coded.items()}
        known = centroids
        centroids = _first_centroids(z, seed) if known is None else known
        now = dict(z)
        shifts: dict[str, Array] = {}
        for _ in range(N_ITERATIONS):
            share = {view: _membership(x, centroids) for view, x in now.items()}
            for view, (_, code) in coded.items():
                middle = names[view].index(to) if to is not None else None
                shifts[view] = batch_shifts(z[view], share[view], code, len(names[view]), middle)
                now[view] = _taken_off(z[view], share[view], shifts[view], code)
            if known is None:
                centroids = unit_rows(np.sum([share[view].T @ now[view] for view in now], axis=0))
        return cls(centroids, names, shifts)

    def corrected(self, view: str, z: Array, batch: Labels) -> Array:
        """Return coordinates corrected for their batch, scaled to length 1.

        Parameters
        ----------
        view
            Name of the view that the cells belong to.
        z
            Coordinates of the cells, shape `(n_cells, n_latent)`.
        batch
            Batch of each cell; cells of a batch that was not fitted are returned unchanged.
        """
        if view not in self.shifts:
            return z
        if len(batch) != len(z):
            raise value_error("batches: not one per cell.", found=f"{len(batch):,}", expected=f"{len(z):,}")
        number = {name: i for i, name in enumerate(self.names[view])}
        code = np.array([number.get(str(name), -1) for name in batch])
        fitted = code >= 0
        out, start = z.copy(), z[fitted]
        now = start
        for _ in range(N_SETTLE):  # membership is that of the corrected cell: a fixed point, soon reached
            now = _taken_off(start, _membership(now, self.centroids), self.shifts[view], code[fitted])
        out[fitted] = now
        return out


def _first_centroids(z: Mapping[str, Array], seed: int) -> Array:
    rng = np.random.default_rng(seed)
    most = max(1, MAX_SAMPLE // len(z))
    sample = [x if len(x) <= most else x[rng.choice(len(x), most, replace=False)] for x in z.values()]
    n_clusters = int(np.clip(min(map(len, z.values())) / CELLS_PER_CLUSTER, 2, MAX_CLUSTERS))
    from sklearn.cluster import KMeans  # with scipy.stats behind it, a third of the time that Model takes to import

    means = KMeans(n_clusters, n_init=1, max_iter=25, random_state=seed).fit(np.vstack(sample)).cluster_centers_
    return unit_rows(means)


def _membership(z: Array, centroids: Array) -> Array:
    cosine = z @ centroids.T / np.float32(SOFTNESS)
    share = np.exp(cosine - cosine.max(1, keepdims=True))
    return share / share.sum(1, keepdims=True)


def batch_shifts(z: Array, share: Array, code: np.ndarray, n_batches: int, to: int | None) -> Array:
    """Return the offset of each batch from the mean of its view, or from one reference batch, in each cluster.

    Offsets are shrunk towards zero where the batch, or the reference batch, has few cells in the cluster.
    """
    total = np.stack([share[code == b].T @ z[code == b] for b in range(n_batches)])
    weight = np.stack([share[code == b].sum(0) for b in range(n_batches)])[:, :, None]
    means = total / np.maximum(weight, 1e-9)
    few = weight / (weight + 1)
    if to is None:
        middle = total.sum(0) / np.maximum(weight.sum(0), 1e-9)
    else:
        middle, few = means[to], few * few[to]
    return ((means - middle) * few).astype(np.float32)


def _taken_off(z: Array, share: Array, shifts: Array, code: np.ndarray) -> Array:
    out = z.copy()
    for b, shift in enumerate(shifts):
        rows = code == b
        out[rows] -= share[rows] @ shift
    return unit_rows(out)
