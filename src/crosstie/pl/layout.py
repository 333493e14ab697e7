"""The layout of the joint picture: UMAP's objective, minimised over all edges at once with sparse matrices.

umap-learn moves the two ends of one edge at a time, in code that is compiled anew in every process. Here one step moves
all cells: edges pull by their full weight instead of being drawn in proportion to it, and every cell is pushed away by
`2 * N_SHIFTS` others drawn at random. Nothing has to be compiled, and neighbourhoods are kept as well
(docs/decisions.md).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from crosstie._typing import Array, Floats
from crosstie.anchors.neighbours import nearest

N_STEPS = 300
N_SHIFTS = 8  # one shift pushes each cell away from two others
FIRST_STEP = 2.0  # step length, in means over a cell's neighbours; falls linearly to zero
SPREAD = 1.036  # closeness on the plane is 1 / (1 + SPREAD d²): UMAP's curve for min_dist=0.3, with b = 1
PUSH = 2.5  # weight of all pushes against all pulls: umap-learn draws 5 cells for an edge that moves both ends
LONGEST = 4.0  # longest single push, and longest step, as in umap-learn


def plane_layout(joint: Floats, *, n_neighbors: int, seed: int) -> NDArray[np.float32]:
    """Bring cells to the plane so that neighbours stay neighbours.

    Parameters
    ----------
    joint
        Coordinates, shape `(n_cells, n_latent)`.
    n_neighbors
        Neighbours of each cell that pull it, the cell itself counted, as in umap-learn.
    seed
        Seed of the cells that push each other away.

    Returns
    -------
    Coordinates on the plane, shape `(n_cells, 2)`.

    References
    ----------
    McInnes et al., arXiv 1802.03426, 2018, for the objective.
    """
    rng = np.random.default_rng(seed)
    n_cells = len(joint)
    graph = neighbour_graph(joint, n_neighbors)
    weight, n_edges = graph.data, len(graph.data)
    head, tail = graph.row.astype(np.int64), graph.col.astype(np.int64)
    ends = np.concatenate([head, tail])
    sign = np.repeat(np.array([1, -1], np.float32), n_edges)
    to_ends = sp.csr_array((sign, (ends, np.tile(np.arange(n_edges), 2))), shape=(n_cells, n_edges))
    degree = np.bincount(ends, np.tile(weight, 2), n_cells).astype(np.float32)
    pull_share = -2 * SPREAD / np.maximum(degree, 1)
    push_share = PUSH / (2 * N_SHIFTS) * degree / np.maximum(degree, 1)

    start = principal_plane(joint)
    start = (10 * start / max(np.abs(start).max(), 1e-12)).astype(np.float32)
    start += rng.normal(scale=1e-4, size=start.shape).astype(np.float32)  # equal cells part
    xy = np.ascontiguousarray(start.T)  # two rows: every step runs along them
    for i in range(N_STEPS):
        apart = np.stack([row.take(head) - row.take(tail) for row in xy])
        force = weight / (1 + SPREAD * _squared(apart)) * apart
        step = pull_share * np.stack([to_ends @ row for row in force])
        order = rng.permutation(n_cells)
        step[:, order] += push_share[order] * _pushes(xy[:, order], rng.integers(1, n_cells, N_SHIFTS))
        xy += np.float32(FIRST_STEP * (1 - i / N_STEPS)) * np.clip(step, -LONGEST, LONGEST)
    return np.ascontiguousarray(xy.T)


def _pushes(shuffled: Array, shifts: NDArray[np.int64]) -> Array:
    """Return the pushes between shuffled cells and those `shifts` places before them, shape `(2, n_cells)`.

    Both of two cells are pushed as much, away from each other.
    """
    n_cells = shuffled.shape[1]
    twice = np.concatenate([shuffled, shuffled], axis=1)
    total = np.zeros_like(shuffled)
    for shift in shifts:
        apart = shuffled - twice[:, n_cells - shift : 2 * n_cells - shift]
        squared = _squared(apart)
        force = 2 / ((0.001 + squared) * (1 + SPREAD * squared)) * apart
        np.clip(force, -LONGEST, LONGEST, out=force)
        total += force
        total[:, : n_cells - shift] -= force[:, shift:]
        total[:, n_cells - shift :] -= force[:, :shift]
    return total


def _squared(x: Array) -> Array:
    """Return the squared length of vectors, one in each column of two rows."""
    return x[0] * x[0] + x[1] * x[1]


def neighbour_graph(joint: Floats, n_neighbors: int) -> sp.coo_array:
    """Return UMAP's graph of neighbours, each edge once: how surely one of two cells is among the other's neighbours.

    A cell's nearest neighbour has weight 1, and the weights of all its neighbours sum to log2 of their number.
    """
    n_cells = len(joint)
    squared, row = nearest(joint, joint, min(n_neighbors, n_cells - 1))
    distance = np.sqrt(np.maximum(squared, 0))
    floor = np.where(distance > 0, distance, np.inf).min(axis=1, keepdims=True)
    beyond = np.maximum(distance - np.where(np.isfinite(floor), floor, 0), 0)
    beyond[row == np.arange(n_cells)[:, None]] = np.inf  # no cell is its own neighbour
    least = 1e-3 * float(distance.mean()) + 1e-12
    low, width, target = np.zeros((n_cells, 1)), np.ones((n_cells, 1)), np.log2(row.shape[1])
    high = np.full_like(low, np.inf)
    for _ in range(32):  # bisection, once there is an upper bound
        wide = np.exp(-beyond / width).sum(axis=1, keepdims=True) > target
        low, high = np.where(wide, low, width), np.where(wide, width, high)
        width = np.where(np.isinf(high), 2 * width, (low + high) / 2)
    weight = np.exp(-beyond / np.maximum(width, least)).astype(np.float32)
    one_way = sp.csr_array((weight.ravel(), (np.repeat(np.arange(n_cells), row.shape[1]), row.ravel())))
    one_way.resize((n_cells, n_cells))
    both = one_way + one_way.T - one_way.multiply(one_way.T)
    graph = sp.coo_array(sp.triu(both, 1))
    seen = graph.data >= graph.data.max(initial=0) / N_STEPS
    return sp.coo_array((graph.data[seen], (graph.row[seen], graph.col[seen])), shape=graph.shape)


def principal_plane(joint: Floats) -> Floats:
    """Return the first two principal components, shape `(n_cells, 2)`; zeros where there are fewer."""
    u, s, loadings = np.linalg.svd(joint - joint.mean(axis=0), full_matrices=False)
    scores = (u * s)[:, :2]
    largest = loadings[np.arange(scores.shape[1]), np.abs(loadings[:2]).argmax(axis=1)]
    scores = scores * np.where(largest < 0, -1, 1)  # the sign is the library's whim
    return np.pad(scores, ((0, 0), (0, max(0, 2 - scores.shape[1]))))
