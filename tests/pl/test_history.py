from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crosstie._errors import InputValueError
from crosstie.pl import losses


@pytest.fixture
def history():
    step = np.arange(200)
    table = pd.DataFrame(
        {"step": step, "reconstruction": 5 * np.exp(-step / 60) + 1, "anchors": 0.01 + 0.1 / (step + 1)}
    )
    return table.assign(total=table["reconstruction"] + table["anchors"])


def lines(ax):
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


def test_every_term_is_drawn_with_its_running_mean(history, inside):
    ax = losses(history, smooth=9, title="Fit")
    assert set(lines(ax)) == {"total", "reconstruction", "anchors"}
    expected = history["anchors"].ewm(span=9).mean()
    np.testing.assert_allclose(lines(ax)["anchors"].get_ydata(), expected)
    raw = [line for line in ax.lines if line.get_label().startswith("_")]
    assert any(np.allclose(line.get_ydata(), history["anchors"]) for line in raw)
    assert len(raw) == 3
    assert ax.get_title(loc="left") == "Fit"
    inside(ax)


def test_no_smoothing_draws_the_values(history):
    ax = losses(history, smooth=1)
    np.testing.assert_allclose(lines(ax)["total"].get_ydata(), history["total"])
    assert len(ax.lines) == 3


def test_order_of_rows_and_columns_does_not_matter(history):
    shuffled = history.sample(frac=1, random_state=0)[["total", "anchors", "step", "reconstruction"]]
    for label, line in lines(losses(shuffled)).items():
        np.testing.assert_allclose(line.get_xydata(), lines(losses(history))[label].get_xydata())


def test_the_scale_follows_the_values(history):
    assert losses(history).get_yscale() == "log"
    assert losses(history[["step", "reconstruction"]]).get_yscale() == "linear"
    assert losses(history.assign(geometry=-0.9)).get_yscale() == "symlog"
    assert losses(history[["step", "reconstruction"]].assign(zero=0.0)).get_yscale() == "linear"


@pytest.mark.parametrize("smallest", [3e-3, 8e-4, 1e-6])
@pytest.mark.parametrize("largest", [5.0, 4e4])
def test_ticks_around_zero_do_not_overlap(history, smallest, largest):
    step = history["step"]
    table = pd.DataFrame({"step": step, "a": largest * np.exp(-step / 40) + smallest, "b": smallest, "c": -1.3})
    ax = losses(table)
    assert ax.get_yscale() == "symlog"
    ax.figure.canvas.draw()
    labels = [t for t in ax.get_yticklabels() if t.get_text()]
    boxes = sorted((t.get_window_extent() for t in labels), key=lambda box: box.y0)
    low, high = ax.get_window_extent().intervaly
    boxes = [box for box in boxes if low <= (box.y0 + box.y1) / 2 <= high]
    assert 3 <= len(boxes) <= 14
    assert all(below.y1 <= above.y0 for below, above in pairwise(boxes))
    assert 0 in ax.get_yticks()
    assert min(ax.get_yticks()) < 0 < max(ax.get_yticks())


def test_the_legend_is_in_the_order_in_which_lines_end(history):
    texts = [text.get_text() for text in losses(history.assign(a=0.0)).get_legend().get_texts()]
    assert texts == ["total", "reconstruction", "anchors", "a"]


def test_terms_with_gaps_and_single_steps(history):
    gaps = history.assign(anchors=history["anchors"].where(history["step"] % 50 == 0), never=np.nan, note="text")
    ax = losses(gaps)
    assert len(lines(ax)["anchors"].get_xdata()) == 4
    assert len(lines(ax)["never"].get_xdata()) == 0
    assert "note" not in lines(ax)
    assert lines(losses(history[:1]))["total"].get_marker() == "o"


def test_given_axes_are_used(history):
    _, axes = plt.subplots(1, 2)
    assert losses(history, ax=axes[0]) is axes[0]
    assert not axes[1].lines


def test_wrong_history_is_explained(history):
    with pytest.raises(InputValueError, match=r"no column 'step'(.|\n)*'reconstruction'"):
        losses(history.drop(columns="step"))
    with pytest.raises(InputValueError, match="holds no value of any term"):
        losses(history[["step"]])
    with pytest.raises(InputValueError, match="holds no value of any term"):
        losses(history[:0])
