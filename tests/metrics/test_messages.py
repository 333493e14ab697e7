"""The metrics' errors to the letter: what is wrong, what was found, what was expected, what to do."""

import inspect

import numpy as np
import pytest

from crosstie import metrics
from crosstie.metrics import _inputs
from crosstie.metrics.labels import nearest_labels, silhouette
from crosstie.metrics.lisi import ilisi
from crosstie.metrics.mixing import share_of_others
from crosstie.metrics.neighbours import Neighbours, neighbours
from crosstie.metrics.pairs import foscttm, foscttm_one_sided, matching_accuracy

Z = np.arange(12.0).reshape(6, 2) ** 2
HOLED = np.where(np.arange(6)[:, None] == 4, np.nan, Z)
FLAT = np.where(np.arange(6)[:, None] == 1, 3.0, Z)
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
        (
            lambda: foscttm_one_sided(FLAT, Z),
            [
                "foscttm_one_sided: correlation distance is undefined for 1 of 6 cells of x.",
                "found: cells with the same value in every latent coordinate",
                'Pass metric="euclidean".',
            ],
        ),
        (
            lambda: foscttm_one_sided(Z, FLAT),
            [
                "foscttm_one_sided: correlation distance is undefined for 1 of 6 cells of y.",
                "found: cells with the same value in every latent coordinate",
                'Pass metric="euclidean".',
            ],
        ),
        (
            lambda: foscttm_one_sided(Z, Z, metric="cosine"),
            ["foscttm_one_sided: metric.", "found: 'cosine'", "expected: 'correlation' or 'euclidean'"],
        ),
        (lambda: foscttm(Z, Z, max_cells=0), ["max_cells must be at least 1.", "found: 0", "expected: a whole number"]),
        (
            lambda: matching_accuracy([0, 1], [0], ABC, ABC),
            [
                "matching_accuracy: source and target are the two ends of pairs, so they need one length.",
                "found: source (2,), target (1,)",
                "expected: two vectors, (n_pairs,)",
            ],
        ),
        (
            lambda: matching_accuracy([0, 6], [0, 1], ABC, ABC),
            [
                "matching_accuracy: source names rows that true_source does not have.",
                "found: rows 0 to 6",
                "expected: 0 to 5",
            ],
        ),
        (
            lambda: matching_accuracy([0, 1], [-1, 1], ABC, ABC),
            [
                "matching_accuracy: target names rows that true_target does not have.",
                "found: rows -1 to 1",
                "expected: 0 to 5",
            ],
        ),
        (
            lambda: matching_accuracy([0, 1], [0, 1], ABC, ABC, exclude=["a"]),
            ["matching_accuracy: no pair is left to score.", "found: 2 pairs, of which 2 have an excluded label"],
        ),
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
            lambda: ilisi(Z, ABC, perplexity=9, k=4),
            [
                "ilisi: the perplexity must be at least 1 and less than the number of neighbours.",
                "found: perplexity=9, 4 neighbours of 6 cells (k=4)",
                "Lower the perplexity; a third of k is usual.",
            ],
        ),
        (lambda: ilisi(Z, ["a"] * 6), ["ilisi: there is nothing to mix.", "found: one batch, 'a'", "expected: two"]),
        (
            lambda: silhouette(Z, ["a"] * 6),
            [
                "silhouette: needs at least two classes, and more cells than classes.",
                "found: 1 classes in 6 cells",
                "Give labels of several classes, or exclude fewer.",
            ],
        ),
        (
            lambda: nearest_labels(Z, ABC, Z[:, :1]),
            ["nearest_labels: reference and query are not of one latent space.", "found: 2 and 1 coordinates"],
        ),
        (
            lambda: nearest_labels(Z, ABC[:4], Z),
            ["nearest_labels: labels have the wrong shape.", "found: (4,)", "expected: (6,), one label per cell"],
        ),
        (
            lambda: _inputs.names([[1]], what="evaluate"),
            ["evaluate: labels have the wrong shape.", "found: (1, 1)", "expected: one label per cell"],
        ),
        (
            lambda: metrics.evaluate({"a": Z, "b": Z}, pairs={"a": [0, 1, 2, 3, 4, 4], "b": range(6)}),
            [
                "evaluate, pairs of 'a': 1 cell identities occur more than once.",
                "found: '4'",
                "expected: one row per cell in each view",
            ],
        ),
        (
            lambda: metrics.evaluate({"a": Z, "b": Z}, {"c": ABC}),
            ["evaluate, labels: unknown name 'c'.", "expected: one of 'a', 'b'"],
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


def test_defaults_stay():
    """The figures in the docs were made with them: whoever changes one has to make those anew."""
    found = {
        (name, key): parameter.default
        for name in ("evaluate", "foscttm", "foscttm_one_sided", "mixing", "alignment", "silhouette", "nearest_labels")
        for key, parameter in inspect.signature(getattr(metrics, name)).parameters.items()
        if key in ("k", "seed", "max_cells", "metric", "max_queries")
    }
    assert found == {
        ("evaluate", "k"): 15,
        ("evaluate", "max_cells"): 4000,
        ("evaluate", "max_queries"): 20000,
        ("evaluate", "seed"): 0,
        ("foscttm", "max_cells"): None,
        ("foscttm", "seed"): 0,
        ("foscttm_one_sided", "metric"): "correlation",
        ("foscttm_one_sided", "max_cells"): None,
        ("foscttm_one_sided", "seed"): 0,
        ("mixing", "k"): 20,
        ("mixing", "max_cells"): None,
        ("mixing", "seed"): 0,
        ("alignment", "k"): 20,
        ("alignment", "max_cells"): None,
        ("alignment", "seed"): 0,
        ("silhouette", "max_cells"): None,
        ("silhouette", "seed"): 0,
        ("nearest_labels", "k"): 1,
    }
