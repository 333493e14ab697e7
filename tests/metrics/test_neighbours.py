import numpy as np
import pytest

from crosstie._errors import InputValueError
from crosstie.metrics import neighbours
from oracles.scores import nearest


def test_neighbours_equal_the_naive_search():
    rng = np.random.default_rng(0)
    reference, query = rng.normal(size=(50, 4)), rng.normal(size=(20, 4))
    near = neighbours(reference, query, 6)
    assert near.index.tolist() == [nearest(reference, point, 6) for point in query]
    np.testing.assert_allclose(near.distance, np.linalg.norm(reference[near.index] - query[:, None], axis=2))


def test_a_cell_is_not_its_own_neighbour():
    z = np.random.default_rng(0).normal(size=(30, 3))
    rows = np.array([4, 17, 2])
    near = neighbours(z, z[rows], 5, own=rows)
    assert near.index.tolist() == [nearest(z, z[i], 5, leave_out=i) for i in rows]


def test_duplicates_of_a_cell_are_its_neighbours():
    z = np.zeros((12, 2))
    near = neighbours(z, z, 4, own=np.arange(12))
    assert near.index.shape == (12, 4)
    assert (near.index != np.arange(12)[:, None]).all()
    assert (near.distance == 0).all()


def test_few_cells():
    assert neighbours([[0.0], [1.0]], [[0.2]], 10).index.tolist() == [[0, 1]]
    assert neighbours([[0.0]], [[0.0]], 10, own=np.array([0])).index.shape == (1, 0)
    with pytest.raises(InputValueError, match="reference: latent coordinates have the wrong shape"):
        neighbours(np.empty((0, 2)), [[0.0, 1.0]], 3)
