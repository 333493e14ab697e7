"""What scMODAL's networks read of several views, and what its anchors compare."""

from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import crosstie as xt
from crosstie.model.inputs import Inputs
from crosstie.model.linked_blocks import fit_blocks
from crosstie.model.recipes import fit_recipes

CONFIG = replace(xt.Config.scmodal(), n_components=10)


def blocks_of(data, links=None, **options):
    inputs = Inputs.of(data, links, CONFIG, **options)
    fits = fit_recipes(inputs, CONFIG, 0)
    recipes = {name: recipe for name, (recipe, _) in fits.items()}
    return inputs, recipes, *fit_blocks(inputs, recipes, 0)


@pytest.fixture(scope="module")
def data():
    return dict(xt.datasets.simulate_citeseq(n_cells=80, n_genes=60, n_proteins=12, seed=0).mod)


def test_every_pair_is_a_column_of_both_views(data):
    genes, proteins = data["rna"].var_names, data["adt"].var_names
    table = pd.DataFrame(
        {"source": genes[[3, 8, 8]], "target": proteins[[0, 0, 5]], "column": [0, 0, 1], "weight": [1.0, 1.0, -1.0]}
    )
    inputs, recipes, blocks, linked = blocks_of(data, xt.links.Link("rna", "adt", table, pd.DataFrame()))
    assert blocks["rna"].columns[:3].tolist() == [3, 8, 8]
    assert blocks["adt"].columns[:3].tolist() == [0, 0, 5]
    x, y = linked["rna", "adt"]
    for view, found, sign in (("rna", x, [1, 1, 1]), ("adt", y, [1, 1, -1])):
        whole = blocks[view].scale(recipes[view], inputs.views[view].loaded)
        np.testing.assert_array_equal(found, whole[:, :3] * np.array(sign, np.float32))


def test_genes_decide_the_total(data):
    for first, second in (("rna", "adt"), ("adt", "rna")):
        _, _, blocks, _ = blocks_of({name: data[name] for name in (first, second)})
        there = blocks["rna"].columns[blocks["rna"].block == 0]
        totals = sp.csr_matrix(data["rna"].X)[:, there].sum(1)
        expected = max(float(np.median(np.asarray(totals))), 20)
        for view in ("rna", "adt"):
            assert (blocks[view].target_sum[blocks[view].block == 0] == expected).all()


def test_a_chain_has_a_block_for_each_edge(data):
    both = data["rna"][:, :40].copy()
    both.obs_names = [f"copy {name}" for name in both.obs_names]
    both.X = np.random.default_rng(0).poisson(both.X.toarray() if sp.issparse(both.X) else both.X).astype(np.float32)
    views = {"adt": data["adt"], "rna": data["rna"], "atac": both}
    links = [xt.links.by_table(views, "rna", "adt"), xt.links.by_name(views, "rna", "atac")]
    inputs, _, blocks, linked = blocks_of(views, links, modality={"atac": "activity"})
    assert set(np.unique(blocks["rna"].block)) == {-1, 0, 1}
    for (a, b), (x, y) in linked.items():
        assert x.shape == (80, y.shape[1]), (a, b)
    assert set(linked) == set(inputs.linkage.edges)


def test_what_links_read_instead_is_no_input(data):
    peaks = ad.AnnData(np.random.default_rng(1).poisson(0.5, (80, 50)).astype(np.float32), obs=data["rna"].obs[[]])
    activity = data["rna"][:, :30].copy()
    views = {"atac": peaks, "adt": data["adt"]}
    link = xt.links.by_table({"atac": activity, "adt": data["adt"]}, "atac", "adt")
    _, _, blocks, linked = blocks_of(views, link, modality={"atac": "atac"}, link_data={"atac": activity})
    assert (blocks["atac"].block == -1).all()
    assert linked["atac", "adt"][0].shape[1] == (blocks["adt"].block == 0).sum() > 0
