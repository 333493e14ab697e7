"""Another engine computes inside its block, and is asked wherever neighbours or plans are needed."""

import numpy as np

from crosstie._threads import side_by_side
from crosstie.anchors.closed_form import near_mean
from crosstie.anchors.engine import computing_with, engine_in_use
from crosstie.anchors.neighbours import Neighbours, nearest
from crosstie.anchors.transport import transport_plan

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(6, 3)).astype(np.float32), rng.normal(size=(4, 3)).astype(np.float32)


class Told:
    """An engine that answers what no other would."""

    def rows(self, base):
        self.base = base
        return self

    def search(self, query, k):
        return np.full((len(query), k), 9.0, np.float32), np.zeros((len(query), k), np.int64)

    def plan(self, source, target, shares, **options):
        self.shares, self.options = shares, options
        return np.full((len(source), len(target)), 7.0)


def test_neighbours_and_plans_ask_the_engine_in_use():
    told = Told()
    with computing_with(told):
        assert (nearest(X, Y, 20)[0] == 9).all()
        assert nearest(X, Y, 20)[1].shape == (4, 6)
        assert (transport_plan(X, Y, entropy=0.5, source_share=np.arange(1.0, 7.0), n_iterations=3) == 7).all()
    np.testing.assert_array_equal(told.base, X)
    np.testing.assert_allclose(told.shares[0], np.arange(1, 7) / 21, rtol=1e-6)
    np.testing.assert_allclose(told.shares[1], 0.25)
    assert told.options == {"entropy": 0.5, "balance": 1.0, "n_iterations": 3}
    assert engine_in_use() is None
    assert (nearest(X, Y, 2)[0] != 9).all()


def test_rows_stay_where_they_were_indexed():
    inside = Told()
    with computing_with(inside):
        index = Neighbours(X)
    np.testing.assert_array_equal(near_mean(Y, index, 2), np.tile(X[0], (4, 1)))
    assert index.engine is inside


def test_threads_compute_with_the_engine_of_their_caller():
    told = Told()
    with computing_with(told):
        assert side_by_side(lambda _: engine_in_use(), range(3)) == [told] * 3
        with computing_with(None):
            assert side_by_side(lambda _: engine_in_use(), range(3)) == [None] * 3
    assert side_by_side(lambda _: engine_in_use(), range(3)) == [None] * 3
