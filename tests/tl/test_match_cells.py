from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from importlib import import_module

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from changed_models import changed
from crosstie._errors import InputKeyError, InputValueError
from crosstie.tl import match_cells

module = import_module("crosstie.tl.match_cells")  # the room hands on the function of this name


def cost(x, y):
    return ((x[:, None].astype(float) - y) ** 2).sum(2)


def test_one_to_one(model):
    pairs = match_cells(model, "rna", "adt")
    assert len(pairs) == 240
    assert len(np.unique(pairs.source)) == len(np.unique(pairs.target)) == 240
    d = cost(model.latents["rna"], model.latents["adt"])
    assert d[pairs.source, pairs.target].sum() == pytest.approx(d[linear_sum_assignment(d)].sum(), rel=1e-5)
    back = match_cells(model, "adt", "rna").reversed()
    assert set(zip(back.source, back.target, strict=True)) == set(zip(pairs.source, pairs.target, strict=True))


def test_many_to_one(model):
    pairs = match_cells(model, "rna", "adt", how="many-to-one")
    d = cost(model.latents["rna"], model.latents["adt"])
    assert pairs.source.tolist() == list(range(300))
    np.testing.assert_allclose(d[pairs.source, pairs.target], d.min(1), atol=1e-6)


@pytest.mark.parametrize("how", ["one-to-one", "many-to-one"])
def test_weights_fall_with_distance(model, how):
    pairs = match_cells(model, "rna", "adt", how=how)
    assert pairs.weight.min() > 0
    assert pairs.weight.max() <= 1
    d = cost(model.latents["rna"], model.latents["adt"])[pairs.source, pairs.target]
    np.testing.assert_allclose(pairs.weight, np.maximum(np.exp(-d / (2 * np.median(d))), 1e-6), rtol=1e-4)


def test_weights_of_cells_at_one_place(bare):
    bare = changed(bare, latents={"rna": np.ones((4, 2), np.float32), "adt": np.ones((1, 2), np.float32)})
    assert match_cells(bare, "rna", "adt").weight.tolist() == [1]
    assert match_cells(bare, "rna", "adt", how="many-to-one").weight.tolist() == [1] * 4


@pytest.mark.parametrize("how", ["one-to-one", "many-to-one"])
def test_matches_are_of_one_type(model, how):
    pairs = match_cells(model, "rna", "adt", how=how)
    a, b = (model.obs[v]["cell_type"].astype(str).to_numpy() for v in ("rna", "adt"))
    assert (a[pairs.source] == b[pairs.target]).mean() > 0.7


@pytest.mark.parametrize(
    ("views", "options", "error", "words"),
    [
        (("rna", "atac"), {}, InputKeyError, "view: unknown name 'atac'"),
        (("rna", "rna"), {}, InputValueError, "match_cells: source and target are the same view"),
        (("rna", "adt"), {"k": 0}, InputValueError, "at least 1(.|\n)*k=0"),
        (("rna", "adt"), {"how": "greedy"}, InputValueError, "'greedy'(.|\n)*'one-to-one' or 'many-to-one'"),
    ],
)
def test_wrong_input_is_explained(model, views, options, error, words):
    with pytest.raises(error, match=words):
        match_cells(model, *views, **options)


def lost(*_):
    raise BrokenExecutor


def gone(*_):
    future = Future()
    future.set_exception(BrokenExecutor())
    return future


@pytest.mark.parametrize("submit", [None, lost, gone, lambda work, *given: ThreadPoolExecutor(1).submit(work, *given)])
def test_matches_begun_elsewhere_are_the_same(model, submit):
    """And where the other process ended, before or while it matched, they are made here."""
    expected = match_cells(model, "rna", "adt")
    found = module.begin_matching(model, "rna", "adt", submit=submit)()
    for name in ("source", "target", "weight"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
