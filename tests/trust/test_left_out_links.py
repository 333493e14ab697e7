"""Links judged by fits that did not see them: the score, its strength, and the contrast of two links."""

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import norm

from crosstie.anchors.agreement import above_other_pairings
from crosstie.trust.left_out_links import LeftOutLinks, leave_out_links, pairing_score, similar_groups
from crosstie.trust.sketch_fit import Sketch


@pytest.fixture(scope="module")
def found(model):
    return leave_out_links(Sketch.of(model, seed=0).smaller(300, seed=0), ("adt", "rna"))


def test_the_score_of_few_links_is_that_of_all_pairings(rng):
    c = rng.normal(size=(6, 6)) + 0.7 * np.eye(6)
    sums = np.array([c[np.arange(6), list(p)].sum() for p in permutations(range(6))])
    exact = norm.isf((sums >= np.trace(c) - 1e-9).mean())
    assert pairing_score(c) == pytest.approx(exact, abs=0.1)
    large = rng.normal(size=(40, 40))
    assert pairing_score(large) == above_other_pairings(large)


def test_strength_grows_with_the_number_of_links():
    possible = [LeftOutLinks(np.arange(m), np.eye(m), (np.eye(m), np.eye(m))).possible for m in (4, 6, 8, 30)]
    assert possible[0] < possible[1] < 3 < possible[2] < possible[3]
    alike = np.ones((8, 8))  # eight links to one gene
    assert not LeftOutLinks(np.arange(8), np.eye(8), (alike, alike)).possible >= 3


def test_right_links_agree(found):
    assert found.above > 5
    assert found.possible > found.above
    assert 0.1 < found.share < 1


def test_contrasts_tell_exchanged_links(found):
    contrast = found.contrasts()
    np.testing.assert_allclose(contrast, contrast.T)
    assert np.isnan(np.diag(contrast)).all()
    assert (contrast[np.isfinite(contrast)] > 0).mean() > 0.8
    order = np.arange(len(contrast))
    order[[3, 7]] = 7, 3
    source, target = found.within
    wrong = LeftOutLinks(found.columns, found.correlation[order], (source[np.ix_(order, order)], target))
    c, r, q = found.correlation[order], source[np.ix_(order, order)], target
    by_hand = (c[3, 3] + c[7, 7] - c[3, 7] - c[7, 3]) / np.sqrt((2 - 2 * r[3, 7]) * (2 - 2 * q[3, 7]))
    assert wrong.contrasts()[3, 7] == pytest.approx(np.clip(by_hand, -1, 1))
    assert wrong.contrasts()[3, 7] == pytest.approx(-contrast[3, 7])


def test_features_of_one_gene_have_no_contrast(rng):
    r = np.array([[1.0, 0.99, 0.1], [0.99, 1.0, 0.1], [0.1, 0.1, 1.0]])
    contrast = LeftOutLinks(np.arange(3), rng.normal(size=(3, 3)), (r, np.eye(3))).contrasts()
    assert np.isnan(contrast[0, 1])
    assert np.isfinite(contrast[0, 2])


def test_groups_hold_similar_columns(rng):
    x = np.repeat(rng.normal(size=(200, 3)), 4, axis=1) + 0.2 * rng.normal(size=(200, 12))
    groups = similar_groups(np.corrcoef(x.T), 3)
    assert sorted(map(list, groups)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert [list(g) for g in similar_groups(np.eye(2))] == [[0], [1]]


def test_too_few_links_to_leave_some_out(data):
    import crosstie as xt

    link = xt.links.by_table(data, "adt", "rna")
    keep = link.pairs["column"].isin(link.pairs["column"].unique()[:3])
    model = xt.integrate(data, xt.links.Link("adt", "rna", link.pairs[keep], link.report))
    assert leave_out_links(Sketch.of(model, seed=0), ("adt", "rna")) is None
