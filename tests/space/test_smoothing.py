"""Averaging over alike neighbours: noise falls, borders stay, and without structure hardly anything moves."""

import numpy as np
import pytest
import scipy.sparse as sp

from crosstie.space import Positions, neighbours, smoothed


def tissue(n=800, *, structured=True, seed=0):
    """Return noisy coordinates of two types, the true ones, and a graph; each half of the tissue is of one type."""
    rng = np.random.default_rng(seed)
    xy = rng.random((n, 2))
    kind = (xy[:, 0] > 0.5) if structured else rng.random(n) > 0.5
    true = np.where(kind[:, None], 1.0, -1.0) * np.ones(6) / np.sqrt(6)
    z = (true + 0.25 * rng.standard_normal((n, 6))).astype(np.float32)
    return z, true, neighbours(Positions(xy, np.zeros(n, np.int64), ("s",)), 10), xy


def error(z, true):
    return np.square(z - true).sum(1)


def test_noise_falls_and_borders_are_not_blurred():
    z, true, graph, xy = tissue()
    found = smoothed(z, graph)
    assert error(found, true).mean() < 0.85 * error(z, true).mean()
    border = np.abs(xy[:, 0] - 0.5) < 0.02
    assert error(found[border], true[border]).mean() < error(z[border], true[border]).mean()


def test_without_structure_cells_hardly_move():
    z, _, graph, _ = tissue(structured=False)
    assert np.abs(smoothed(z, graph) - z).mean() < 0.05 * np.abs(z).mean()


def test_it_is_the_formula(monkeypatch):
    monkeypatch.setattr("crosstie.space.smoothing.BLOCK", 17)
    z, _, graph, _ = tissue(100)
    one, other = np.random.default_rng(0).integers(100, size=(2, 20_000))
    apart = ((z[one] - z[other]) ** 2).sum(1)
    w = np.exp(-8 * ((z[:, None] - z[None]) ** 2).sum(2) / np.median(apart)) * graph.toarray()
    e = 1 - np.exp(-8 * apart / np.median(apart)).mean() / (w.sum() / graph.nnz)
    s = w.sum(1)[:, None]
    assert 0 < e < 1
    assert np.allclose(smoothed(z, graph), z + e * s / (s + 1) * (w @ z / s - z), atol=1e-5)


@pytest.mark.parametrize("graph", [sp.csr_matrix((50, 50), dtype=np.int8), None])
def test_no_neighbours_or_unlike_ones_return_the_same_array(graph):
    z = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    if graph is None:  # every cell's neighbour is the most distant one
        far = ((z[:, None] - z[None]) ** 2).sum(2).argmax(1)
        graph = sp.csr_matrix((np.ones(50, np.int8), (np.arange(50), far)), shape=(50, 50))
    assert smoothed(z, graph) is z
