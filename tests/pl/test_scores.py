import matplotlib.pyplot as plt
import numpy as np
import pytest

from crosstie._errors import InputValueError
from crosstie.metrics import evaluate
from crosstie.pl import scores


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    latents = {view: rng.normal(size=(50, 3)) for view in ("rna", "adt", "atac")}
    labels = {view: rng.choice(["a", "b"], size=50) for view in latents}
    return evaluate(latents, labels, pairs={view: np.arange(50) for view in latents})


def test_every_score_is_a_dot(table, inside):
    ax = scores(table, title="Scores")
    assert sorted(np.concatenate([dots.get_offsets()[:, 0] for dots in ax.collections])) == sorted(table["value"])
    assert len(ax.get_legend().get_texts()) == 6 + 1
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert len(names) == table["metric"].nunique()
    assert {"FOSCTTM ↓", "accuracy ↑", "mixing"} <= set(names)
    inside(ax)


def test_dots_lie_on_the_line_of_their_metric(table):
    ax = scores(table)
    metrics = list(table["metric"].unique())
    for dots in ax.collections:
        for x, y in dots.get_offsets():
            assert x in set(table.loc[table["metric"] == metrics[round(y)], "value"])


def test_values_outside_the_unit_range_are_in_sight(table):
    table.loc[0, "value"], table.loc[1, "value"] = -0.4, 1.3
    low, high = scores(table).get_xlim()
    assert low < -0.4
    assert high > 1.3


def test_given_axes_are_used(table):
    _, axes = plt.subplots(1, 2)
    assert scores(table[:1], ax=axes[1]) is axes[1]
    assert not axes[0].collections


def test_wrong_tables_are_explained(table):
    with pytest.raises(InputValueError, match="lacks columns 'target'"):
        scores(table.drop(columns="target"))
    with pytest.raises(InputValueError, match="the table is empty"):
        scores(table[:0])
