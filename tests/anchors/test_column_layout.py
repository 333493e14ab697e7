import numpy as np
import pytest

from crosstie.anchors.column_layout import Layout

BLOCKS = {("a", "b"): 3, ("b", "c"): 2, ("c", "d"): 0, ("a", "d"): 4}
VIEWS = ("a", "b", "c", "d")
N_DIRECTIONS = 2


@pytest.fixture
def layout():
    rng = np.random.default_rng(0)
    blocks = {edge: (rng.normal(size=(5, n)), rng.normal(size=(5, n))) for edge, n in BLOCKS.items()}
    return Layout.of(dict.fromkeys(VIEWS), blocks)


@pytest.fixture
def z(layout):
    rng = np.random.default_rng(1)
    sizes = dict(zip(VIEWS, (30, 20, 25, 40), strict=True))
    return {v: rng.normal(size=(n, N_DIRECTIONS + len(layout.own[v]))).astype(np.float32) for v, n in sizes.items()}


def wide(layout, view, z):
    """The coordinates with the columns of all edges, zero where the view has none."""
    out = np.zeros((len(z), N_DIRECTIONS + layout.n_columns))
    out[:, :N_DIRECTIONS] = z[:, :N_DIRECTIONS]
    out[:, N_DIRECTIONS + layout.own[view]] = z[:, N_DIRECTIONS:]
    return out


def test_columns_of_each_view(layout):
    assert layout.n_columns == 9
    assert {v: own.tolist() for v, own in layout.own.items()} == {
        "a": [0, 1, 2, 5, 6, 7, 8],
        "b": [0, 1, 2, 3, 4],
        "c": [3, 4],
        "d": [5, 6, 7, 8],
    }
    assert layout.edges["d"] == [("c", "d"), ("a", "d")]


@pytest.mark.parametrize("edge", list(BLOCKS))
def test_aligned_coordinates_have_the_products_of_the_whole(layout, z, edge):
    x, y = layout.aligner(edge)(*(z[v] for v in edge))
    expected = [wide(layout, v, z[v]) for v in edge]
    np.testing.assert_allclose(x @ y.T, expected[0] @ expected[1].T, atol=1e-5)
    np.testing.assert_allclose(x @ x.T, expected[0] @ expected[0].T, atol=1e-5)
    np.testing.assert_allclose(y @ y.T, expected[1] @ expected[1].T, atol=1e-5)


def test_views_with_the_same_edges_are_taken_as_they_are():
    layout = Layout.of(dict.fromkeys("ab"), {("a", "b"): (np.ones((5, 3)), np.ones((5, 3)))})
    x, y = np.ones((4, 5), np.float32), np.ones((6, 5), np.float32)
    found = layout.aligner(("a", "b"))(x, y)
    assert found[0] is x
    assert found[1] is y


def test_axes_are_those_of_the_whole(layout, z):
    whole = [wide(layout, v, x) for v, x in z.items()]
    mean = np.mean([x.mean(0) for x in whole], axis=0)
    scatter = sum((x - mean).T @ (x - mean) / len(x) for x in whole)
    vectors = np.linalg.eigh(scatter)[1]
    axes = layout.leading_axes(z, 4)
    for view, x in z.items():
        expected = wide(layout, view, x) @ vectors[:, ::-1][:, :4]
        np.testing.assert_allclose(np.abs(x @ axes[view]), np.abs(expected), atol=1e-3)
