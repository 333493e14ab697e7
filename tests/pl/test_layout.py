"""Neighbours stay neighbours on the plane, as they do in umap-learn; few or equal cells do no harm."""

import numpy as np
import pytest

from crosstie.anchors.neighbours import nearest
from crosstie.pl.layout import neighbour_graph, plane_layout, principal_plane


def clusters(n_cells=600, n_clusters=6, n_latent=10, seed=0):
    rng = np.random.default_rng(seed)
    label = np.arange(n_cells) % n_clusters
    centre = rng.normal(scale=3, size=(n_clusters, n_latent))
    return (centre[label] + rng.normal(size=(n_cells, n_latent))).astype(np.float32), label


def kept(joint, xy, k=15):
    """Return the share of each cell's neighbours that are its neighbours on the plane."""
    before, after = (nearest(x, x, k + 1)[1] for x in (joint, xy))
    return np.mean([len(set(a) & set(b)) - 1 for a, b in zip(before, after, strict=True)]) / k


def test_neighbours_are_kept_and_clusters_apart():
    joint, label = clusters()
    xy = plane_layout(joint, n_neighbors=15, seed=0)
    assert xy.dtype == np.float32
    assert kept(joint, xy) > 0.35
    assert kept(joint, xy) > 1.5 * kept(joint, principal_plane(joint).astype(np.float32))
    assert (label[nearest(xy, xy, 2)[1][:, 1]] == label).mean() > 0.98


@pytest.mark.slow
def test_as_good_as_umap_learn():
    pytest.importorskip("umap")
    from crosstie.pl.joint_umap import _umap_learn

    joint, _ = clusters()
    theirs = kept(joint, np.ascontiguousarray(_umap_learn(joint, 15, 0)))
    assert kept(joint, plane_layout(joint, n_neighbors=15, seed=0)) > 0.98 * theirs


def test_the_seed_decides():
    joint, _ = clusters(n_cells=60)
    one, same, other = (plane_layout(joint, n_neighbors=15, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.1


def test_graph_is_that_of_umap_learn():
    umap = pytest.importorskip("umap.umap_")
    joint, _ = clusters(n_cells=200)
    squared, row = nearest(joint, joint, 15)
    oracle, *_ = umap.fuzzy_simplicial_set(
        joint, 15, np.random.RandomState(0), "euclidean", knn_indices=row, knn_dists=np.sqrt(squared)
    )
    graph = neighbour_graph(joint, 15)
    assert (graph.row < graph.col).all()
    np.testing.assert_allclose(graph.data, np.asarray(oracle.todense())[graph.row, graph.col], atol=1e-4)
    assert oracle.nnz / 2 - graph.nnz <= 0.02 * graph.nnz  # edges too weak to matter are left out


@pytest.mark.parametrize("n_cells", [5, 16, 40])
@pytest.mark.parametrize("n_latent", [1, 2, 30])
def test_few_cells(n_cells, n_latent):
    joint = np.random.default_rng(0).normal(size=(n_cells, n_latent)).astype(np.float32)
    xy = plane_layout(joint, n_neighbors=15, seed=0)
    assert xy.shape == (n_cells, 2)
    assert np.isfinite(xy).all()


def test_equal_cells_part():
    joint = np.ones((50, 4), np.float32)
    xy = plane_layout(joint, n_neighbors=15, seed=0)
    assert np.isfinite(xy).all()
    assert len(np.unique(xy, axis=0)) == 50


def test_principal_plane():
    rng = np.random.default_rng(0)
    joint = rng.normal(size=(30, 4)) * [5, 2, 1, 1]
    plane = principal_plane(joint)
    np.testing.assert_allclose(np.abs(np.corrcoef(plane.T, joint.T[:2])[[0, 1], [2, 3]]), 1, atol=0.1)
    np.testing.assert_allclose(plane.mean(axis=0), 0, atol=1e-9)
    assert principal_plane(joint[:, :1]).shape == (30, 2)
    assert not principal_plane(joint[:, :1])[:, 1].any()
