"""Neighbours in a tissue: the nearest cells, never across sections, whatever way a section lies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstie.space import Positions, neighbours
from crosstie.space.neighbours import neighbour_graphs


def placed(xy, section=None):
    section = np.zeros(len(xy), np.int64) if section is None else np.asarray(section)
    return Positions(np.asarray(xy, float), section, tuple(f"s{i}" for i in range(section.max() + 1)))


def same(one, other):
    return (one.indptr == other.indptr).all() and one.nnz == other.nnz and (one.indices == other.indices).all()


def test_they_are_the_nearest_cells():
    xy = np.random.default_rng(0).random((200, 2))
    near = neighbours(placed(xy), 6)
    distance = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    for i, row in enumerate(np.argsort(distance, axis=1)[:, 1:7]):
        assert set(near[i].indices) <= set(row)
    assert (np.diff(near.indptr) == 6).mean() > 0.95  # the others are far from everything


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_sections_never_share_neighbours(data):
    n = data.draw(st.integers(2, 40))
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    section = rng.integers(0, data.draw(st.integers(1, 5)), n)
    xy = rng.integers(0, 6, (n, 2)) if data.draw(st.booleans()) else rng.random((n, 2))
    near = neighbours(placed(xy, section), data.draw(st.integers(1, 8))).tocoo()
    assert (section[near.row] == section[near.col]).all()
    assert (near.row != near.col).all()


@pytest.mark.parametrize("kind", ["random", "square grid", "hexagonal grid", "pixels"])
@pytest.mark.parametrize("degrees", [0.0, 17.3, 90.0, 211.0])
def test_turning_shifting_and_mirroring_a_section_changes_nothing(kind, degrees):
    rng = np.random.default_rng(1)
    grid = np.stack(np.meshgrid(np.arange(20.0), np.arange(20.0)), -1).reshape(-1, 2)
    xy = {
        "random": rng.random((400, 2)) * 1000,
        "square grid": 12.7 * grid,
        "hexagonal grid": np.column_stack([grid[:, 0] + 0.5 * (grid[:, 1] % 2), grid[:, 1] * np.sqrt(3) / 2]) * 9.1,
        "pixels": rng.integers(0, 150, (400, 2)).astype(float),
    }[kind]
    section = np.arange(400) // 200
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    before = neighbours(placed(xy, section), 10)
    moved = xy.copy()
    moved[200:] = moved[200:] @ turn.T * [1, -1] + [12_345.6, -789.01]
    assert same(before, neighbours(placed(moved, section), 10))
    order = rng.permutation(400)
    assert same(before[order][:, order].sorted_indices(), neighbours(placed(xy[order], section[order]), 10))


def test_on_a_grid_no_neighbour_is_chosen_by_rounding():
    grid = np.stack(np.meshgrid(np.arange(9.0), np.arange(9.0)), -1).reshape(-1, 2)
    near = neighbours(placed(0.1 * grid), 10)
    assert near[40].nnz == 8  # of the four cells at distance 2, two would be chosen


def test_a_few_cells_and_cells_far_away():
    assert neighbours(placed([[0, 0]])).nnz == 0
    assert neighbours(placed([[0, 0], [1, 0]])).toarray().tolist() == [[0, 1], [1, 0]]
    xy = np.vstack([np.random.default_rng(0).random((100, 2)), [[50, 50]]])
    assert neighbours(placed(xy), 5)[100].nnz == 0
    with pytest.raises(ValueError, match="neighbours: k must be at least 1"):
        neighbours(placed(xy), 0)


def test_three_dimensions():
    xyz = np.random.default_rng(0).random((50, 3))
    near = neighbours(placed(xyz), 4)
    distance = np.linalg.norm(xyz[:, None] - xyz[None], axis=2)
    assert set(near[0].indices) <= set(np.argsort(distance[0])[1:5])


def test_several_graphs_of_one_search_are_those_of_several_searches():
    rng = np.random.default_rng(0)
    xy, section = rng.integers(0, 12, (300, 2)).astype(float), rng.integers(0, 3, 300)
    here = placed(xy, section)
    for k, graph in zip((3, 10, 20), neighbour_graphs(here, (3, 10, 20)), strict=True):
        assert same(graph, neighbours(here, k))
    with pytest.raises(ValueError, match="neighbours: k must be at least 1"):
        neighbour_graphs(here, (3, 0))
