import matplotlib.pyplot as plt
import numpy as np

from crosstie.pl.map_names import apart, islands, middle, write_names

BOX = np.array([[0.0, 0], [100, 100]])


def blob(x, y, n, seed=0, width=2.0):
    return np.random.default_rng(seed).normal(size=(n, 2)) * width + [x, y]


def test_names_are_pushedapart():
    place = np.array([[50.0, 50], [50, 50], [51, 52], [90, 90]])
    boxes = np.full((4, 2), [20.0, 10])
    moved = apart(place, boxes, np.array([[0.0, 0], [100, 100]]))
    gap = np.abs(moved[:, None] - moved[None]) + 99 * np.eye(4)[..., None]
    assert ((gap > [19.9, 0]) | (gap > [99, 9.9])).any(axis=2).all()
    np.testing.assert_allclose(moved[3], place[3], atol=0.01)
    assert (moved >= boxes / 2).all()


def test_names_leave_what_is_fixed_free():
    fixed = np.array([[50.0, 50, 12, 12]])
    moved = apart(np.array([[50.0, 50]]), np.array([[20.0, 10]]), BOX, fixed=fixed)
    gap = np.abs(moved[0] - fixed[0, :2])
    assert (gap >= (np.array([20, 10]) + 12) / 2 - 0.1).any()


def test_islands_are_told_apart_and_strays_are_none():
    xy = np.vstack([blob(20, 20, 100), blob(80, 80, 60), blob(80, 20, 3)])
    found = islands(xy, BOX)
    assert [len(rows) for rows in found] == [100, 60]
    assert set(found[1]) == set(range(100, 160))
    assert [len(rows) for rows in islands(xy[-1:], BOX)] == [1]  # the largest, however small


def test_a_name_lies_at_every_island_and_beside_a_small_one():
    xy = np.vstack([blob(20, 20, 200, width=6), blob(80, 80, 200, width=6), blob(80, 20, 15, width=0.3)])
    label = np.array(["large"] * 400 + ["a tiny population"] * 15)
    ax = plt.subplots(figsize=(4, 4), dpi=100)[1]
    ax.scatter(*xy.T)
    write_names(ax, {"large": "large", "a tiny population": "tiny"}, label, xy, fontsize=8)
    written = [(text.get_text(), np.array(text.get_position())) for text in ax.texts]
    assert sorted(name for name, _ in written) == ["large", "large", "tiny"]
    for name, place in written:
        if name == "large":
            assert min(np.linalg.norm(place - [20, 20]), np.linalg.norm(place - [80, 80])) < 8
        else:
            box = next(t for t in ax.texts if t.get_text() == "tiny").get_window_extent()
            pixels = ax.transData.transform(xy[label != "large"])
            inside = (pixels > box.get_points()[0]).all(1) & (pixels < box.get_points()[1]).all(1)
            assert not inside.any()


def test_the_middle_is_a_cell():
    ring = np.array([[np.cos(a), np.sin(a)] for a in np.linspace(0, 6, 50)])
    assert (ring == middle(ring)).all(1).any()
