import numpy as np
import pytest

from crosstie.anchors.pairs import Anchors
from crosstie.config import Config

from .conftest import make_problem

EDGE = ("rna", "adt")
NONE = np.empty(0, np.int64)
GOOD = Config(n_latent=4)


def wrong_linked(n_cells, n_columns):
    return {"linked": {EDGE: (np.ones((60, 3), np.float32), np.ones((n_cells, n_columns), np.float32))}}


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"edges": (("rna", "protein"),)}, KeyError, "edge rna -> protein, view: unknown name 'protein'"),
        ({"edges": ()}, ValueError, "at least one"),
        ({"edges": (EDGE, EDGE[::-1])}, ValueError, "each once"),
        ({"edges": (("rna", "rna"),)}, ValueError, "cannot be linked to itself"),
        ({"anchors": {("adt", "rna"): Anchors(NONE, NONE, NONE)}}, KeyError, "unknown name 'adt -> rna'"),
        ({"anchors": {EDGE: Anchors(np.array([0]), np.array([60]), np.ones(1))}}, ValueError, "outside adt"),
        ({"anchors": {EDGE: Anchors(np.array([-1]), np.array([0]), np.ones(1))}}, ValueError, "outside rna"),
        ({"anchors": {EDGE: Anchors(np.array([0]), np.array([0]), -np.ones(1))}}, ValueError, "not negative"),
        (wrong_linked(60, 2), ValueError, "found: 3 and 2"),
        (wrong_linked(59, 3), ValueError, r"found: \(59, 3\)\n  expected: \(60, at least 1\)"),
        ({"closed": {"rna": np.ones((5, 4), np.float32)}}, ValueError, "closed-form coordinates of rna: wrong shape"),
        ({"linear": {"rna": (np.ones((3, 4)), np.ones(4))}}, ValueError, "closed-form map of rna: wrong shape"),
        ({"linear": {"rna": (np.ones((7, 4)), np.ones(3))}}, ValueError, "offset does not fit"),
        ({"inputs": {"rna": np.ones((60, 7)), "adt": np.ones(60)}}, ValueError, "inputs of adt: wrong shape"),
        ({"inputs": {"rna": np.ones((1, 7)), "adt": np.ones((60, 9))}}, ValueError, "inputs of rna: too few cells"),
    ],
)
def test_wrong_arrays(change, error, words):
    with pytest.raises(error, match=words):
        make_problem(**change)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_must_be_finite(bad):
    inputs = dict(make_problem().inputs)
    inputs["adt"] = inputs["adt"].copy()
    inputs["adt"][3, 2] = bad
    with pytest.raises(ValueError, match="inputs of adt: some values are not finite"):
        make_problem(inputs=inputs)


@pytest.mark.parametrize(
    ("config", "change", "words"),
    [
        (GOOD, {"anchors": {}}, "rna -> adt: there are no anchors to train on.\n  found: no set"),
        (GOOD, {"anchors": {EDGE: Anchors(NONE, NONE, NONE)}}, "there are no anchors to train on.\n  found: 0 pairs"),
        (GOOD, {"linear": {}}, "view rna: a residual network needs"),
        (Config(n_latent=4, hold=1), {"closed": {}}, "'hold' needs"),
        (Config(n_latent=4, anchor_scope="batch"), {"linked": {}}, "needs its linked columns"),
        (Config(n_latent=5), {}, "found: 4 and 5"),
        (Config(n_latent=5, hold=1, encoder="mlp", decoder="mlp"), {}, "coordinates and n_latent differ"),
    ],
)
def test_what_the_settings_need(config, change, words):
    with pytest.raises(ValueError, match=words):
        make_problem(**change).require(config)


def test_nothing_is_asked_for_in_vain():
    Config_without = Config(n_latent=9, anchors=0, hold=0, encoder="mlp", decoder="mlp")
    make_problem(anchors={}, linked={}, closed={}, linear={}).require(Config_without)
