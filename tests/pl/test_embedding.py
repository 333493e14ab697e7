import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from crosstie._errors import InputKeyError, InputValueError
from crosstie.pl import embedding, joint_umap
from crosstie.pl.embedding import _apart
from crosstie.pl.palette import GREY, palette


def plane(n_classes=5, seed=0):
    rng = np.random.default_rng(seed)
    names = np.array([f"a long name of class {i}" for i in range(n_classes)])
    centre = rng.uniform(0, 30, (n_classes, 2))
    coords, labels = {}, {}
    for view, n in (("rna", 300), ("adt", 150)):
        code = np.r_[np.arange(n_classes), rng.integers(n_classes, size=n - n_classes)]
        coords[view], labels[view] = centre[code] + rng.normal(size=(n, 2)), names[code]
    return coords, labels


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def drawn(ax):
    dots = ax.collections[0]
    return np.asarray(dots.get_offsets()), [to_hex(c).upper() for c in dots.get_facecolors()[:, :3]]


def test_every_cell_is_drawn_in_the_colour_of_its_view(inside):
    coords, _ = plane()
    ax = embedding(coords, title="Joint")
    xy, colours = drawn(ax)
    assert texts(ax) == ["rna", "adt"]
    assert sorted(map(tuple, xy)) == sorted(map(tuple, np.vstack(list(coords.values()))))
    of = dict(zip(map(tuple, xy), colours, strict=True))
    for view, colour in zip(coords, palette(2), strict=True):
        assert {of[tuple(point)] for point in coords[view]} == {colour.upper()}
    assert ax.get_title(loc="left") == "Joint"
    assert ax.collections[0].get_rasterized()
    inside(ax)


def test_no_view_hides_the_other():
    coords, _ = plane()
    _, colours = drawn(embedding(coords))
    first = palette(2)[0].upper()
    halves = [np.mean([colour == first for colour in half]) for half in np.array_split(colours, 2)]
    assert halves == pytest.approx([2 / 3, 2 / 3], abs=0.1)


@pytest.mark.parametrize("n_classes", [1, 9, 20, 47])
def test_classes_are_all_named_and_not_cut_off(n_classes, inside):
    coords, labels = plane(n_classes)
    ax = embedding(coords, colour=labels)
    assert len(texts(ax)) == n_classes
    assert len(set(drawn(ax)[1])) == n_classes
    assert len(ax.texts) == (n_classes if n_classes > 20 else 0)  # numbers on the plot
    if n_classes > 20:
        assert texts(ax)[2].startswith("3  a long name")
        assert [text.get_text() for text in ax.texts] == [str(i + 1) for i in range(n_classes)]
    inside(ax)


def test_unknown_cells_are_grey_below_and_last():
    coords, labels = plane(3)
    labels["rna"] = labels["rna"].astype(object)
    labels["rna"][:50], labels["rna"][50:60] = "unknown", None
    ax = embedding(coords, colour=labels)
    assert texts(ax)[-2:] == ["missing", "unknown"]
    assert [colour == GREY for colour in drawn(ax)[1]] == [True] * 60 + [False] * 390
    ax = embedding(coords, colour={"rna": labels["rna"]})
    assert drawn(ax)[1].count(GREY) == 60 + 150


def test_names_on_the_data_lie_at_their_cells():
    coords, labels = plane(4)
    ax = embedding(coords, colour=labels, names="on_data")
    assert ax.get_legend() is None
    assert sorted(text.get_text() for text in ax.texts) == sorted(set(labels["rna"]))
    xy, y = np.vstack(list(coords.values())), np.concatenate(list(labels.values()))
    for text in ax.texts:
        assert np.linalg.norm(np.median(xy[y == text.get_text()], axis=0) - text.get_position()) < 3
    assert embedding(coords, colour=labels, names="none").get_legend() is None


def test_names_are_pushed_apart():
    place = np.array([[50.0, 50], [50, 50], [51, 52], [90, 90]])
    boxes = np.full((4, 2), [20.0, 10])
    moved = _apart(place, boxes, np.array([[0.0, 0], [100, 100]]))
    gap = np.abs(moved[:, None] - moved[None]) + 99 * np.eye(4)[..., None]
    assert ((gap > [19.9, 0]) | (gap > [99, 9.9])).any(axis=2).all()
    np.testing.assert_allclose(moved[3], place[3], atol=0.01)
    assert (moved >= boxes / 2).all()


def test_given_axes_are_used():
    figure, axes = plt.subplots(1, 2)
    size = tuple(figure.get_size_inches())
    assert embedding(*plane()[:1], ax=axes[1]) is axes[1]
    assert not axes[0].collections
    assert tuple(figure.get_size_inches()) == size


def test_order_of_views_does_not_change_what_a_label_looks_like():
    coords, labels = plane()
    back = {view: coords[view] for view in reversed(coords)}
    points = [
        set(zip(map(tuple, xy), colours, strict=True))
        for xy, colours in (drawn(embedding(c, colour=labels)) for c in (coords, back))
    ]
    assert points[0] == points[1]


def test_one_cell():
    ax = embedding({"rna": [[0.0, 1.0]]}, colour={"rna": ["T"]}, names="on_data")
    assert len(drawn(ax)[0]) == 1


def test_wrong_coordinates_are_explained():
    coords, labels = plane()
    with pytest.raises(InputValueError, match=r"view 'rna': coordinates have the wrong shape(.|\n)*joint_umap first"):
        embedding({"rna": np.zeros((5, 20))})
    with pytest.raises(InputValueError, match=r"view 'adt': one label per cell(.|\n)*\(149,\)(.|\n)*\(150,\)"):
        embedding(coords, colour=labels | {"adt": labels["adt"][1:]})
    with pytest.raises(InputKeyError, match="unknown name 'protein'"):
        embedding(coords, colour={"protein": labels["adt"]})
    with pytest.raises(InputValueError, match="there are no cells to draw"):
        embedding({"rna": np.empty((0, 2))})
    coords["adt"][0] = np.nan
    with pytest.raises(InputValueError, match="view 'adt': coordinates are not finite"):
        embedding(coords)


@pytest.mark.parametrize("method", ["crosstie", pytest.param("umap-learn", marks=pytest.mark.slow)])
def test_umap_keeps_clusters_together_and_repeats(method):
    if method == "umap-learn":
        pytest.importorskip("umap")
    rng = np.random.default_rng(0)
    code = {"rna": np.arange(60) % 2, "adt": np.arange(40) % 2}
    latents = {view: 20 * c[:, None] + rng.normal(size=(len(c), 6)) for view, c in code.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        coords = joint_umap(latents, seed=1, method=method)
    assert {view: xy.shape for view, xy in coords.items()} == {"rna": (60, 2), "adt": (40, 2)}
    xy, c = np.vstack(list(coords.values())), np.concatenate(list(code.values()))
    between = np.linalg.norm(xy[c == 0].mean(axis=0) - xy[c == 1].mean(axis=0))
    assert between > 2 * max(xy[c == i].std(axis=0).max() for i in (0, 1))
    for view, again in joint_umap(latents, seed=1, method=method).items():
        np.testing.assert_array_equal(again, coords[view])


@pytest.mark.parametrize("sizes", [(1, 0), (1, 1), (2, 2), (3, 2), (8, 4)])
def test_umap_of_few_cells(sizes):
    rng = np.random.default_rng(0)
    coords = joint_umap({str(i): rng.normal(size=(n, 3)) for i, n in enumerate(sizes)})
    assert [len(xy) for xy in coords.values()] == list(sizes)
    assert all(np.isfinite(xy).all() for xy in coords.values())
    assert all(xy.shape[1] == 2 for xy in coords.values())


def test_umap_explains_wrong_latents():
    with pytest.raises(InputValueError, match=r"do not form one space(.|\n)*'a': \(5, 3\), 'b': \(5, 2\)"):
        joint_umap({"a": np.zeros((5, 3)), "b": np.zeros((5, 2))})
    with pytest.raises(InputValueError, match=r"do not form one space(.|\n)*no view"):
        joint_umap({})
    with pytest.raises(InputValueError, match="view 'a': latent coordinates are not finite"):
        joint_umap({"a": np.full((5, 3), np.nan)})
    with pytest.raises(InputKeyError, match="joint_umap, method: unknown name 'umap'"):
        joint_umap({"a": np.zeros((5, 3))}, method="umap")
