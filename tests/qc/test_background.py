"""Subject: the background of proteins, from droplets, isotype controls or a mixture."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import crosstie as xt
from crosstie.data import Recipe, View
from crosstie.qc import with_background

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


def levels(adata):
    return adata.var["crosstie_background"].to_numpy()


def test_droplets_show_the_ambient_counts():
    adt, raw, _ = panel()
    found = with_background(adt, droplets=raw[:, ::-1].copy())  # in another order
    assert levels(found)[:5] == pytest.approx(AMBIENT[:5], rel=0.15, abs=0.3)  # the mean of logs is the lower one
    assert np.isnan(levels(found)[5])  # a control has none
    assert abs(found.X - adt.X).sum() == 0
    assert found.uns["crosstie_background"] == {"source": "droplets", "n_proteins": 5}
    total, cells = raw[N:, :5].X.toarray(), adt[:, :5].X.toarray()
    kept = total[(total.sum(1) >= 10) & (total.sum(1) <= np.median(cells.sum(1)) / 2)]
    assert levels(found)[:5] == pytest.approx(np.expm1(np.log1p(kept).mean(0)), rel=1e-4)


def test_a_mixture_finds_the_lower_part_and_nothing_in_one_population():
    adt, _, _ = panel()
    adt = adt[:, :5].copy()
    rng = np.random.default_rng(1)
    one = ad.AnnData(rng.poisson(50, (N, 1)).astype(np.float32), adt.obs, pd.DataFrame(index=["CD45"]))
    found = with_background(ad.concat([adt, one], axis=1))
    assert found.uns["crosstie_background"]["source"] == "mixture"
    assert levels(found)[:5] == pytest.approx(AMBIENT[:5], rel=0.5)
    assert np.isnan(levels(found)[5])


def test_isotypes_give_every_protein_their_level():
    adt, _, _ = panel()
    found = with_background(adt)
    assert found.uns["crosstie_background"]["source"] == "isotypes"
    assert levels(found)[:5] == pytest.approx(np.full(5, 15), rel=0.15)


def test_a_recipe_takes_it_off_by_the_formula_and_keeps_its_weights(tmp_path):
    adt, raw, bright = panel(sparse=False)
    plain = Recipe.fit(View.of("adt", adt), ignore=NAMES[5:])
    view = View.of("adt", with_background(adt, droplets=raw))
    recipe = Recipe.fit(view, ignore=NAMES[5:])
    before, after = plain.log_normalize(adt.X), recipe.log_normalize(adt.X)
    off = view.background[:5]
    assert after == pytest.approx(np.log1p(np.exp(before) / (1 + off)), rel=1e-4)
    dark = np.array([after[~bright[:, j], j].mean() for j in range(5)])
    assert dark == pytest.approx(np.log(2), abs=0.35)  # a count equal to the background
    assert recipe.weight is not None
    assert view.subset(np.arange(50)).background is view.background


def test_nothing_changes_without_a_background():
    adt, _, _ = panel()
    none = adt.copy()
    none.var["crosstie_background"] = np.nan
    a, b = (Recipe.fit_transform(View.of("adt", x))[1] for x in (adt, none))
    assert np.array_equal(a, b)
    assert View.of("adt", adt).background is None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda a, r: with_background(ad.AnnData(np.log1p(a.X), a.obs, a.var)), "the matrix is not counts"),
        (lambda a, r: with_background(a[:, :5].copy(), source="isotypes"), "there are no isotype controls"),
        (lambda a, r: with_background(a, source="droplets"), "there are no droplets"),
        (lambda a, r: with_background(a, droplets=r[:, 1:].copy()), "the droplets lack proteins of the cells"),
        (lambda a, r: with_background(a, droplets=r[: N + 50].copy()), "too few empty droplets"),
        (lambda a, r: with_background(a, source="noise"), "unknown name 'noise'"),
        (lambda a, r: with_background(a, slot="obsm/x"), "the slot cannot hold these proteins"),
    ],
)
def test_what_cannot_be_used_is_said(change, text):
    adt, raw, _ = panel()
    with pytest.raises((ValueError, KeyError), match=text):
        change(adt, raw)


def test_droplets_of_another_run_are_said(caplog):
    adt, raw, _ = panel()
    raw.obs_names = [f"other-{i}" for i in range(raw.n_obs)]
    with_background(adt, droplets=raw)
    assert "no droplet has the name of a cell" in caplog.text


def test_a_saved_model_takes_it_off_new_cells_too(tmp_path):
    data = dict(xt.datasets.simulate_citeseq(n_cells=300, n_genes=300, seed=0).mod)
    data["adt"] = with_background(data["adt"], source="mixture")
    model = xt.integrate(data)
    model.save(tmp_path / "model")
    again = xt.Model.load(tmp_path / "model")
    assert np.array_equal(again.recipes["adt"].background, model.recipes["adt"].background)
    z = again.embed("adt", data["adt"])
    assert z == pytest.approx(model.embed("adt"), abs=1e-4)
    truth = [np.argsort(data[name].obs["true_cell"].to_numpy()) for name in ("rna", "adt")]
    assert xt.metrics.foscttm(model.embed("rna")[truth[0]], z[truth[1]]) < 0.2
