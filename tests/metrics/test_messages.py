"""Subject: the metrics' errors to the letter: what is wrong, what was found, what was expected, what to do."""

import inspect

import numpy as np
import pytest

from crosstie import metrics
from crosstie.metrics.labels import nearest_labels, silhouette
from crosstie.metrics.lisi import ilisi
from crosstie.metrics.pairs import foscttm_one_sided, matching_accuracy

Z = np.arange(12.0).reshape(6, 2) ** 2
FLAT = np.where(np.arange(6)[:, None] == 1, 3.0, Z)
ABC = list("aabbcc")


@pytest.mark.parametrize(
    ("call", "lines"),
    [
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
