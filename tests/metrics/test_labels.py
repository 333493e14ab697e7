import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from sklearn.neighbors import KNeighborsClassifier

from crosstie._errors import InputValueError
from crosstie.metrics import ari, balanced_accuracy, macro_f1, nearest_labels, silhouette, transfer_accuracy
from oracles.scores import knn_label

SCORES = {
    transfer_accuracy: sk.accuracy_score,
    balanced_accuracy: sk.balanced_accuracy_score,
    macro_f1: lambda true, predicted: sk.f1_score(true, predicted, average="macro"),
    ari: sk.adjusted_rand_score,
}
score_and_oracle = pytest.mark.parametrize(("score", "oracle"), SCORES.items(), ids=lambda f: f.__name__)
each_score = pytest.mark.parametrize("score", SCORES, ids=lambda f: f.__name__)


@pytest.fixture
def labels():
    rng = np.random.default_rng(0)
    true = rng.choice(["T", "B", "NK", "rare"], size=200, p=[0.6, 0.25, 0.12, 0.03])
    predicted = np.where(rng.random(200) < 0.7, true, rng.choice(["T", "B", "NK"], size=200))
    return true, predicted


@score_and_oracle
def test_score_equals_scikit_learn(score, oracle, labels):
    assert score(*labels) == pytest.approx(oracle(*labels), abs=1e-12)


@each_score
def test_score_is_invariant_to_order_and_names(score, labels):
    true, predicted = labels
    order = np.random.default_rng(1).permutation(len(true))
    rename = {"T": "1", "B": "22", "NK": "x", "rare": "a"}
    renamed = [pd.Series(x).map(rename).astype("category") for x in (true, predicted)]
    assert score(true[order], predicted[order]) == pytest.approx(score(true, predicted), abs=1e-12)
    assert score(*renamed) == pytest.approx(score(true, predicted), abs=1e-12)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@score_and_oracle
def test_excluded_cells_do_not_count(score, oracle, labels):
    true, predicted = labels
    keep = true != "NK"
    assert score(true, predicted, exclude=("NK",)) == pytest.approx(oracle(true[keep], predicted[keep]), abs=1e-12)


@each_score
def test_one_class_and_one_cell(score):
    assert score(["a"] * 5, ["a"] * 5) == 1
    assert score(["a"], ["a"]) == 1


@each_score
def test_wrong_labels_are_explained(score, labels):
    true, predicted = labels
    with pytest.raises(InputValueError, match=r"predicted: labels have the wrong shape(.|\n)*\(199,\)(.|\n)*\(200,\)"):
        score(true, predicted[1:])
    with pytest.raises(InputValueError, match=r"true: labels have the wrong shape"):
        score([], [])
    with pytest.raises(InputValueError, match=r'true: 1 of 2 labels are missing(.|\n)*fillna\("unknown"\)'):
        score([np.nan, "a"], ["a", "a"])
    with pytest.raises(InputValueError, match=r"no cell is left to score(.|\n)*excluded \['T'\]"):
        score(["T", "T"], ["T", "B"], exclude=("T",))


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b", "c"], [40, 20, 10])
    centre = pd.Series(y).map({"a": 0.0, "b": 1.5, "c": 3.0}).to_numpy()[:, None]
    return centre + rng.normal(size=(70, 3)), y, 1.5 + rng.normal(size=(25, 3))


@pytest.mark.parametrize("k", [1, 4, 15])
def test_nearest_labels_equal_the_naive_vote(cells, k):
    z, y, query = cells
    assert nearest_labels(z, y, query, k=k).tolist() == [knn_label(z, list(y), point, k) for point in query]


def test_one_neighbour_equals_scikit_learn(cells):
    z, y, query = cells
    assert (nearest_labels(z, y, query) == KNeighborsClassifier(1).fit(z, y).predict(query)).all()


def test_nearest_labels_are_invariant(cells):
    z, y, query = cells
    order = np.random.default_rng(1).permutation(len(z))
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    expected = nearest_labels(z, y, query, k=5)
    assert (nearest_labels(z[order], y[order], query, k=5) == expected).all()
    assert (nearest_labels(30 * z @ turn + 2, y, 30 * query @ turn + 2, k=5) == expected).all()


def test_both_directions_run(cells):
    z, y, query = cells
    there = nearest_labels(z, y, query)
    back = nearest_labels(query, there, z)
    assert len(there) == 25
    assert len(back) == 70


def test_nearest_labels_keep_their_kind():
    z = np.arange(4.0)[:, None]
    assert nearest_labels(z, np.array([7, 8, 9, 9]), [[0.1], [2.2]]).tolist() == [7, 9]
    given = pd.Series(["x", "x", "y", "y"], dtype="category")
    assert nearest_labels(z, given, [[0.1], [2.2]]).tolist() == ["x", "y"]


def test_more_neighbours_than_cells_are_all_cells():
    assert nearest_labels([[0.0], [1.0], [2.0]], ["a", "b", "b"], [[-1.0]], k=50).tolist() == ["b"]
    assert nearest_labels([[0.0]], ["a"], [[5.0]], k=3).tolist() == ["a"]


def test_wrong_input_to_nearest_labels_is_explained(cells):
    z, y, query = cells
    with pytest.raises(InputValueError, match=r"not of one latent space(.|\n)*3 and 2 coordinates"):
        nearest_labels(z, y, query[:, :2])
    with pytest.raises(InputValueError, match=r"labels have the wrong shape(.|\n)*\(69,\)(.|\n)*\(70,\)"):
        nearest_labels(z, y[1:], query)
    with pytest.raises(InputValueError, match="number of neighbours must be at least 1"):
        nearest_labels(z, y, query, k=0)
    query[0, 0] = np.inf
    with pytest.raises(InputValueError, match="query: latent coordinates are not finite"):
        nearest_labels(z, y, query)


def test_silhouette_equals_scikit_learn(cells):
    z, y, _ = cells
    keep = y != "c"
    assert silhouette(z, y) == pytest.approx(sk.silhouette_score(z, y), abs=1e-12)
    assert silhouette(z, y, exclude=("c",)) == pytest.approx(sk.silhouette_score(z[keep], y[keep]), abs=1e-12)
    assert silhouette(10 * z + 3, pd.Series(y).map({"a": 3, "b": 2, "c": 1})) == pytest.approx(silhouette(z, y))
    assert silhouette(z, y, max_cells=60) == pytest.approx(silhouette(z, y), abs=0.05)


def test_silhouette_needs_classes(cells):
    z, y, _ = cells
    with pytest.raises(InputValueError, match=r"at least two classes(.|\n)*1 classes in 70 cells"):
        silhouette(z, ["a"] * 70)
    with pytest.raises(InputValueError, match="more cells than classes"):
        silhouette(z, np.arange(70))
    with pytest.raises(InputValueError, match="wrong shape"):
        silhouette(z, y[:-1])


def test_the_nearest_cell_alone_decides_by_default(cells):
    z, labels, query = cells[:3]
    default, one = nearest_labels(z, labels, query), nearest_labels(z, labels, query, 1)
    np.testing.assert_array_equal(default, one)
