import numpy as np
import pytest
import scipy.sparse as sp
from anndata import AnnData

import crosstie as xt
from crosstie.data import View
from crosstie.qc import doublets


def planted(share, *, n_cells=900, batches=None, seed=1):
    """Simulated cells of which a share are sums of two others, which are gone; in each batch as many."""
    rna = xt.datasets.simulate_citeseq(n_cells=n_cells, n_genes=400, seed=seed)["rna"]
    x, order = sp.csr_matrix(rna.X), np.random.default_rng(0).permutation(n_cells)
    n = round(share * n_cells / (1 + share))
    first, second, rest = order[:n], order[n : 2 * n], order[2 * n :]
    both = sp.vstack([x[rest], x[first] + x[second]], "csr")
    is_doublet = np.arange(both.shape[0]) >= len(rest)
    adata = AnnData(both, var=rna.var)
    adata.obs_names = [f"c{i}" for i in range(adata.n_obs)]
    if batches:
        adata.obs["batch"] = np.arange(adata.n_obs) % batches
    return View.of("rna", adata, modality="rna", batch_key="batch" if batches else None), is_doublet


@pytest.mark.parametrize(("share", "low", "high"), [(0, 0, 0.04), (0.1, 0.06, 0.14), (0.3, 0.2, 0.38)])
def test_the_share_is_that_of_planted_doublets(share, low, high):
    view, is_doublet = planted(share)
    found = xt.qc.find_doublets(view)
    assert low <= found.share <= high
    assert found.score.shape == found.rows.shape == (view.n_cells,)
    if share:
        score, others = found.score[is_doublet], found.score[~is_doublet]
        assert (score[:, None] > others[None, :]).mean() > 0.9  # area under the ROC curve
        assert len(found.called) == round(found.share * view.n_cells)
        assert is_doublet[found.called].mean() > 0.7


def test_the_same_seed_gives_the_same_bits():
    view, _ = planted(0.1, n_cells=300)
    assert np.array_equal(xt.qc.find_doublets(view).score, xt.qc.find_doublets(view).score)


def test_doublets_are_made_within_batches():
    """Batches are two types without a gene in common: no two cells of one batch give a cell with genes of both."""
    rng = np.random.default_rng(0)
    x = np.zeros((300, 2))
    batch = np.where(np.arange(300) < 200, "a", "b")
    x[np.arange(300), (batch == "b").astype(int)] = 1
    made = doublets._simulated(sp.csr_matrix(x), np.arange(0, 300, 3), batch, rng).toarray()
    assert (made.max(1) == 2).all()
    assert made[:, 0].sum() / made.sum() == pytest.approx(2 / 3, abs=0.1)  # as many in each batch as it has cells
    as_one = doublets._simulated(sp.csr_matrix(x), np.arange(0, 300, 3), None, rng).toarray()
    assert (as_one.max(1) == 1).mean() == pytest.approx(4 / 9, abs=0.1)


def test_only_a_part_of_a_large_view_is_scored():
    found = xt.qc.find_doublets(planted(0.1, n_cells=400)[0], max_cells=200)
    assert len(found.rows) == 200
    assert (np.diff(found.rows) > 0).all()
    assert set(found.called) <= set(found.rows)


def test_what_has_no_counts_or_few_cells_is_refused():
    view, _ = planted(0, n_cells=120)
    with pytest.raises(ValueError, match="too few cells"):
        xt.qc.find_doublets(view.subset(np.arange(60)))
    log = AnnData(np.log1p(view.loaded.toarray()))
    with pytest.raises(ValueError, match="does not hold counts"):
        xt.qc.find_doublets(View.of("rna", log, modality="rna"))
