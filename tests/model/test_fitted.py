"""The result for some of the cells."""

from dataclasses import replace

import numpy as np

import crosstie as xt
from crosstie.anchors import Anchors


def test_a_subset_keeps_its_anchors():
    data = dict(xt.datasets.simulate_citeseq(n_cells=60, n_genes=100, n_proteins=20).mod)
    fitted = xt.integrate(data, config=xt.Config(n_components=12, n_latent=8, n_rounds=2)).fitted
    every = fitted.anchors["rna", "adt"]
    found = Anchors(every.source[:20], every.target[:20], every.weight[:20])
    fitted = replace(fitted, anchors={("rna", "adt"): found})
    rows = {"rna": np.unique(found.source), "adt": np.unique(found.target)}
    assert max(map(len, rows.values())) < 60
    part = fitted.subset(rows)
    kept = part.anchors["rna", "adt"]
    np.testing.assert_array_equal(rows["rna"][kept.source], found.source)
    np.testing.assert_array_equal(rows["adt"][kept.target], found.target)
    np.testing.assert_array_equal(kept.weight, found.weight)
    for view, kept_rows in rows.items():
        np.testing.assert_array_equal(part.latents[view], fitted.latents[view][kept_rows])
    for (a, b), told in part.disagreement.items():
        np.testing.assert_array_equal(told, fitted.disagreement[a, b][rows[b]])
    assert len(part.disagreement) == 2


def test_disagreement_follows_the_order_of_the_cells():
    data = dict(xt.datasets.simulate_citeseq(n_cells=60, n_genes=100, n_proteins=20).mod)
    config = xt.Config(n_components=12, n_latent=8, n_rounds=2)
    turned = {name: adata[::-1].copy() for name, adata in data.items()}
    one, two = (xt.integrate(d, config=config).fitted.disagreement for d in (data, turned))
    for way, told in one.items():
        assert told.std() > 0.01
        np.testing.assert_array_equal(told, two[way][::-1])
