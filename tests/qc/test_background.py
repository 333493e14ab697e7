"""Subject: the background of proteins, from droplets, isotype controls or a mixture."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import crosstie as xt
from crosstie.data import View
from crosstie.qc import remove_background

N, AMBIENT = 400, np.array([3.0, 20.0, 60.0, 8.0, 1.0, 15.0])
NAMES = ["CD3", "CD4", "CD19", "CD14", "CD56", "IgG1_control"]


def panel(seed=0, *, sparse=True):
    """Return cells of which half are bright in each protein, and the unfiltered matrix that holds them."""
    rng = np.random.default_rng(seed)
    bright = rng.random((N, 6)) < [0.5] * 5 + [0.0]
    size = np.exp(0.2 * rng.standard_normal((N, 1)))
    x = rng.poisson(size * (AMBIENT + 300 * bright)).astype(np.float32)
    cells = [f"cell-{i}" for i in range(N)]
    empty = rng.poisson(np.exp(0.2 * rng.standard_normal((2000, 1))) * AMBIENT).astype(np.float32)
    noise = rng.poisson(0.1, (3000, 6)).astype(np.float32)  # barcodes without a droplet
    names = [*cells, *(f"empty-{i}" for i in range(len(empty) + len(noise)))]
    both = [ad.AnnData(m, pd.DataFrame(index=n), pd.DataFrame(index=NAMES)) for m, n in
            ((x, cells), (np.concatenate([x, empty, noise]), names))]  # fmt: skip
    if sparse:
        for adata in both:
            adata.X = sp.csr_matrix(adata.X)
    return *both, bright


def test_the_levels_of_droplets_are_those_of_the_ambient_counts_and_cells_without_a_protein_are_flat():
    adt, raw, bright = panel()
    found = remove_background(adt, droplets=raw[:, ::-1].copy())  # in another order
    level = found.var["background"].to_numpy()
    assert level[:5] == pytest.approx(AMBIENT[:5], rel=0.15, abs=0.3)  # the mean of logs is the lower one
    assert np.isnan(level[5])  # a control has none
    dark, light = (np.array([found.X[k[:, j], j].mean() for j in range(5)]) for k in (~bright, bright))
    assert dark == pytest.approx(np.log(2), abs=0.35)  # a count equal to the background
    assert (light - dark > 1).all()
    assert abs(found.layers["counts"] - adt.X).sum() == 0
    assert found.uns["crosstie_background"]["source"] == "droplets"


def test_a_value_is_the_formula():
    adt, raw, _ = panel(sparse=False)
    found = remove_background(adt, droplets=raw)
    x = adt.X[:, :5].astype(float)
    total = np.log1p(x.sum(1))
    others = np.log1p(x.sum(1, keepdims=True) - x)
    slopes = [np.polyfit(others[:, j], np.log1p(x[:, j]), 1)[0] for j in range(5)]
    y = np.log1p(x) - np.clip(np.median(slopes), 0, 1) * (total - np.log1p(np.median(x.sum(1))))[:, None]
    empty = raw.X[N:, :5]
    kept = empty[(empty.sum(1) >= 10) & (empty.sum(1) <= np.median(x.sum(1)) / 2)]
    expected = np.log1p(np.exp(y - np.log1p(kept).mean(0)))
    assert found.X[:, :5] == pytest.approx(expected, rel=1e-4)


def test_a_mixture_finds_the_lower_part_and_leaves_one_population_as_it_is():
    adt, _, _ = panel()
    adt = adt[:, :5].copy()
    rng = np.random.default_rng(1)
    one = ad.AnnData(rng.poisson(50, (N, 1)).astype(np.float32), adt.obs, pd.DataFrame(index=["CD45"]))
    found = remove_background(ad.concat([adt, one], axis=1))
    assert found.uns["crosstie_background"]["source"] == "mixture"
    level = found.var["background"]
    assert level[NAMES[:5]].to_numpy() == pytest.approx(AMBIENT[:5], rel=0.5)
    assert np.isnan(level["CD45"])


def test_isotypes_take_off_what_all_proteins_share_with_them():
    rng = np.random.default_rng(2)
    sticky = np.exp(0.8 * rng.standard_normal((N, 1)))
    x = rng.poisson(sticky * np.array([20, 30, 40, 25, 10, 15])).astype(np.float32)
    adt = ad.AnnData(x, var=pd.DataFrame(index=NAMES))
    found = remove_background(adt)
    assert found.uns["crosstie_background"]["source"] == "isotypes"
    before, after = np.log1p(x[:, :5]), found.X[:, :5]
    assert (after.std(0) < 0.6 * before.std(0)).all()  # counting noise remains
    assert (
        np.corrcoef(after.mean(1), np.log1p(x[:, 5]))[0, 1]
        < 0.35
        < np.corrcoef(before.mean(1), np.log1p(x[:, 5]))[0, 1]
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda a, r: remove_background(remove_background(a, droplets=r), droplets=r), "the matrix is not counts"),
        (lambda a, r: remove_background(a[:, :5].copy(), source="isotypes"), "there are no isotype controls"),
        (lambda a, r: remove_background(a, source="droplets"), "there are no droplets"),
        (lambda a, r: remove_background(a, droplets=r[:, 1:].copy()), "the droplets lack proteins of the cells"),
        (lambda a, r: remove_background(a, droplets=r[: N + 50].copy()), "too few empty droplets"),
        (lambda a, r: remove_background(a, source="noise"), "unknown name 'noise'"),
        (lambda a, r: remove_background(a, slot="obsm/x"), "slot is no matrix of this table"),
    ],
)
def test_what_cannot_be_used_is_said(change, text):
    adt, raw, _ = panel()
    with pytest.raises((ValueError, KeyError), match=text):
        change(adt, raw)


def test_droplets_of_another_run_are_said(caplog):
    adt, raw, _ = panel()
    raw.obs_names = [f"other-{i}" for i in range(raw.n_obs)]
    remove_background(adt, droplets=raw)
    assert "no droplet has the name of a cell" in caplog.text


def test_a_view_takes_the_values_as_they_are_without_a_warning(caplog):
    adt, raw, _ = panel()
    found = remove_background(adt, droplets=raw)
    assert View.of("adt", found).values == "any"
    assert not [r for r in caplog.records if r.levelname == "WARNING"]
    del found.uns["crosstie_background"]
    View.of("adt", found)
    assert "layers/counts holds counts" in caplog.text


def test_integrate_works_with_them():
    data = dict(xt.datasets.simulate_citeseq(n_cells=300, n_genes=300, seed=0).mod)
    data["adt"] = remove_background(data["adt"], source="mixture")
    model = xt.integrate(data)
    truth = {name: adata.obs["true_cell"].to_numpy() for name, adata in data.items()}
    order = [np.argsort(truth[name]) for name in ("rna", "adt")]
    z = [model.embed(name)[rows] for name, rows in zip(("rna", "adt"), order, strict=True)]
    assert xt.metrics.foscttm(*z) < 0.2
