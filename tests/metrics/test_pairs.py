import numpy as np
import pytest

from crosstie._errors import InputValueError
from crosstie.metrics import foscttm, foscttm_one_sided, matching_accuracy, pairs
from oracles.scores import foscttm as naive_foscttm
from oracles.scores import foscttm_by_correlation


@pytest.fixture
def xy():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5))
    return x, x + 0.7 * rng.normal(size=x.shape)


def test_foscttm_equals_the_naive_formula(xy):
    assert foscttm(*xy) == pytest.approx(naive_foscttm(*xy), abs=1e-12)
    assert 0 < foscttm(*xy) < 0.5


def test_foscttm_does_not_depend_on_the_block(xy, monkeypatch):
    whole = foscttm(*xy)
    monkeypatch.setattr(pairs, "_BLOCK", 7 * 60)
    assert foscttm(*xy) == pytest.approx(whole, abs=1e-12)


def test_foscttm_is_invariant(xy):
    x, y = xy
    rng = np.random.default_rng(1)
    order = rng.permutation(len(x))
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    expected = foscttm(x, y)
    assert foscttm(x[order], y[order]) == pytest.approx(expected, abs=1e-12)
    assert foscttm(y, x) == pytest.approx(expected, abs=1e-12)
    assert foscttm(x @ turn + 100, y @ turn + 100) == pytest.approx(expected, abs=1e-12)
    assert foscttm(1e-7 * x, 1e-7 * y) == pytest.approx(expected, abs=1e-12)


def test_foscttm_extremes():
    line = np.arange(10.0)[:, None]
    assert foscttm(line, line) == 0
    assert foscttm(line, line[::-1] * 1000) > 0.4
    assert foscttm([[1.0, 2.0]], [[5.0, 6.0]]) == 0  # one cell has no rival


def test_ties_are_not_nearer():
    x = np.random.default_rng(0).normal(size=(30, 4)) + 50
    doubled = np.repeat(x, 2, axis=0)
    assert foscttm(doubled, doubled) == 0
    assert foscttm(np.ones((9, 3)), np.ones((9, 3))) == 0


def test_a_sample_estimates_the_whole():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1500, 5))
    y = x + rng.normal(size=x.shape)
    part = foscttm(x, y, max_cells=500, seed=3)
    assert part == foscttm(x, y, max_cells=500, seed=3)
    assert part != foscttm(x, y)
    assert part == pytest.approx(foscttm(x, y), abs=0.02)


def test_one_sided_equals_the_naive_formula(xy):
    assert foscttm_one_sided(*xy) == pytest.approx(foscttm_by_correlation(*xy), abs=1e-12)


def test_one_sided_directions_average_to_the_symmetric_score(xy):
    x, y = xy
    both = [foscttm_one_sided(a, b, metric="euclidean") for a, b in ((x, y), (y, x))]
    assert np.mean(both) == pytest.approx(foscttm(x, y), abs=1e-12)
    assert both[0] != both[1]


def test_correlation_distance_ignores_scale_and_shift_of_a_cell(xy):
    x, y = xy
    factor = np.random.default_rng(0).uniform(0.1, 10, (len(x), 1))
    assert foscttm_one_sided(x * factor + factor, y) == pytest.approx(foscttm_one_sided(x, y), abs=1e-12)


def test_correlation_of_constant_cells_is_an_error(xy):
    x, y = xy
    x[:3] = 2.0
    with pytest.raises(InputValueError, match=r"undefined for 3 of 60 cells of x(.|\n)*Pass metric=\"euclidean\""):
        foscttm_one_sided(x, y)


@pytest.mark.parametrize("score", [foscttm, foscttm_one_sided])
def test_wrong_coordinates_are_explained(score, xy):
    x, y = xy
    with pytest.raises(InputValueError, match=r"need one shape(.|\n)*x \(60, 5\), y \(59, 5\)"):
        score(x, y[:-1])
    with pytest.raises(InputValueError, match=r"x: latent coordinates have the wrong shape(.|\n)*\(60,\)"):
        score(x[:, 0], y)
    with pytest.raises(InputValueError, match=r"wrong shape(.|\n)*\(0, 5\)"):
        score(x[:0], y[:0])
    with pytest.raises(InputValueError, match="max_cells must be at least 1"):
        score(x, y, max_cells=0)
    y[7, 2] = np.nan
    with pytest.raises(InputValueError, match=r"y: (.|\n)*NaN or infinity in 1 of 60 cells, first in row 7"):
        score(x, y)


def test_matching_accuracy_by_label_and_by_partner():
    source, target = np.array([0, 1, 2, 2]), np.array([1, 0, 2, 0])
    assert matching_accuracy(source, target, ["a", "b", "c"], ["b", "a", "c"]) == 0.75
    assert matching_accuracy(source, target, [10, 11, 12], [11, 12, 10]) == 0.25  # cell 11 only
    assert matching_accuracy(source[::-1], target[::-1], ["x", "y", "z"], ["y", "x", "z"]) == 0.75  # renamed, reordered


def test_matching_accuracy_leaves_out_excluded_labels():
    source, target = np.array([0, 1, 2]), np.array([0, 1, 2])
    given = ["a", "unknown", "b"], ["a", "unknown", "c"]
    assert matching_accuracy(source, target, *given) == pytest.approx(2 / 3)
    assert matching_accuracy(source, target, *given, exclude=("unknown",)) == 0.5


def test_wrong_matches_are_explained():
    with pytest.raises(InputValueError, match=r"need one length(.|\n)*source \(2,\), target \(1,\)"):
        matching_accuracy([0, 1], [0], ["a", "b"], ["a"])
    with pytest.raises(InputValueError, match=r"target names rows(.|\n)*rows 0 to 5(.|\n)*0 to 1"):
        matching_accuracy([0, 1], [0, 5], ["a", "b"], ["a", "b"])
    with pytest.raises(InputValueError, match="no pair is left to score"):
        matching_accuracy(np.array([], dtype=int), np.array([], dtype=int), ["a"], ["a"])
    with pytest.raises(InputValueError, match="true_source: 1 of 2 labels are missing"):
        matching_accuracy([0], [0], ["a", None], ["a", "b"])
