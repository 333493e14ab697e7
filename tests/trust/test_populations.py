import numpy as np

from crosstie.anchors.linear import unit_rows
from crosstie.anchors.neighbours import nearest
from crosstie.trust.populations import mixing, nearness, unsupported


def test_a_novel_cluster_is_found(rng):
    centres = 10 * np.eye(4)
    kind = rng.integers(0, 4, 400)
    own = unit_rows(centres[kind] + rng.normal(size=(400, 4)))
    novelty = np.where(kind == 2, 0.7, 0.05)
    found = unsupported(own, novelty)
    rows = np.concatenate([p.rows for p in found])
    assert set(rows) == set(np.flatnonzero(kind == 2))
    assert all(abs(p.novelty - 0.7) < 1e-6 for p in found)
    assert [len(p.rows) for p in found] == sorted((len(p.rows) for p in found), reverse=True)


def test_scattered_novelty_is_no_population(rng):
    own = unit_rows(rng.normal(size=(300, 4)))
    assert unsupported(own, (rng.random(300) < 0.1).astype(float)) == []


def test_few_cells(rng):
    assert unsupported(unit_rows(rng.normal(size=(12, 3))), np.zeros(12)) == []


def test_mixing(rng):
    x, y = unit_rows(rng.normal(size=(400, 3))), unit_rows(rng.normal(size=(200, 3)))
    every = np.arange(400)
    assert abs(np.nanmean(mixing(x, y, np.ones(400), every)) - 1) < 0.1
    apart = unit_rows(np.abs(y) * [-1, 1, 1])
    assert np.nanmean(mixing(unit_rows(np.abs(x) * [1, -1, -1]), apart, np.ones(400), every)) == 0
    assert np.isnan(mixing(x, y, np.zeros(400), every)).all()
    half = mixing(x, y, np.full(400, 0.5), every)
    assert (half >= mixing(x, y, np.ones(400), every)).all()
    np.testing.assert_array_equal(mixing(x, y, np.full(400, 0.5), every[::3]), half[::3])


def test_nearness(rng):
    x, y = rng.normal(size=(60, 3)).astype(np.float32), rng.normal(size=(40, 3)).astype(np.float32)
    d = [np.sort(((a[:, None] - b) ** 2).sum(2), 1)[:, :5].mean(1) for a, b in ((x, y), (y, x))]
    middle = np.median(np.concatenate(d))
    near = nearness(nearest(y, x, 5)[0], nearest(x, y, 5)[0])
    for found, squared in zip(near, d, strict=True):
        np.testing.assert_allclose(found, np.exp(-squared / (2 * middle)), rtol=1e-3)
    assert max(f.max() for f in nearness(nearest(x[:1], x, 3)[0], nearest(x, x[:1], 3)[0])) <= 1.0
