"""References: used where the data confirm them, and said to be useless where they do not."""

import anndata as ad
import numpy as np
import pytest

import crosstie as xt
from crosstie.datasets import simulate_citeseq

N_REFERENCE = 500


@pytest.fixture(scope="module")
def cells():
    """Return simulated cells as two views of the task and a reference of other cells, whose pairs are known."""
    found = simulate_citeseq(n_cells=1000, n_genes=400, n_proteins=40, noise=2.0, seed=3).mod
    views, reference = {}, {}
    for name, adata in found.items():
        number = adata.obs["true_cell"].to_numpy()
        at = number < N_REFERENCE
        views[name] = ad.AnnData(adata.X[~at], var=adata.var[[]].copy(), obs=adata.obs.loc[~at, ["true_cell"]])
        reference[name] = ad.AnnData(adata.X[at][np.argsort(number[at])], var=adata.var[[]].copy())
        reference[name].obs_names = [f"reference-{i}" for i in range(N_REFERENCE)]
    return views, reference


@pytest.fixture(scope="module")
def few_links(cells):
    """Return six links of the data's own."""
    link = xt.links.by_table(cells[0], "adt", "rna")
    some = link.pairs["column"].unique()[:6]
    return xt.links.Link(link.source, link.target, link.pairs[link.pairs["column"].isin(some)], link.report)


def foscttm(model, views):
    rna, adt = (model.latents[v][np.argsort(views[v].obs["true_cell"].to_numpy())] for v in ("rna", "adt"))
    return xt.metrics.foscttm(rna, adt)


def test_a_reference_of_the_same_cells_is_used_and_helps(cells, few_links):
    views, reference = cells
    plain, helped = (xt.integrate(views, few_links, reference=r) for r in (None, reference))
    assert helped.references["used"].tolist() == [True]
    assert plain.references.empty
    assert foscttm(helped, views) < foscttm(plain, views) - 0.01
    assert helped.linkage.links[-1].origin == "reference"


@pytest.mark.parametrize("wrong", ["pairs", "names"])
def test_a_wrong_reference_is_left_out_and_changes_nothing(cells, few_links, wrong, caplog):
    views, reference = cells
    adt, rng = reference["adt"].copy(), np.random.default_rng(0)
    if wrong == "pairs":
        adt.X = adt.X[rng.permutation(adt.n_obs)]
    else:
        adt.var_names = rng.permutation(adt.var_names)
    model = xt.integrate(views, few_links, reference=reference | {"adt": adt})
    assert not model.references["used"].any()
    assert "not used" in caplog.text
    plain = xt.integrate(views, few_links)
    assert all(np.array_equal(model.latents[v], plain.latents[v]) for v in views)


def test_several_references_are_tested_one_by_one(cells, few_links):
    views, reference = cells
    rng = np.random.default_rng(0)
    wrong = reference | {"adt": reference["adt"].copy()}
    wrong["adt"].var_names = rng.permutation(wrong["adt"].var_names)
    learned = xt.links.learn(reference, "rna", "adt")
    model = xt.Model(views, few_links, reference=[wrong, reference, learned])
    assert model.references["used"].tolist() == [False, True, True]
    assert sum(link.origin == "reference" for link in model.linkage.links) == 1


def test_learned_links_can_be_the_only_links(cells):
    views, reference = cells
    learned = xt.links.learn(reference, "rna", "adt")
    assert foscttm(xt.integrate(views, [learned]), views) < 0.2


def test_a_model_with_learned_links_can_be_saved_and_judged(cells, few_links, tmp_path):
    views, reference = cells
    model = xt.integrate(views, few_links, reference=reference)
    model.save(tmp_path / "model")
    again = xt.Model.load(tmp_path / "model")
    assert np.allclose(again.embed("rna", views["rna"]), model.latents["rna"], atol=1e-5)
    table = xt.trust.diagnose(model).table
    assert "adt – rna" in set(table["edge"])  # judged by its own six links


@pytest.mark.parametrize("reference", ["pbmc.h5mu", 3])
def test_what_is_no_reference_is_refused(cells, reference):
    with pytest.raises(TypeError, match=r"reference: not paired data.*\n(.*\n)*.*xt.read"):
        xt.Model(cells[0], reference=reference)


def test_a_reference_of_other_modalities_is_refused(cells):
    views, reference = cells
    with pytest.raises(ValueError, match="did not measure what the views did"):
        xt.Model(views, reference={"rna": reference["rna"], "other": reference["rna"]})
