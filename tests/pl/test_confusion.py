import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from crosstie._errors import InputValueError
from crosstie.pl import confusion


def labelled(n_classes, n_cells=600, seed=0):
    rng = np.random.default_rng(seed)
    names = np.array([f"type {chr(65 + i % 26)}{i}" for i in rng.permutation(n_classes)])
    code = rng.integers(n_classes, size=n_cells)
    taken = np.where(rng.random(n_cells) < 0.7, code, code ^ 1) % n_classes
    return names[code], names[taken]


def axis(labels):
    return [label.get_text() for label in labels]


def shown(ax):
    rows = [text.rsplit(" (", 1)[0] for text in axis(ax.get_yticklabels())]
    return rows, axis(ax.get_xticklabels()), np.asarray(ax.images[0].get_array())


@pytest.mark.parametrize("normalize", [True, False])
def test_values_equal_scikit_learn(normalize):
    true, predicted = labelled(6)
    rows, columns, values = shown(confusion(true, predicted, normalize=normalize))
    assert rows == columns
    expected = confusion_matrix(true, predicted, labels=rows, normalize="true" if normalize else None)
    np.testing.assert_allclose(values, expected)


def test_order_of_cells_does_not_matter():
    true, predicted = labelled(8)
    order = np.random.default_rng(1).permutation(len(true))
    first, second = shown(confusion(true, predicted)), shown(confusion(true[order], predicted[order]))
    assert first[:2] == second[:2]
    np.testing.assert_allclose(first[2], second[2])


def test_confused_labels_are_neighbours():
    true, predicted = labelled(10)
    rows, _, values = shown(confusion(true, predicted))
    for i in range(len(rows)):
        partner = np.argsort(values[i])[-2]
        assert abs(partner - i) == 1


def test_unknown_comes_last():
    ax = confusion(["unknown", "a", "b", None, "c"], ["b", "a", "b", "a", "unknown"])
    assert {*shown(ax)[0][-2:]} == {"unknown", "missing"}
    assert "unknown" in shown(ax)[1][-2:]


@pytest.mark.parametrize("n_classes", [2, 8, 15, 47])
def test_values_are_written_only_where_they_can_be_read(n_classes, inside):
    true, predicted = labelled(n_classes)
    ax = confusion(true, predicted, title="Transfer")
    written = [text.get_text() for text in ax.texts]
    assert bool(written) == (n_classes <= 15)
    if written:
        assert len(written) == (shown(ax)[2] > 0).sum()
    inside(ax)


def test_labels_that_only_one_side_knows():
    rows, columns, values = shown(confusion(["a", "a", "b"], ["a", "new", "new"]))
    assert set(rows) == {"a", "b"}
    assert set(columns) == {"a", "b", "new"}
    np.testing.assert_allclose(values.sum(axis=1), 1)
    rows, columns, _ = shown(confusion(["a", "a", "b"], ["1", "1", "2"]))
    assert (rows, columns) in ((["a", "b"], ["1", "2"]), (["b", "a"], ["2", "1"]))


def test_one_class_and_given_axes():
    _, axes = plt.subplots(1, 2)
    ax = confusion(["a"], ["a"], ax=axes[0])
    assert ax is axes[0]
    assert shown(ax)[2].tolist() == [[1.0]]
    assert not axes[1].images


def test_wrong_labels_are_explained():
    with pytest.raises(InputValueError, match=r"for the same cells(.|\n)*\(2,\) and \(1,\)"):
        confusion(["a", "b"], ["a"])
    with pytest.raises(InputValueError, match=r"for the same cells(.|\n)*at least 1"):
        confusion([], [])
