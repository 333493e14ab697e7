import anndata as ad
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import crosstie as xt

from .conftest import at_random


def test_a_good_run_passes(good, model):
    assert good.verdict == "trustworthy", str(good)
    assert good.table["ok"].all()
    for view, score in good.confidence.items():
        assert list(score.index) == list(model.cells[view])
        assert score.between(0, 1).all()
        assert score.std() > 0


def test_confidence_is_lower_where_all_is_wrong(good, bad):
    for view in good.confidence:
        assert good.confidence[view].mean() > 1.3 * bad.confidence[view].mean()


def test_confidence_ranks_cells():
    mdata = xt.datasets.simulate_citeseq(n_cells=500, n_genes=500, panel="pbmc10k", seed=5)
    model = xt.integrate(mdata)
    confidence = xt.trust.diagnose(model, n_stability=1).confidence
    ranked = []
    for source, target in (("rna", "adt"), ("adt", "rna")):
        labels = xt.tl.transfer_labels(model, source, target, key="cell_type")["label"].to_numpy()
        right = labels == model.obs[target]["cell_type"].to_numpy()
        assert 5 < (~right).sum() < 100
        ranked.append(roc_auc_score(right, confidence[target]))
    assert min(ranked) > 0.6  # 23 wrong cells of adt and 10 of rna: ± 0.06 and 0.1
    assert np.mean(ranked) > 0.7


def test_order_of_cells_and_names_of_views_do_not_matter(data, link, good):
    order = {name: np.random.default_rng(1).permutation(adata.n_obs) for name, adata in data.items()}
    moved = {f"my {name}": adata[order[name]] for name, adata in data.items()}
    pairs = xt.links.Link("my adt", "my rna", link.pairs, link.report)
    kinds = {"my adt": "protein", "my rna": "rna"}
    found = xt.trust.diagnose(xt.integrate(moved, pairs, modality=kinds))
    assert found.level == good.level
    assert list(found.table["signal"]) == list(good.table["signal"])
    kept = ~found.table["signal"].str.contains("s.d.")
    np.testing.assert_allclose(found.table["value"][kept], good.table["value"][kept], atol=0.1)
    for name in data:
        one, two = found.confidence[f"my {name}"], good.confidence[name]
        assert np.corrcoef(one.to_numpy(), two[one.index].to_numpy())[0, 1] > 0.7


def test_the_same_seed_gives_the_same(good, model):
    again = xt.trust.diagnose(model)
    pd.testing.assert_frame_equal(again.table, good.table)


def test_a_condemned_model_says_so_with_every_answer(data, link, caplog, tmp_path):
    again = xt.integrate(data, at_random(link))
    xt.tl.match_cells(again, "rna", "adt")
    assert "do not use" not in caplog.text
    assert xt.trust.diagnose(again).level == "fail"
    for answer in (
        lambda m: xt.tl.match_cells(m, "rna", "adt"),
        lambda m: xt.tl.impute(m, "rna", "adt"),
        lambda m: xt.tl.transfer_labels(m, "rna", "adt", key="cell_type"),
        lambda m: xt.tl.match_cells(m.extend(data["rna"][:50].copy(), "rna"), "rna_query", "adt"),
        lambda m: xt.tl.match_cells(kept(m, tmp_path), "rna", "adt"),
        lambda m: xt.tl.match_cells(kept(m, tmp_path).with_data(data), "rna", "adt"),
    ):
        caplog.clear()
        answer(again)
        assert "the verdict on this model is: do not use (adt – rna: " in caplog.text
    caplog.clear()
    again.fit()
    xt.tl.match_cells(again, "rna", "adt")
    assert "do not use" not in caplog.text


def kept(model, folder):
    model.save(folder / "model")
    return xt.Model.load(folder / "model")


def test_copies_are_caught(data):
    twice = {"one": data["adt"], "two": data["adt"][::-1].copy()}
    found = xt.trust.diagnose(xt.integrate(twice, modality=dict.fromkeys(twice, "protein")))
    assert found.level == "fail"
    assert "one – two: 100% of the cells have the same numbers in both views" in found.verdict


def test_a_missing_population_is_named(data, link):
    here = data["adt"].obs["cell_type"] != "CD14+ monocytes"
    found = xt.trust.diagnose(xt.integrate(data | {"adt": data["adt"][here].copy()}, link))
    assert found.level == "care"
    assert any(r.startswith("rna: ") and "no counterpart in adt" in r for r in found.reasons), str(found)
    novel = data["rna"].obs["cell_type"] == "CD14+ monocytes"
    assert roc_auc_score(~novel, found.confidence["rna"]) > 0.8


def test_a_loaded_model(loaded, data, good):
    found = xt.trust.diagnose(loaded)
    assert found.level == "care"
    assert "not judged (the model was loaded without its data)" in found.verdict
    assert found.table["ok"].isna().any()
    assert set(found.confidence) == set(data)
    again = xt.trust.diagnose(loaded, data)
    assert again.verdict == "trustworthy"
    np.testing.assert_allclose(again.table["value"], good.table["value"], atol=0.05, rtol=0.05)


def test_wrong_calls(model, data):
    with pytest.raises(TypeError, match=r"diagnose: not a model[\s\S]*found: dict"):
        xt.trust.diagnose(data)
    with pytest.raises(ValueError, match=r"n_stability is too small[\s\S]*found: 0"):
        xt.trust.diagnose(model, n_stability=0)
    with pytest.raises(ValueError, match="this model is not fitted"):
        xt.trust.diagnose(xt.Model(data))


def test_few_cells():
    mdata = xt.datasets.simulate_citeseq(n_cells=40, n_genes=200, n_proteins=30, seed=0)
    views = {name: ad.AnnData(adata.X, var=adata.var[[]]) for name, adata in mdata.mod.items()}
    assert xt.trust.diagnose(xt.integrate(views)).level in ("ok", "care", "fail")


def test_findings_before_the_fit_are_told_beside_the_figures():
    data = dict(xt.datasets.simulate_citeseq(n_cells=300, n_genes=200, n_proteins=40, seed=0).mod)
    x = data["adt"].X.toarray()
    x[:8] = 0
    data["adt"] = ad.AnnData(x, obs=data["adt"].obs, var=data["adt"].var)
    found = xt.trust.diagnose(xt.integrate(data))
    assert {(f.about, f.id, f.level) for f in found.findings} >= {
        ("adt", "controls", "note"),
        ("adt", "empty_cells", "warning"),
    }
    assert "in the data: adt, empty cells: 8 cells (2.7%) without a single count. Drop them first" in str(found)


def test_cells_without_a_counterpart_are_in_named_populations():
    mdata = xt.datasets.simulate_citeseq(
        n_cells={"rna": 700, "adt": 700}, n_genes=300, drop_types={"rna": ["B cells"]}, seed=1
    )
    found = xt.trust.diagnose(xt.integrate(mdata, config=xt.Config(n_rounds=3)), n_stability=1)
    population = found.populations["adt"]
    lost = (mdata["adt"].obs["cell_type"] == "B cells").to_numpy()
    assert list(population.index) == list(mdata["adt"].obs_names)
    assert population.notna()[lost].mean() > 0.7
    assert population.notna()[~lost].mean() < 0.1
    assert any(marker in name for name in population.dropna().unique() for marker in ("CD19", "CD20"))
