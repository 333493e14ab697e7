import logging

import numpy as np
import pandas as pd
import pytest

from crosstie._errors import InputKeyError, InputValueError
from crosstie.tl import transfer_labels
from crosstie.tl.transfer import novelty, weighted_neighbours


def naive_vote(z_source, labels, point, k):
    """Label, and its share of the weights after one more voter is added who is against it."""
    squared = ((np.asarray(z_source, float) - point) ** 2).sum(1)
    nearest = np.argsort(squared)[:k]
    weight = np.exp(-4 * squared[nearest] / squared[nearest[-1]])
    votes = pd.Series(weight).groupby(np.asarray(labels)[nearest]).sum()
    share = votes.max() / weight.sum()
    n_voters = weight.sum() ** 2 / (weight**2).sum()
    return votes.idxmax(), share * n_voters / (n_voters + 1)


@pytest.mark.parametrize("k", [2, 15, 40])
def test_votes_equal_the_naive_ones(model, k):
    labels = model.obs["rna"]["cell_type"].astype(str)
    found = transfer_labels(model, "rna", "adt", key="cell_type", k=k)
    expected = [naive_vote(model.latents["rna"], labels, z, k) for z in model.latents["adt"].astype(float)]
    assert found["label"].tolist() == [label for label, _ in expected]
    np.testing.assert_allclose(found["confidence"], [share for _, share in expected], atol=2e-3)
    assert found.index.equals(model.obs["adt"].index)
    assert found.columns.tolist() == ["label", "confidence", "novelty"]
    assert found["confidence"].between(0, 1).all()
    assert found["novelty"].between(0, 1).all()


def test_one_neighbour_is_the_nearest(model):
    a, b = model.latents["rna"], model.latents["adt"]
    nearest = ((b[:, None] - a) ** 2).sum(2).argmin(1)
    found = transfer_labels(model, "rna", "adt", key="cell_type", k=1)
    assert found["label"].tolist() == model.obs["rna"]["cell_type"].iloc[nearest].tolist()
    np.testing.assert_allclose(found["confidence"], 0.5)


def test_labels_are_carried_over_both_ways(model):
    for source, target in (("rna", "adt"), ("adt", "rna")):
        found = transfer_labels(model, source, target, key="cell_type")
        hit = (found["label"].astype(str) == model.obs[target]["cell_type"].astype(str)).to_numpy()
        assert hit.mean() > 0.75
        assert found["confidence"][hit].mean() > found["confidence"][~hit].mean() + 0.1


def test_order_of_source_cells_does_not_matter(model, bare):
    order = np.random.default_rng(0).permutation(len(model.latents["rna"]))
    bare.latents = {**model.latents, "rna": model.latents["rna"][order]}
    bare.obs = {**model.obs, "rna": model.obs["rna"].iloc[order]}
    pd.testing.assert_frame_equal(
        transfer_labels(bare, "rna", "adt", key="cell_type"),
        transfer_labels(model, "rna", "adt", key="cell_type"),
        rtol=1e-5,
    )


def test_order_of_target_cells_is_kept(model, bare):
    order = np.random.default_rng(0).permutation(len(model.latents["adt"]))
    bare.latents = {**model.latents, "adt": model.latents["adt"][order]}
    bare.obs = {**model.obs, "adt": model.obs["adt"].iloc[order]}
    expected = transfer_labels(model, "rna", "adt", key="cell_type").iloc[order]
    pd.testing.assert_frame_equal(transfer_labels(bare, "rna", "adt", key="cell_type"), expected, rtol=1e-5)


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
    known = labels.notna().to_numpy()
    bare.latents = {**model.latents, "rna": model.latents["rna"][known]}
    bare.obs = {**model.obs, "rna": model.obs["rna"][known]}
    pd.testing.assert_frame_equal(found, transfer_labels(bare, "rna", "adt", labels=labels[known]))


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
    np.testing.assert_allclose(found["confidence"], 0.5)
    assert np.isfinite(found["novelty"]).all()


@pytest.mark.parametrize("labels", [["b", "a", "b", "a"], ["a", "b", "a", "b"]])
def test_ties_do_not_depend_on_order(bare, labels):
    bare.latents = {"rna": np.ones((4, 2), np.float32), "adt": np.ones((240, 2), np.float32)}
    bare.obs = {**bare.obs, "rna": bare.obs["rna"].iloc[:4]}
    assert set(transfer_labels(bare, "rna", "adt", labels=labels)["label"]) == {"a"}


def test_weights_sum_to_one_even_of_equal_cells():
    z = np.zeros((5, 2), np.float32)
    row, weight = weighted_neighbours(z, z[:2], 9)
    assert row.shape == weight.shape == (2, 5)
    np.testing.assert_allclose(weight, 0.2)


@pytest.mark.parametrize(
    ("n_source", "n_target", "k_source", "k_own"), [(60, 30, 10, 5), (30, 60, 5, 10), (40, 40, 10, 10)]
)
def test_novelty_equals_the_naive_one(n_source, n_target, k_source, k_own):
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(n_source, 3)), rng.normal(size=(n_target, 3))
    expected = []
    for point in target:
        away = np.sort(np.linalg.norm(source - point, axis=1))[k_source - 1]
        own = np.sort(np.linalg.norm(target - point, axis=1))[1:][k_own - 1]
        expected.append(max(0, 1 - own / away))
    np.testing.assert_allclose(novelty(source, target, k=10), expected, atol=1e-5)
    assert 0 < np.mean(expected) < 1


def test_novelty_of_what_the_source_lacks():
    rng = np.random.default_rng(0)
    source = rng.normal(size=(400, 5))
    target = np.concatenate([rng.normal(size=(350, 5)), rng.normal(size=(50, 5)) * 0.3 + 6])
    found = novelty(source, target)
    assert found[350:].min() > 0.5
    assert np.median(found[:350]) < 0.1
    np.testing.assert_allclose(novelty(100 * source, 100 * target), found, atol=1e-3)


def test_novelty_does_not_depend_on_the_number_of_cells():
    rng = np.random.default_rng(0)
    for n_source, n_target in ((3000, 300), (300, 3000), (3000, 3000)):
        found = novelty(rng.normal(size=(n_source, 3)), rng.normal(size=(n_target, 3)))
        assert 0 < found.mean() < 0.2


def test_novelty_at_the_edge():
    z = np.random.default_rng(0).normal(size=(20, 3))
    assert novelty(z, z[:1]).tolist() == [0]
    assert novelty(z[:1], z).shape == (20,)
    assert novelty(z, z).max() == 0


NAMED = pd.Series("x", [f"cell{n}" for n in range(300)])


@pytest.mark.parametrize(
    ("views", "options", "error", "words"),
    [
        (("rna", "atac"), {"key": "cell_type"}, InputKeyError, "view: unknown name 'atac'"),
        (("gex", "adt"), {"key": "cell_type"}, InputKeyError, "view: unknown name 'gex'"),
        (("rna", "rna"), {"key": "cell_type"}, InputValueError, "source and target are one view"),
        (("rna", "adt"), {"key": "cell_typ"}, InputKeyError, r"unknown name 'cell_typ'(.|\n)*mean 'cell_type'"),
        (("rna", "adt"), {}, InputValueError, "neither key nor labels"),
        (("rna", "adt"), {"key": "state", "labels": [1]}, InputValueError, "both key and labels"),
        (("rna", "adt"), {"key": "cell_type", "k": 0}, InputValueError, "k=0"),
        (("rna", "adt"), {"labels": [np.nan] * 300}, InputValueError, "no cell of 'rna' has a label(.|\n)*300 missing"),
        (("rna", "adt"), {"labels": ["x"] * 299}, InputValueError, r"299 labels(.|\n)*300, the cells of 'rna'"),
        (
            ("rna", "adt"),
            {"labels": NAMED},
            InputValueError,
            r"does not name the cells of 'rna'(.|\n)*300 cells without",
        ),
    ],
)
def test_wrong_input_is_explained(model, views, options, error, words):
    with pytest.raises(error, match=words):
        transfer_labels(model, *views, **options)
