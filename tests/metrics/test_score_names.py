import numpy as np
import pytest

from crosstie.metrics import evaluate
from crosstie.metrics.score_names import EXPLAINED, LONG, SHORT, explained_name, long_name, short_name


def test_every_score_of_evaluate_has_both_names():
    rng = np.random.default_rng(0)
    z = {view: rng.normal(size=(30, 3)) for view in ("rna", "adt")}
    table = evaluate(z, {view: ["a", "b"] * 15 for view in z}, pairs={view: np.arange(30) for view in z})
    assert set(table["metric"]) == set(SHORT) == set(LONG)
    assert set(EXPLAINED) <= set(LONG)


@pytest.mark.parametrize("metric", sorted(SHORT))
def test_both_names_point_the_same_way(metric):
    assert short_name(metric)[-1:] in "↑↓" or metric in ("mixing", "alignment")
    assert [arrow in short_name(metric) for arrow in "↑↓"] == [arrow in long_name(metric) for arrow in "↑↓"]


def test_words():
    assert short_name("knn_accuracy") == "kNN accuracy ↑"
    assert long_name("ari") == "label ARI ↑"
    assert explained_name("foscttm") == "FOSCTTM ↓ (0 is best, 0.5 is chance)"
    assert explained_name("accuracy") == "Label accuracy, nearest cell ↑"


def test_a_score_of_another_origin():
    assert short_name("my_score") == "my score ↑"
    assert long_name("my_score") == "my_score"
    assert explained_name("my_score") == "My_score"
