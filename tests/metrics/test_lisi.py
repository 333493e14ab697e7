import numpy as np
import pytest
from scipy.optimize import brentq

from crosstie._errors import InputValueError
from crosstie.metrics import ilisi
from oracles.scores import nearest


def inverse_simpson(z, batch, perplexity, k):
    """Index of every cell, one at a time."""
    out = []
    for i, point in enumerate(z):
        near = nearest(z, point, k, leave_out=i)
        d = np.array([((z[j] - point) ** 2).sum() for j in near])

        def weights(log_beta, d=d):
            w = np.exp(-np.exp(log_beta) * (d - d.min()))
            return w / w.sum()

        def excess(log_beta, weights=weights):
            p = weights(log_beta)
            p = p[p > 0]
            return -(p * np.log(p)).sum() - np.log(perplexity)

        p = weights(brentq(excess, -30, 30, xtol=1e-12))
        out.append(1 / sum(sum(w for w, j in zip(p, near, strict=True) if batch[j] == b) ** 2 for b in set(batch)))
    return out


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    batch = rng.choice(["a", "b", "c"], 120, p=[0.5, 0.3, 0.2])
    return rng.normal(size=(120, 4)) + 0.8 * (batch == "b")[:, None], batch


@pytest.mark.parametrize(("perplexity", "k"), [(5, 15), (20, 60), (30.5, 90)])
def test_the_score_equals_the_naive_formula(cells, perplexity, k):
    expected = np.median(inverse_simpson(*cells, perplexity, k))
    assert ilisi(*cells, perplexity=perplexity, k=k) == pytest.approx(expected, rel=1e-9)
    assert ilisi(*cells, perplexity=perplexity, k=k, scale=True) == pytest.approx((expected - 1) / 2, rel=1e-9)


def test_blocks_do_not_matter(cells, monkeypatch):
    whole = ilisi(*cells)
    monkeypatch.setattr("crosstie.metrics.lisi._BLOCK", 700)
    assert ilisi(*cells) == whole


def test_the_score_is_invariant(cells):
    z, batch = cells
    rng = np.random.default_rng(1)
    order, turn = rng.permutation(len(z)), np.linalg.qr(rng.normal(size=(4, 4)))[0]
    names = {"a": "first", "b": "2", "c": "0"}
    moved = 5e3 * z[order] @ turn - 3
    assert ilisi(moved, [names[b] for b in batch[order]]) == pytest.approx(ilisi(z, batch), rel=1e-9)


@pytest.mark.parametrize("scale", [False, True])
def test_batches_apart_and_mixed(scale):
    rng = np.random.default_rng(0)
    z, batch = rng.normal(size=(900, 2)), np.arange(900) % 3
    lowest, highest = (0, 1) if scale else (1, 3)
    assert ilisi(z + 1e4 * batch[:, None], batch, scale=scale) == pytest.approx(lowest, abs=1e-12)
    assert 0.85 < ilisi(z, batch, scale=scale) / highest <= 1


def test_a_better_mixture_scores_higher():
    rng = np.random.default_rng(0)
    z, batch = rng.normal(size=(600, 3)), np.arange(600) % 2
    scores = [ilisi(z + shift * batch[:, None], batch) for shift in (0, 0.5, 1, 2)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] - scores[-1] > 0.5


def test_cells_in_one_place_weigh_alike():
    assert ilisi(np.zeros((200, 2)), np.arange(200) % 2, k=199) == pytest.approx(2, abs=0.001)


def test_many_duplicates_are_no_division_by_zero():
    z = np.repeat(np.random.default_rng(0).normal(size=(4, 2)), 50, axis=0)
    assert 1 < ilisi(z, np.arange(200) % 2) <= 2


def test_wrong_input_is_explained(cells):
    z, batch = cells
    with pytest.raises(InputValueError, match=r"nothing to mix(.|\n)*one batch, 'a'"):
        ilisi(z, ["a"] * 120)
    with pytest.raises(InputValueError, match=r"perplexity=30, 19 neighbours of 20 cells \(k=90\)"):
        ilisi(z[:20], batch[:20])
    with pytest.raises(InputValueError, match="perplexity=0, 90 neighbours"):
        ilisi(z, batch, perplexity=0)
    with pytest.raises(InputValueError, match="number of neighbours must be at least 1"):
        ilisi(z, batch, k=0)
    with pytest.raises(InputValueError, match=r"batch: labels have the wrong shape(.|\n)*\(119,\)"):
        ilisi(z, batch[1:])
    with pytest.raises(InputValueError, match="1 of 120 labels are missing"):
        ilisi(z, [None, *batch[1:]])
    z[3, 1] = np.inf
    with pytest.raises(InputValueError, match="in 1 of 120 cells, first in row 3"):
        ilisi(z, batch)
