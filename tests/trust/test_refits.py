"""What refits tell about each edge: of links at random, of shared cells, of halved counts."""

import numpy as np
import pandas as pd

import crosstie as xt

from .conftest import at_random


def test_links_at_random_are_caught(bad):
    assert bad.level == "fail"
    assert "do not agree clearly better" in bad.verdict
    table = bad.table.set_index("signal")["value"]
    assert table["agreement of links left out, above other pairings, in s.d."] < 3


def test_three_views_one_bad_edge():
    mdata = xt.datasets.simulate_teaseq(n_cells=400, n_genes=500, seed=2)
    names = dict(zip(mdata.mod, ("rna", "protein", "activity"), strict=True))
    views = dict(mdata.mod)
    ties = [
        at_random(xt.links.by_table(views, "adt", "activity")),
        xt.links.by_table(views, "adt", "rna"),
        xt.links.by_name(views, "rna", "activity"),
    ]
    found = xt.trust.diagnose(xt.integrate(views, ties, modality=names), n_stability=1)
    assert found.level == "care", str(found)  # the other edges hold the views together
    assert found.reasons[0].startswith("adt – activity")
    assert set(found.table["edge"]) >= {"adt – rna", "rna – activity", "adt – activity"}


def test_shared_cells_alone(data):
    truth = {name: adata.obs["true_cell"].to_numpy() for name, adata in data.items()}
    _, i, j = np.intersect1d(truth["rna"], truth["adt"], return_indices=True)
    cells = pd.DataFrame({"source": data["rna"].obs_names[i[:250]], "target": data["adt"].obs_names[j[:250]]})
    found = xt.trust.diagnose(xt.integrate(data, xt.links.paired(data, "rna", "adt", cells=cells)))
    table = found.table.set_index("signal")
    assert table.loc["FOSCTTM of shared cells left out", "ok"]
    assert found.level != "fail", str(found)
    wrong = cells.assign(target=np.random.default_rng(0).permutation(cells["target"]))
    bad = xt.trust.diagnose(xt.integrate(data, xt.links.paired(data, "rna", "adt", cells=wrong)))
    assert bad.level == "fail", str(bad)


def test_normalised_numbers_have_no_counts_to_halve(data, link):
    adata = data["rna"].copy()
    total = np.asarray(adata.X.sum(1))
    adata.X = adata.X.multiply(1000 / total).tocsr().astype(np.float32)
    adata.X.data = np.log1p(adata.X.data)
    adt = data["adt"].copy()
    adt.X = adt.X.log1p()
    found = xt.trust.diagnose(xt.integrate({"adt": adt, "rna": adata}, link))
    assert "depth of adt, depth of rna" in found.verdict
    assert "holds no counts" in found.verdict
    assert found.level == "care"
