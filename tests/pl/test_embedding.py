import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from crosstie._errors import InputKeyError, InputValueError
from crosstie.pl import embedding, embedding_by_view
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


def legend_of(ax):
    legends = [*ax.figure.legends, *([ax.get_legend()] if ax.get_legend() else [])]
    return legends[0] if legends else None


def texts(ax):
    return [text.get_text() for text in legend_of(ax).get_texts()]


def drawn(ax):
    dots = ax.collections[0]
    return np.asarray(dots.get_offsets()), [to_hex(c).upper() for c in dots.get_edgecolors()[:, :3]]


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
    on_map = {text.get_text() for text in ax.texts}
    if n_classes > 20:
        assert texts(ax)[2] == "3  a long name of class 2"
        assert on_map == {str(i + 1) for i in range(n_classes)}
    else:
        assert on_map == {f"a long name of class {i}" for i in range(n_classes)}
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
    assert legend_of(ax) is None
    assert sorted(text.get_text() for text in ax.texts) == sorted(set(labels["rna"]))
    xy, y = np.vstack(list(coords.values())), np.concatenate(list(labels.values()))
    for text in ax.texts:
        assert np.linalg.norm(np.median(xy[y == text.get_text()], axis=0) - text.get_position()) < 3
    assert embedding(coords, colour=labels, names="none").figure.legends == []


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


def test_rare_classes_lie_on_top_of_frequent_ones_and_equal_ones_are_mixed():
    rng = np.random.default_rng(0)
    label = np.repeat(["A", "B", "rare"], [500, 490, 12])
    ax = embedding({"rna": rng.normal(size=(1002, 2))}, colour={"rna": label})
    _, colours = drawn(ax)
    rare = palette(3)[2].upper()
    assert [colour == rare for colour in colours] == [False] * 990 + [True] * 12
    first = np.mean([colour == palette(3)[0].upper() for colour in colours[:495]])
    assert 0.4 < first < 0.6


def test_transferred_labels_are_rings_and_own_labels_come_first():
    coords, labels = plane(3)
    own = labels["rna"].astype(object)
    own[:100] = "Unassigned"
    ax = embedding(coords, colour={"rna": own}, transferred={"rna": labels["rna"], "adt": labels["adt"]})
    assert texts(ax)[-2:] == ["own label", "transferred label"]
    xy, colours = drawn(ax)
    lines = dict(zip(map(tuple, xy), ax.collections[0].get_linewidths(), strict=True))
    rings = {place for place, line in lines.items() if line > 0}
    assert rings == {*map(tuple, coords["rna"][:100]), *map(tuple, coords["adt"])}
    of = dict(zip(map(tuple, xy), colours, strict=True))
    expected = embedding(coords, colour=labels)
    assert of == dict(zip(map(tuple, drawn(expected)[0]), drawn(expected)[1], strict=True))
    assert "transferred label" not in texts(expected)


def test_legends_count_like_people():
    coords = {"rna": np.random.default_rng(0).normal(size=(60, 2))}
    label = np.resize(["T10", "T2", "T1", "Unknown", "b2", "B10"], 60)
    assert texts(embedding(coords, colour={"rna": label})) == ["b2", "B10", "T1", "T2", "T10", "Unknown"]


def test_numbers_have_a_bar_from_0_to_1_and_missing_ones_are_grey_below():
    coords, _ = plane()
    score = np.linspace(0.2, 0.7, 300)
    score[:20] = np.nan
    ax = embedding(coords, values={"rna": score})
    assert drawn(ax)[1][:170] == [GREY] * 170
    assert GREY not in drawn(ax)[1][170:]
    assert ax.figure.axes[1].get_ylim() == (0, 1)
    with pytest.raises(InputValueError, match="labels or numbers, not both"):
        embedding(coords, values={"rna": score}, colour={"rna": score})


def test_views_side_by_side_have_one_scale_and_one_legend():
    coords, labels = plane(4)
    panels = embedding_by_view(coords, colour={"rna": labels["rna"]}, transferred={"adt": labels["adt"]}, title="types")
    assert list(panels) == ["rna", "adt"]
    assert panels["rna"].get_xlim() == panels["adt"].get_xlim()
    for view, other in (("rna", "adt"), ("adt", "rna")):
        behind, front = (np.asarray(dots.get_offsets()) for dots in panels[view].collections)
        assert {*map(tuple, front)} == {*map(tuple, coords[view])}
        assert {*map(tuple, behind)} == {*map(tuple, coords[other])}
    assert panels["adt"].get_title(loc="left") == "adt (labels transferred)"
    assert texts(panels["rna"])[:4] == [f"a long name of class {i}" for i in range(4)]
    assert list(embedding_by_view(coords, values={"adt": np.ones(150)})) == ["adt"]
