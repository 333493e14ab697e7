import numpy as np
import pytest

from crosstie._errors import InputValueError
from crosstie.metrics import alignment, mixing
from crosstie.metrics.mixing import share_of_others
from crosstie.metrics.neighbours import neighbours
from oracles.scores import other_view_shares

both = pytest.mark.parametrize("score", [mixing, alignment])


@pytest.fixture
def latents():
    rng = np.random.default_rng(0)
    return {
        "rna": rng.normal(size=(70, 4)),
        "adt": 0.6 + rng.normal(size=(40, 4)),
        "atac": 0.2 + 1.3 * rng.normal(size=(15, 4)),
    }


@pytest.mark.parametrize("k", [1, 7, 20])
def test_scores_equal_the_naive_formulas(latents, k):
    share, expected = other_view_shares(latents, k)
    assert mixing(latents, k=k) == pytest.approx(share.mean(), abs=1e-12)
    assert alignment(latents, k=k) == pytest.approx((share / expected).mean(), abs=1e-12)


@both
def test_scores_are_invariant(score, latents):
    rng = np.random.default_rng(1)
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    moved = {f"view {name}": 5 * rng.permutation(z) @ turn - 3 for name, z in reversed(latents.items())}
    assert score(moved) == pytest.approx(score(latents), abs=1e-12)


@both
def test_views_apart_score_zero(score):
    rng = np.random.default_rng(0)
    assert score({"a": rng.normal(size=(60, 3)), "b": 1e3 + rng.normal(size=(60, 3))}) == 0


@pytest.mark.parametrize("sizes", [(1000, 1000), (1500, 200), (900, 300, 100)])
def test_perfectly_mixed_views_of_any_size_align_to_one(sizes):
    rng = np.random.default_rng(0)
    latents = {str(i): rng.normal(size=(n, 2)) for i, n in enumerate(sizes)}
    assert alignment(latents) == pytest.approx(1, abs=0.03)


def test_a_sample_estimates_the_whole():
    rng = np.random.default_rng(0)
    latents = {"a": rng.normal(size=(900, 3)), "b": 0.5 + rng.normal(size=(500, 3))}
    for score in (mixing, alignment):
        part = score(latents, max_cells=400, seed=2)
        assert part == score(latents, max_cells=400, seed=2)
        assert part == pytest.approx(score(latents), abs=0.03)


def test_merged_neighbours_equal_neighbours_of_the_union(latents):
    x, y = latents["rna"], latents["atac"]  # fewer cells in y than neighbours asked for
    own, other = neighbours(x, x, 20, own=np.arange(len(x))), neighbours(y, x, 20)
    share, _ = other_view_shares({"x": x, "y": y}, 20)
    np.testing.assert_allclose(share_of_others(own, [other], k=20), share[: len(x)])


@both
def test_tiny_views(score):
    assert score({"a": [[0.0, 1.0]], "b": [[2.0, 1.0]]}) == 1
    collapsed = {"a": np.zeros((30, 2)), "b": np.zeros((30, 2))}
    assert 0 <= score(collapsed) <= 2


@both
def test_wrong_latents_are_explained(score, latents):
    with pytest.raises(InputValueError, match=r"at least two views(.|\n)*'rna'"):
        score({"rna": latents["rna"]})
    with pytest.raises(InputValueError, match=r"differ in width(.|\n)*'rna': 4, 'adt': 3"):
        score({"rna": latents["rna"], "adt": latents["adt"][:, :3]})
    with pytest.raises(InputValueError, match="number of neighbours must be at least 1"):
        score(latents, k=0)
    latents["adt"][3] = np.nan
    with pytest.raises(InputValueError, match=r"view 'adt': (.|\n)*1 of 40 cells, first in row 3"):
        score(latents)
