import logging

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from changed_models import changed
from crosstie._errors import InputKeyError, InputValueError
from crosstie.tl import relate as relations
from crosstie.tl.neighbourhood import weighted_neighbours
from crosstie.tl.relate import mean_response, moved_blocks, standing_out

both_ways = pytest.mark.parametrize(("source", "target"), [("rna", "adt"), ("adt", "rna")])


def components(model, view):
    return model.recipes[view].transform(model.views[view].matrix)


def carried(model, source, target, scaled, drawn):
    """Target features of one source cell, from its scaled features; where it is pulled to stays fixed."""
    form, pull = model.closed_form, model.closed_form.settings.pull
    raw = (scaled @ model.recipes[source].reading.astype(float) - form.mean[source]) @ form.maps[source]
    w = (1 - pull) * raw / np.linalg.norm(raw) + pull * drawn
    matrix, offset = model.decoders[target]
    return (w / np.linalg.norm(w) @ matrix + offset) @ model.recipes[target].writing.T


@both_ways
def test_response_equals_finite_differences(model, source, target):
    form, rows = model.closed_form, np.array([3, 100, 230])
    features = [0, 5, len(model.recipes[source].names) - 1]
    expected = np.zeros((3, len(model.recipes[target].names)))
    step = 1e-4
    for cell in rows:
        base = model.recipes[source].scale(model.views[source].matrix[[cell]])[0].astype(float)
        own = (base @ model.recipes[source].reading - form.mean[source]) @ form.maps[source]
        own /= np.linalg.norm(own)
        near = np.argsort(((form.reference[target] - own) ** 2).sum(1))[: form.settings.n_smooth]
        drawn = form.reference[target][near].mean(0)
        for n, feature in enumerate(features):
            moved = np.zeros(len(base))
            moved[feature] = step
            above, below = (carried(model, source, target, base + sign * moved, drawn) for sign in (1, -1))
            expected[n] += (above - below) / (2 * step) / len(rows)
    found = mean_response(model, source, target, rows)
    assert found.shape == (len(model.recipes[source].names), len(model.recipes[target].names))
    np.testing.assert_allclose(found[features], expected, atol=1e-4 * np.abs(found).max(), rtol=1e-2)


def test_response_without_the_closed_form_is_a_slope(model, bare):
    bare = changed(bare, views=model.views)
    x, z = components(bare, "rna").astype(float), bare.latents["rna"]
    centred = x - x.mean(0)
    slope = np.linalg.lstsq(centred, z - z.mean(0), rcond=None)[0]
    expected = bare.recipes["rna"].reading @ slope @ bare.decoders["adt"][0] @ bare.recipes["adt"].writing.T
    bare = changed(bare, closed_form=None)
    found = mean_response(bare, "rna", "adt")
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.98


@both_ways
def test_correlation_equals_the_naive_one(model, source, target):
    row, weight = weighted_neighbours(model.latents[source], model.latents[target], 30)
    rebuilt = {v: components(model, v) @ model.recipes[v].loadings.T for v in (source, target)}
    imputed = np.einsum("ck,ckf->cf", weight, rebuilt[source][row])
    table = relations(model, source, target, n_top=None)
    assert len(table) == imputed.shape[1] * rebuilt[target].shape[1]
    for _, found in table.sample(30, random_state=0).iterrows():
        a = imputed[:, model.recipes[source].names.get_loc(found["source"])]
        b = rebuilt[target][:, model.recipes[target].names.get_loc(found["target"])]
        assert found["correlation"] == pytest.approx(np.corrcoef(a, b)[0, 1], abs=2e-3)


def test_the_table_is_consistent(model):
    table = relations(model, "rna", "adt", n_top=None)
    assert table.columns.tolist() == ["source", "target", "response", "correlation", "score", "p", "q"]
    shape = len(model.recipes["adt"].names), len(model.recipes["rna"].names)
    assert table["target"].tolist() == np.repeat(model.recipes["adt"].names, shape[1]).tolist()
    assert (table.groupby("target")["score"].diff().dropna() <= 0).all()
    np.testing.assert_allclose(table["q"], false_discovery_control(table["p"]))
    assert table["p"].between(0, 1, inclusive="right").all()
    assert np.isfinite(table.drop(columns=["source", "target"])).all(axis=None)
    response = table.pivot_table("response", "source", "target").loc[
        model.recipes["rna"].names, model.recipes["adt"].names
    ]
    np.testing.assert_allclose(response, mean_response(model, "rna", "adt"), rtol=1e-4, atol=1e-8)
    best = relations(model, "rna", "adt", n_top=3)
    assert best.equals(table.groupby("target", sort=False).head(3).reset_index(drop=True))


def test_scores_stand_out():
    r = np.random.default_rng(0).normal(size=(6, 4))
    expected = ((r - r.mean(0)) / r.std(0) + ((r.T - r.mean(1)) / r.std(1)).T) / 2
    np.testing.assert_allclose(standing_out(r), expected)
    assert standing_out(np.ones((3, 2))).tolist() == [[0, 0]] * 3


def test_whole_blocks_move():
    block = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
    for seed in range(5):
        partner = moved_blocks(block, np.random.default_rng(seed))
        to = [set(block[partner[block == b]]) for b in range(3)]
        assert all(len(x) == 1 for x in to)
        assert set.union(*to) == {0, 1, 2}


def test_p_values_are_uniform_where_nothing_is_related(model, bare):
    """Cells of the target as they are, imputed values of other neighbourhoods: chance by its own rules."""
    from sklearn.cluster import KMeans

    from crosstie.tl.relate import CELLS_PER_BLOCK, _p_values, _spread

    z = model.latents["adt"]
    rng = np.random.default_rng(1)
    y = components(model, "adt")
    block = KMeans(len(z) // CELLS_PER_BLOCK, n_init=1, random_state=3).fit(z).labels_
    p = []
    for _ in range(6):
        x = y[moved_blocks(block, rng)]
        x, centred = x - x.mean(0), y - y.mean(0)
        loadings = model.recipes["adt"].loadings
        scaled = loadings / _spread(x, loadings), loadings / _spread(centred, loadings)
        r = scaled[0] @ (x.T @ centred / len(x)) @ scaled[1].T
        p.append(_p_values(r, x, centred, scaled, z, 50, 0).ravel())
    assert 0.01 < (np.concatenate(p) < 0.05).mean() < 0.12


def test_true_pairs_stand_out(model, data):
    table = relations(model, "rna", "adt", n_top=None).set_index(["target", "source"])
    genes = data["adt"].var["gene"]
    pairs = [(p, g) for p, names in genes.items() for g in names.split("/") if (p, g) in table.index]
    assert len(pairs) > 10
    assert (table["score"].groupby("target").rank(pct=True).loc[pairs] > 0.95).mean() > 0.5
    assert (table.loc[pairs, "q"] < 0.05).mean() > 2 * (table["q"] < 0.05).mean()


def test_groups(model, caplog):
    with caplog.at_level(logging.WARNING, "crosstie"):
        table = relations(model, "rna", "adt", by="cell_type", n_top=2)
    groups = table["group"].unique().tolist()
    types = model.obs["rna"]["cell_type"].astype(str)
    assert 1 <= len(groups) < types.nunique()
    assert all(name in caplog.text for name in set(types) - set(groups))
    assert "fewer than 60 target cells" in caplog.text
    rows = np.flatnonzero(types == groups[0])
    expected = mean_response(model, "rna", "adt", rows)
    first = table.iloc[0]
    at = [model.recipes[v].names.get_loc(first[side]) for v, side in (("rna", "source"), ("adt", "target"))]
    assert first["response"] == pytest.approx(expected[*at], rel=1e-4)
    for name in groups:
        alone = table[table["group"] == name]
        assert alone.groupby("target").size().eq(2).all()


def test_one_group_of_all_is_the_whole(model, bare):
    bare = changed(bare, obs={**model.obs, "rna": model.obs["rna"].assign(one="x")})
    bare = changed(bare, views=model.views)
    found = relations(bare, "rna", "adt", by="one").drop(columns="group")
    assert found.equals(relations(model, "rna", "adt"))


def test_cells_without_a_group_are_no_group(model, bare):
    half = np.where(np.arange(300) < 280, "x", None)
    bare = changed(bare, obs={**model.obs, "rna": model.obs["rna"].assign(half=half)})
    bare = changed(bare, views=model.views)
    assert relations(bare, "rna", "adt", by="half")["group"].unique().tolist() == ["x"]


def test_the_same_seed_says_the_same(model):
    first, again, other = (relations(model, "rna", "adt", n_permutations=20, seed=s) for s in (3, 3, 4))
    assert first.equals(again)
    assert not first["p"].equals(other["p"])
    assert first["correlation"].equals(other["correlation"])


@pytest.mark.parametrize(
    ("views", "options", "error", "words"),
    [
        (("rna", "atac"), {}, InputKeyError, "view: unknown name 'atac'"),
        (("rna", "rna"), {}, InputValueError, "relate: source and target are the same view"),
        (("rna", "adt"), {"by": "cel_type"}, InputKeyError, r"unknown name 'cel_type'(.|\n)*'cell_type'"),
        (("rna", "adt"), {"by": "true_cell"}, InputValueError, "no group of 'true_cell' has enough cells"),
        (("rna", "adt"), {"n_permutations": 0}, InputValueError, "n_permutations=0"),
        (("rna", "adt"), {"n_top": 0}, InputValueError, "n_top=0"),
        (("rna", "adt"), {"k": 0}, InputValueError, "k=0"),
    ],
)
def test_wrong_input_is_explained(model, views, options, error, words):
    with pytest.raises(error, match=words):
        relations(model, *views, **options)


def test_relations_need_the_data(bare):
    with pytest.raises(InputValueError, match="loaded without its data"):
        relations(bare, "rna", "adt")
