import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import crosstie as xt
from crosstie.anchors.neighbours import nearest
from crosstie.anchors.transport import transport_plan
from crosstie.tl.novelty import novelty


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def mixture(sizes, seed=0, d=8):
    """Unit vectors around one axis for each number of cells."""
    rng = np.random.default_rng(seed)
    return unit(np.concatenate([rng.normal(size=(n, d)) * 0.3 + 1.5 * np.eye(d)[i] for i, n in enumerate(sizes)]))


def test_it_equals_the_naive_one():
    source, target = mixture([40, 30]), mixture([30, 30, 20], seed=1)
    plan = transport_plan(source, target, entropy=0.1, balance=0.95)
    mass = plan.sum(0).astype(float) * len(target)
    near = np.argsort(((target[:, None] - target) ** 2).sum(2), axis=1)[:, :12]
    price = -1.9 * np.log(mass[near].mean(1))
    low, easy, middle = np.quantile(price, [0.05, 0.25, 0.45])
    expected = 1.4 * (price - easy) / (middle - low + 0.3)
    np.testing.assert_allclose(novelty(source, target, n_smooth=12), np.clip(0.4 * expected, 0, 1), atol=5e-3)
    told = np.linspace(0, 1, 80)
    found = novelty(source, target, n_smooth=12, disagreement=told)
    np.testing.assert_allclose(found, np.clip(told * expected, 0, 1), atol=5e-3)


def test_a_population_that_the_source_lacks_stands_out():
    source, target = mixture([300, 200]), mixture([250, 150, 60], seed=1)
    found, new = novelty(source, target), np.arange(460) >= 400
    assert roc_auc_score(new, found) > 0.99
    assert np.median(found[new]) > 0.5
    assert np.median(found[~new]) < 0.2
    np.testing.assert_allclose(novelty(100 * source, 3 * target), found, atol=1e-4)


def test_a_population_that_is_common_in_the_source_and_rare_here_makes_no_other_new():
    assert novelty(mixture([300, 700]), mixture([460, 40], seed=1)).max() < 0.3


@pytest.mark.parametrize("sizes", [([1500, 1500], [150, 150]), ([150, 150], [1500, 1500]), ([400, 800], [400, 800])])
def test_where_both_hold_the_same_nothing_is_new(sizes):
    found = novelty(mixture(sizes[0]), mixture(sizes[1], seed=1))
    assert np.quantile(found, 0.99) < 0.3


def test_sketches_of_large_views_say_the_same(monkeypatch):
    source, target = mixture([600, 400]), mixture([500, 300, 120], seed=1)
    whole = novelty(source, target)
    monkeypatch.setattr("crosstie.tl.novelty.SKETCH", 300)
    parts = novelty(source, target)
    assert np.corrcoef(whole, parts)[0, 1] > 0.95
    np.testing.assert_array_equal(parts, novelty(source, target))
    assert roc_auc_score(np.arange(920) >= 800, parts) > 0.99


def test_order_of_cells_does_not_matter():
    source, target = mixture([60, 60]), mixture([50, 50, 20], seed=1)
    order = np.random.default_rng(0).permutation(120)
    np.testing.assert_allclose(novelty(source[order], target[order]), novelty(source, target)[order], atol=1e-4)


def test_at_the_edge():
    z = mixture([10, 10])
    np.testing.assert_allclose(novelty(z, z[:1]), 0, atol=1e-9)
    assert novelty(z[:1], z).shape == (20,)
    assert np.isfinite(novelty(np.zeros((4, 3)), np.zeros((5, 3)))).all()
    assert novelty(z, z).max() < 0.05


def test_a_type_that_a_simulated_view_lacks_is_found():
    mdata = xt.datasets.simulate_citeseq(
        n_cells=600, n_genes=300, n_proteins=40, drop_types={"rna": ["CD14+ monocytes"]}, seed=1
    )
    found = xt.tl.transfer_labels(xt.integrate(mdata), "rna", "adt", key="cell_type")
    new = (mdata["adt"].obs["cell_type"] == "CD14+ monocytes").to_numpy()
    assert roc_auc_score(new, found["novelty"]) > 0.9


def test_neighbours_may_be_given_and_mass_received_by_a_sample_alone():
    source, target = mixture([300, 200]), mixture([250, 150, 60], seed=1)
    near = nearest(target, target, 30)[1]
    np.testing.assert_array_equal(novelty(source, target, near=near), novelty(source, target))
    among = np.arange(0, 460, 3)
    found = novelty(source, target, near=nearest(target[among], target, 30)[1], among=among)
    assert roc_auc_score(np.arange(460) >= 400, found) > 0.99
    assert np.corrcoef(found, novelty(source, target))[0, 1] > 0.95
