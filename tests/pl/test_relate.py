import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crosstie._errors import InputKeyError, InputValueError
from crosstie.pl import relations


def table(n_targets=6, n_sources=9, seed=0):
    rng = np.random.default_rng(seed)
    n = n_targets * n_sources
    rows = pd.DataFrame(
        {
            "source": np.tile([f"gene{i}" for i in range(n_sources)], n_targets),
            "target": np.repeat([f"protein{i}" for i in range(n_targets)], n_sources),
            "response": rng.normal(size=n) / 100,
            "correlation": rng.uniform(-1, 1, n),
            "score": rng.normal(size=n),
            "p": rng.random(n),
            "q": rng.random(n),
        }
    )
    return rows.sort_values(["target", "score"], ascending=[True, False], ignore_index=True)


def shown(ax):
    names = [[label.get_text() for label in labels] for labels in (ax.get_yticklabels(), ax.get_xticklabels())]
    return pd.DataFrame(np.ma.filled(ax.images[0].get_array(), np.nan), *names)


@pytest.mark.parametrize("value", ["correlation", "response", "score"])
def test_values_are_those_of_the_table(value):
    rows = table()
    found = shown(relations(rows, value=value))
    assert found.shape[0] == 6
    expected = rows.pivot_table(value, "target", "source").loc[found.index, found.columns]
    np.testing.assert_allclose(found, expected)
    best = rows.groupby("target").head(2)["source"]
    assert set(found.columns) == set(best)


def test_the_targets_of_highest_score_are_shown():
    rows = table(30)
    found = shown(relations(rows, n_targets=4, n_sources=1))
    assert set(found.index) == set(rows.groupby("target")["score"].max().nlargest(4).index)
    assert len(found.columns) <= 4


def test_order_of_rows_does_not_matter():
    rows = table()
    first, second = shown(relations(rows)), shown(relations(rows.sample(frac=1, random_state=0)))
    pd.testing.assert_frame_equal(second.loc[first.index, first.columns], first)


def test_dots_mark_low_q():
    rows = table()
    ax = relations(rows, max_q=0.3, n_sources=9)
    assert len(ax.collections[0].get_offsets()) == (rows["q"] <= 0.3).sum()
    assert "0.3" in ax.get_xlabel()
    assert not relations(rows, max_q=-1).collections


def test_pairs_that_are_not_listed_are_blank():
    rows = table(8, 12)
    found = shown(relations(rows.groupby("target").head(3)))
    assert found.isna().any(axis=None)
    assert found.notna().any(axis=1).all()


@pytest.mark.parametrize(("n_targets", "n_sources"), [(1, 1), (2, 2), (20, 60), (40, 300)])
def test_nothing_is_cut_off(n_targets, n_sources, inside):
    inside(relations(table(n_targets, n_sources), title="Relations", n_targets=40))


def test_groups_are_named_or_one():
    rows = table().assign(group="B")
    both = pd.concat([rows, table(seed=1).assign(group="T")])
    pd.testing.assert_frame_equal(shown(relations(both, group="B")), shown(relations(rows)))
    with pytest.raises(InputValueError, match=r"several groups(.|\n)*'B', 'T'"):
        relations(both)
    with pytest.raises(InputKeyError, match="unknown name 'NK'"):
        relations(both, group="NK")


def test_given_axes_are_drawn_on():
    _, axes = plt.subplots(1, 2)
    assert relations(table(), ax=axes[1], title="x") is axes[1]
    assert axes[1].get_title("left") == "x"
    assert not axes[0].images


@pytest.mark.parametrize(
    ("rows", "options", "error", "words"),
    [
        (table().head(0), {}, InputValueError, "no rows"),
        (table().drop(columns="q"), {}, InputValueError, r"without columns 'q'(.|\n)*xt.tl.relate"),
        (table(), {"value": "p"}, InputKeyError, "unknown name 'p'"),
        (table(), {"n_targets": 0}, InputValueError, "n_targets=0"),
    ],
)
def test_wrong_input_is_explained(rows, options, error, words):
    with pytest.raises(error, match=words):
        relations(rows, **options)
