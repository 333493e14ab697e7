import logging
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import crosstie as xt
from changed_models import changed
from crosstie._errors import InputKeyError, InputValueError
from crosstie.space import Positions
from crosstie.tl import label_probabilities, transfer_labels
from crosstie.tl.neighbourhood import own_coordinates
from crosstie.tl.novelty import novelty
from crosstie.tl.transfer_labels import _Cells, _voted


def naive_votes(z_source, labels, z_target, k):
    """Shares of labels among the nearest, one target cell at a time."""
    out = []
    for point in z_target.astype(float):
        squared = ((np.asarray(z_source, float) - point) ** 2).sum(1)
        nearest = np.argsort(squared)[:k]
        weight = np.exp(-4 * squared[nearest] / squared[nearest[-1]])
        out.append(pd.Series(weight / weight.sum()).groupby(np.asarray(labels)[nearest]).sum())
    return pd.DataFrame(out).reindex(columns=sorted(set(labels))).fillna(0).to_numpy()


def naive_own(z, k):
    """Weights of the nearest other cells, as a full matrix."""
    squared = ((z[:, None].astype(float) - z) ** 2).sum(2)
    np.fill_diagonal(squared, np.inf)
    weight = np.zeros(squared.shape)
    for i, row in enumerate(squared):
        near = np.argsort(row)[:k]
        weight[i, near] = np.exp(-4 * row[near] / row[near[-1]])
    return weight / weight.sum(1, keepdims=True)


def with_views(bare, rows):
    """Give the model other fitted cells: row numbers of either view."""
    form = bare.closed_form
    bare = changed(bare, latents={view: z[rows[view]] if view in rows else z for view, z in bare.latents.items()})
    bare = changed(bare, obs={view: o.iloc[rows[view]] if view in rows else o for view, o in bare.obs.items()})
    reference = {view: z[rows[view]] if view in rows else z for view, z in form.reference.items()}
    told = {(a, b): e[rows[b]] if b in rows else e for (a, b), e in bare.fitted.disagreement.items()}
    return changed(bare, closed_form=replace(form, reference=reference), disagreement=told)


@pytest.mark.parametrize("k", [2, 15, 40])
def test_probabilities_equal_the_naive_ones(model, k):
    labels = model.obs["rna"]["cell_type"].astype(str)
    vote = naive_votes(model.latents["rna"], labels, model.latents["adt"], k)
    share = (vote + naive_own(own_coordinates(model, "adt"), 15) @ vote) / 2
    found = label_probabilities(model, "rna", "adt", key="cell_type", k=k)
    assert found.index.equals(model.obs["adt"].index)
    assert found.columns.tolist() == sorted(set(labels))
    np.testing.assert_allclose(found.sum(1), 1)
    # The temperature is one number: logarithms of odds are those of the shares, divided by it.
    odds, expected = (np.log(np.maximum(p, 0)[:, 1:] / p[:, :1]) for p in (found.to_numpy(), np.maximum(share, 1e-3)))
    large = np.abs(expected) > 0.5
    ratio = expected[large] / odds[large]
    np.testing.assert_allclose(ratio, np.median(ratio), rtol=0.05)
    assert 0.5 <= np.median(ratio) <= 3


def test_the_table_tells_the_most_probable_label(model):
    probability = label_probabilities(model, "rna", "adt", key="cell_type")
    found = transfer_labels(model, "rna", "adt", key="cell_type")
    assert found.columns.tolist() == ["label", "confidence", "novelty"]
    assert found.index.equals(model.obs["adt"].index)
    assert found["label"].astype(str).tolist() == probability.idxmax(axis=1).astype(str).tolist()
    np.testing.assert_allclose(found["confidence"], probability.max(axis=1))
    assert found["novelty"].between(0, 1).all()


def test_labels_are_carried_over_both_ways(model):
    for source, target in (("rna", "adt"), ("adt", "rna")):
        found = transfer_labels(model, source, target, key="cell_type")
        hit = (found["label"].astype(str) == model.obs[target]["cell_type"].astype(str)).to_numpy()
        assert hit.mean() > 0.75
        assert found["confidence"][hit].mean() > found["confidence"][~hit].mean() + 0.1


@pytest.mark.parametrize("view", ["rna", "adt"])
def test_order_of_cells_does_not_matter(model, bare, view):
    expected = transfer_labels(model, "rna", "adt", key="cell_type")
    order = np.random.default_rng(0).permutation(len(model.latents[view]))
    found = transfer_labels(with_views(bare, {view: order}), "rna", "adt", key="cell_type")
    pd.testing.assert_frame_equal(found.loc[expected.index], expected, rtol=1e-3, atol=1e-4)


def test_labels_given_directly(bare):
    expected = transfer_labels(bare, "rna", "adt", key="cell_type")
    column = bare.obs["rna"]["cell_type"].astype(str)
    mixed = column.sample(frac=1, random_state=0)
    for given in (column, mixed, column.to_numpy(), column.tolist(), column.reset_index(drop=True), mixed.to_dict()):
        found = transfer_labels(bare, "rna", "adt", labels=given)
        assert found["label"].tolist() == expected["label"].tolist()
        np.testing.assert_array_equal(found["confidence"], expected["confidence"])


def test_labels_keep_their_kind(model):
    numbers = np.arange(300) % 7
    assert transfer_labels(model, "rna", "adt", labels=numbers)["label"].dtype == numbers.dtype
    category = pd.Categorical(numbers.astype(str), categories=list("6543210"), ordered=True)
    found = transfer_labels(model, "rna", "adt", labels=category)["label"]
    assert found.cat.ordered
    assert found.cat.categories.tolist() == list("6543210")


def test_missing_labels_are_left_out_and_counted(model, bare, caplog):
    labels = model.obs["rna"]["cell_type"].astype(str).where(np.arange(300) % 3 > 0)
    with caplog.at_level(logging.INFO, "crosstie"):
        found = transfer_labels(model, "rna", "adt", labels=labels)
    assert "100 of 300 cells of rna have no label" in caplog.text
    known = np.flatnonzero(labels.notna())
    fewer = transfer_labels(with_views(bare, {"rna": known}), "rna", "adt", labels=labels.iloc[known])
    pd.testing.assert_frame_equal(found, fewer)


def test_more_neighbours_than_cells_are_all_cells(model):
    labels = pd.Series("x", model.obs["rna"].index)
    labels.iloc[:200] = "y"
    every = transfer_labels(model, "rna", "adt", labels=labels, k=300)
    pd.testing.assert_frame_equal(
        every[["label", "confidence"]],
        transfer_labels(model, "rna", "adt", labels=labels, k=5000)[["label", "confidence"]],
    )
    one = labels.where(np.arange(300) == 7)
    found = transfer_labels(model, "rna", "adt", labels=one)
    assert (found["label"] == "y").all()
    assert (found["confidence"].isin([0, 1]) | (found["novelty"] > 0.3)).all()  # no other label; few cells are like it
    assert np.isfinite(found["novelty"]).all()


@pytest.mark.parametrize("labels", [["b", "a", "b", "a"], ["a", "b", "a", "b"]])
def test_ties_do_not_depend_on_order(bare, labels):
    bare = changed(bare, closed_form=None)
    bare = changed(bare, latents={"rna": np.ones((4, 2), np.float32), "adt": np.ones((240, 2), np.float32)})
    bare = changed(bare, obs={**bare.obs, "rna": bare.obs["rna"].iloc[:4]})
    found = transfer_labels(bare, "rna", "adt", labels=labels)
    assert set(found["label"]) == {"a"}
    np.testing.assert_allclose(found["confidence"], 0.5, atol=1e-3)


def lineage(label):
    return "lymphoid" if ("T cell" in label or "NK" in label or "B cell" in label) else "myeloid"


@pytest.mark.parametrize("way", ["columns", "parents"])
def test_levels_agree(model, bare, way):
    fine = model.obs["rna"]["cell_type"].astype(str)
    bare = changed(bare, obs={**model.obs, "rna": model.obs["rna"].assign(fine=fine, lineage=fine.map(lineage))})
    options = (
        {"key": ["lineage", "fine"]}
        if way == "columns"
        else {"key": "fine", "parents": {x: lineage(x) for x in set(fine)}}
    )
    name = "lineage" if way == "columns" else "parent"
    found = transfer_labels(bare, "rna", "adt", **options)
    assert found.columns.tolist() == [f"label_{name}", f"confidence_{name}", "label", "confidence", "novelty"]
    assert (found["label"].map(lineage) == found[f"label_{name}"]).all()
    assert (found["confidence"] <= found[f"confidence_{name}"] + 1e-12).all()
    probability = label_probabilities(bare, "rna", "adt", **options)
    assert probability.columns.get_level_values(0).unique().tolist() == [name, "label"]
    for parent in ("lymphoid", "myeloid"):
        below = [x for x in probability["label"].columns if lineage(x) == parent]
        np.testing.assert_allclose(probability[name, parent], probability["label"][below].sum(axis=1))
    np.testing.assert_allclose(probability["label"], label_probabilities(bare, "rna", "adt", key="fine"))


def test_three_levels(model, bare):
    fine = model.obs["rna"]["cell_type"].astype(str)
    obs = pd.DataFrame({"a": fine.map(lineage), "b": fine.str[:4], "c": fine})
    obs["b"] = obs["a"] + obs["b"]
    bare = changed(bare, obs={**model.obs, "rna": obs})
    found = transfer_labels(bare, "rna", "adt", key=["a", "b", "c"])
    seen = set(map(tuple, obs.to_numpy()))
    assert set(map(tuple, found[["label_a", "label_b", "label"]].to_numpy())) <= seen
    assert (np.diff(found[["confidence_a", "confidence_b", "confidence"]], axis=1) <= 1e-12).all()


@pytest.mark.parametrize("kind", ["text", "category", "number"])
def test_unsure_cells_get_no_label(model, kind, caplog):
    labels = model.obs["rna"]["cell_type"].astype(str)
    if kind != "text":
        labels = labels.astype("category")
    if kind == "number":
        labels = labels.cat.codes.astype(int)
    free = transfer_labels(model, "rna", "adt", labels=labels)
    with caplog.at_level(logging.INFO, "crosstie"):
        found = transfer_labels(model, "rna", "adt", labels=labels, abstain_at=0.9)
    unsure = free["confidence"] < 0.9
    assert 0 < unsure.sum() < 240
    assert f"{unsure.sum()} of 240 cells have a confidence below 0.9" in caplog.text
    assert (found["label"].isna() == unsure).all()
    assert (found["label"][~unsure] == free["label"][~unsure]).all()
    assert pd.api.types.is_integer_dtype(found["label"].dtype) == (kind == "number")
    pd.testing.assert_frame_equal(found.drop(columns="label"), free.drop(columns="label"))


def test_abstaining_goes_level_by_level(model, bare):
    fine = model.obs["rna"]["cell_type"].astype(str)
    found = transfer_labels(
        model, "rna", "adt", labels=fine, parents={x: lineage(x) for x in set(fine)}, abstain_at=0.95
    )
    assert found["label"].isna().sum() > found["label_parent"].isna().sum()
    assert (found["label_parent"].isna() == (found["confidence_parent"] < 0.95)).all()


def test_confidence_means_what_it_says(model):
    found = transfer_labels(model, "rna", "adt", key="cell_type")
    hit = (found["label"].astype(str) == model.obs["adt"]["cell_type"].astype(str)).to_numpy()
    assert abs(found["confidence"].mean() - hit.mean()) < 0.06


NAMED = pd.Series("x", [f"cell{n}" for n in range(300)])


@pytest.mark.parametrize(
    ("views", "options", "error", "words"),
    [
        (("rna", "atac"), {"key": "cell_type"}, InputKeyError, "view: unknown name 'atac'"),
        (("gex", "adt"), {"key": "cell_type"}, InputKeyError, "view: unknown name 'gex'"),
        (("rna", "rna"), {"key": "cell_type"}, InputValueError, "source and target are the same view"),
        (("rna", "adt"), {"key": "cell_typ"}, InputKeyError, r"unknown name 'cell_typ'(.|\n)*mean 'cell_type'"),
        (("rna", "adt"), {}, InputValueError, "neither key nor labels"),
        (("rna", "adt"), {"key": "state", "labels": [1]}, InputValueError, "both key and labels"),
        (("rna", "adt"), {"key": "cell_type", "k": 0}, InputValueError, "k=0"),
        (("rna", "adt"), {"key": "cell_type", "abstain_at": 90}, InputValueError, r"90(.|\n)*in \[0, 1\]"),
        (("rna", "adt"), {"key": []}, InputValueError, "empty list"),
        (("rna", "adt"), {"key": ["cell_type", "batch"]}, InputValueError, r"do not nest(.|\n)*'cell_type'"),
        (("rna", "adt"), {"key": "cell_type", "parents": {"x": "y"}}, InputKeyError, "parents lack a label"),
        (("rna", "adt"), {"labels": [np.nan] * 300}, InputValueError, "no cell of 'rna' has a label(.|\n)*300 missing"),
        (("rna", "adt"), {"labels": ["x"] * 299}, InputValueError, r"299 labels(.|\n)*300, the cells of 'rna'"),
        (
            ("rna", "adt"),
            {"labels": NAMED},
            InputValueError,
            r"must name every cell of 'rna' once(.|\n)*300 cells without",
        ),
    ],
)
def test_wrong_input_is_explained(model, views, options, error, words):
    with pytest.raises(error, match=words):
        transfer_labels(model, *views, **options)


def in_tissue(model, places):
    """Give the cells of `adt` positions in a tissue."""
    here = Positions(np.asarray(places, float), np.zeros(len(places), np.int64), ("s",))
    return changed(model, positions={"adt": here})


def test_positions_of_alike_neighbours_help_and_can_be_left_aside(model):
    """Cells lie by their state, so that their neighbours in the tissue are of their type."""
    plain = transfer_labels(model, "rna", "adt", key="cell_type")
    truth = model.obs["adt"]["cell_type"].astype(str).to_numpy()
    rng = np.random.default_rng(0)
    code = pd.factorize(truth)[0]
    placed = in_tissue(model, np.column_stack([code * 100.0, np.zeros(len(code))]) + 10 * rng.random((len(code), 2)))
    pd.testing.assert_frame_equal(transfer_labels(placed, "rna", "adt", key="cell_type", context=False), plain)
    found = transfer_labels(placed, "rna", "adt", key="cell_type")
    assert (found["label"] == truth).mean() > (plain["label"] == truth).mean()
    assert found["novelty"].corr(plain["novelty"]) > 0.9
    p = label_probabilities(placed, "rna", "adt", key="cell_type")
    assert np.allclose(p.sum(axis=1), 1)
    assert (p.idxmax(axis=1) == found["label"].astype(str)).all()
    back = transfer_labels(placed, "adt", "rna", key="cell_type")
    pd.testing.assert_frame_equal(back, transfer_labels(model, "adt", "rna", key="cell_type"))


def test_turning_the_tissue_changes_no_bit(model):
    n = len(model.obs["adt"])
    xy = np.random.default_rng(0).random((n, 2)) * 500
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    one = transfer_labels(in_tissue(model, xy), "rna", "adt", key="cell_type")
    pd.testing.assert_frame_equal(
        one, transfer_labels(in_tissue(model, xy @ turn + 77.7), "rna", "adt", key="cell_type")
    )


def test_large_views_are_labelled_through_their_core_and_block_by_block(data, monkeypatch):
    model = xt.integrate(data, config=xt.Config(n_core=200))
    found = transfer_labels(model, "rna", "adt", key="cell_type")
    whole = transfer_labels(xt.integrate(data), "rna", "adt", key="cell_type")
    truth = model.obs["adt"]["cell_type"].astype(str)
    assert (found["label"].astype(str) == truth).mean() > (whole["label"].astype(str) == truth).mean() - 0.03
    module = sys.modules["crosstie.tl.transfer_labels"]
    monkeypatch.setattr(module, "BLOCK", 37)
    blocks = transfer_labels(model, "rna", "adt", key="cell_type")
    assert blocks["label"].tolist() == found["label"].tolist()
    assert np.allclose(blocks[["confidence", "novelty"]], found[["confidence", "novelty"]], atol=1e-5)
    monkeypatch.setattr(module, "SURE", 2)  # every cell is asked itself
    asked = transfer_labels(model, "rna", "adt", key="cell_type")
    assert asked["label"].tolist() == found["label"].tolist()
    differ = np.abs(asked["confidence"] - found["confidence"])
    assert differ.mean() < 0.005


@pytest.mark.parametrize("n_core", [1, 2, 9, 20])
def test_a_large_view_of_which_few_fitted_cells_have_counts(n_core, rng):
    kind = np.repeat([0, 1], 30)
    z = (np.eye(4)[kind] + rng.normal(scale=0.1, size=(60, 4))).astype(np.float32)
    cells = _Cells(np.arange(60), z, z, np.arange(30 - n_core // 2, 30 - n_core // 2 + n_core), None)
    known = SimpleNamespace(code=kind, levels=[SimpleNamespace(labels=["a", "b"])])
    found, near = _voted(cells, z, known, 5)
    assert near.max() < n_core
    np.testing.assert_allclose(found.sum(1), 1)
    if n_core > 1:
        assert (found.argmax(1) == kind).mean() > 0.9


def test_linked_features_speak_in_novelty(model, data):
    found = transfer_labels(model, "rna", "adt", key="cell_type")["novelty"]
    told = model.fitted.disagreement["rna", "adt"]
    plain = novelty(model.latents["rna"], model.latents["adt"])
    expected = novelty(model.latents["rna"], model.latents["adt"], disagreement=told)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert not np.allclose(found, plain, atol=0.01)
    core = xt.integrate(data, config=xt.Config(n_core=200))
    through = transfer_labels(core, "rna", "adt", key="cell_type")["novelty"]
    assert len(core.fitted.disagreement["rna", "adt"]) == 200 < len(through)
    assert np.corrcoef(through, found)[0, 1] > 0.7
