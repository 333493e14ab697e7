"""What every metric checks of coordinates and labels, to the letter."""

import numpy as np
import pytest

from crosstie import metrics
from crosstie.metrics import _inputs
from crosstie.metrics.labels import nearest_labels
from crosstie.metrics.lisi import ilisi
from crosstie.metrics.mixing import share_of_others
from crosstie.metrics.neighbours import Neighbours, neighbours
from crosstie.metrics.pairs import foscttm, foscttm_one_sided

Z = np.arange(12.0).reshape(6, 2) ** 2
HOLED = np.where(np.arange(6)[:, None] == 4, np.nan, Z)
ABC = list("aabbcc")
SHAPE = "expected: (n_cells, n_latent), both at least 1"
NOT_FINITE = [
    "latent coordinates are not finite.",
    "found: NaN or infinity in 1 of 6 cells, first in row 4",
    "Leave these cells out, or look at the fit: it may have diverged.",
]


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        (lambda: foscttm(HOLED, Z), [f"foscttm, x: {NOT_FINITE[0]}", *NOT_FINITE[1:]]),
        (lambda: foscttm_one_sided(Z, HOLED), [f"foscttm_one_sided, y: {NOT_FINITE[0]}", *NOT_FINITE[1:]]),
        (lambda: foscttm(Z[0], Z), ["foscttm, x: latent coordinates have the wrong shape.", "found: (2,)", SHAPE]),
        (lambda: ilisi(Z[0], ABC), ["ilisi: latent coordinates have the wrong shape.", "found: (2,)", SHAPE]),
        (
            lambda: foscttm(Z, Z[:5]),
            [
                "foscttm: x and y are paired by row, so they need one shape.",
                "found: x (6, 2), y (5, 2)",
                "Bring both to the cells that they share, in one order.",
            ],
        ),
        (lambda: foscttm(Z, Z, max_cells=0), ["max_cells must be at least 1.", "found: 0", "expected: a whole number"]),
        (
            lambda: metrics.mixing({"a": Z, "b": Z[:, :1]}),
            [
                "mixing: the views' latents differ in width.",
                "found: 'a': 2, 'b': 1",
                "expected: one latent space, the same number of coordinates in every view",
            ],
        ),
        (
            lambda: metrics.alignment({"a": Z}),
            ["alignment: needs at least two views.", "found: 'a'", "expected: coordinates by view"],
        ),
        (
            lambda: neighbours(Z, Z, 0),
            ["neighbours: the number of neighbours must be at least 1.", "found: k=0", "expected: a whole number"],
        ),
        (
            lambda: share_of_others(Neighbours(Z, Z), [], k=0),
            ["share_of_others: the number of neighbours must be at least 1.", "found: k=0", "expected: a whole number"],
        ),
        (
            lambda: nearest_labels(Z, ABC[:4], Z),
            ["nearest_labels: labels have the wrong shape.", "found: (4,)", "expected: (6,), one label per cell"],
        ),
        (
            lambda: _inputs.names([[1]], what="evaluate"),
            ["evaluate: labels have the wrong shape.", "found: (1, 1)", "expected: one label per cell"],
        ),
    ],
)
def test_errors(call, lines):
    with pytest.raises((ValueError, KeyError)) as error:
        call()
    assert str(error.value).split("\n  ") == lines


@pytest.mark.parametrize("name", ["transfer_accuracy", "balanced_accuracy", "macro_f1", "ari"])
def test_scores_of_labels_say_who_they_are(name):
    score = getattr(metrics, name)
    with pytest.raises(ValueError, match="missing") as error:
        score(["a", None], ["a", "b"])
    assert str(error.value).split("\n  ") == [
        f"{name}, true: 1 of 2 labels are missing.",
        'Name them, for instance with .fillna("unknown"), and exclude that name.',
    ]
    with pytest.raises(ValueError, match=f"^{name}, predicted: labels have the wrong shape"):
        score(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="left to score") as error:
        score(["u", "u"], ["a", "b"], exclude=["u", "b"])
    found = "found: 2 cells, every label among the excluded ['b', 'u']"
    assert str(error.value).split("\n  ") == [f"{name}: no cell is left to score.", found, "Exclude fewer labels."]
