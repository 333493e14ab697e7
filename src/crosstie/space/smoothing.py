"""Averages over neighbours in the tissue that are alike: noise falls, and borders between types stay."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from crosstie._log import log
from crosstie._typing import Array, Floats, Index

N_PAIRS = 20_000  # of random cells, for what is alike by chance
SHARPNESS = 8.0  # of the kernel: neighbours as far apart as random cells weigh exp(-8)
BLOCK = 4096  # cells averaged at a time: their neighbours fit into the cache of a processor


def smoothed(z: Array, graph: sp.csr_matrix, *, seed: int = 0) -> Array:
    r"""Return coordinates averaged with those of neighbours in the tissue, as far as these are alike beyond chance.

    With :math:`d_0^2` the median squared distance of random pairs of cells, a neighbour has the weight
    :math:`w_{ij} = \exp(-8 \lVert z_i - z_j \rVert^2 / d_0^2)`, so that a neighbour of another type hardly counts. A
    cell is moved towards the weighted mean of its neighbours by the share :math:`e\,s_i / (s_i + 1)`, where
    :math:`s_i = \sum_j w_{ij}`, and :math:`e = 1 - \bar w_{\mathrm{random}} / \bar w` is 0 if neighbours are no more
    alike than random cells.

    Parameters
    ----------
    z
        Coordinates in the latent space, shape `(n_cells, n_latent)`.
    graph
        Neighbours of each cell, as `neighbours` returns them.
    seed
        Random seed of the pairs.

    Returns
    -------
    Shape `(n_cells, n_latent)`, float32; `z` itself where neighbours are no more alike than random cells.
    """
    if not graph.nnz:
        return z
    one, other = np.random.default_rng(seed).integers(len(z), size=(2, N_PAIRS))
    apart = _squared(z[one], z[other])
    scale = max(float(np.median(apart)), 1e-12) / SHARPNESS
    blocks = [slice(start, start + BLOCK) for start in range(0, len(z), BLOCK)]
    weights = [_weights(z, graph, block, scale) for block in blocks]
    likeness = sum(float(w.sum(dtype=np.float64)) for w in weights) / graph.nnz
    beyond = 1 - float(np.exp(-apart / scale).mean()) / max(likeness, 1e-300)
    if beyond <= 0:
        log.info("neighbours in the tissue are no more alike than random cells: nothing is averaged.")
        return z
    out = np.empty(z.shape, np.float32)
    for block, weight in zip(blocks, weights, strict=True):
        start, ends, near = _rows(graph, block)
        average = sp.csr_matrix((weight, near, ends), shape=(len(ends) - 1, len(z)))
        total = np.asarray(average.sum(1), dtype=np.float64)
        share = beyond * total / (total + 1)
        out[start : start + len(total)] = (1 - share) * z[block] + share * (average @ z) / np.maximum(total, 1e-30)
    return out


def _rows(graph: sp.csr_matrix, block: slice) -> tuple[int, Index, Index]:
    """Return the first cell of a block, and ends and numbers of its cells' neighbours."""
    pointer = graph.indptr[block.start : block.stop + 1]
    return block.start, pointer - pointer[0], graph.indices[pointer[0] : pointer[-1]]


def _weights(z: Array, graph: sp.csr_matrix, block: slice, scale: float) -> Floats:
    """Return the weight of every neighbour of the cells of a block."""
    start, ends, near = _rows(graph, block)
    cell = start + np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    return np.exp(-_squared(z.take(cell, axis=0), z.take(near, axis=0)) / scale)


def _squared(one: Array, other: Array) -> Floats:
    apart = one - other
    return np.einsum("ij,ij->i", apart, apart)
