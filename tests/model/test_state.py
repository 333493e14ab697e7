"""The attributes of a model: read-only, and empty before a fit."""

import pytest

import crosstie as xt
from crosstie.model.state import ModelState

NAMES = [name for name, value in vars(ModelState).items() if isinstance(value, property)]
BEFORE = {
    "recipes": {}, "closed_form": None, "networks": None, "offsets": None, "decoders": {}, "like": {}, "latents": {},
    "anchors": {}, "core_rows": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def model():
    return xt.Model(dict(xt.datasets.simulate_citeseq(n_cells=60, n_genes=100, n_proteins=20).mod))


@pytest.mark.parametrize("name", NAMES)
def test_no_attribute_can_be_assigned(model, name):
    with pytest.raises(AttributeError):
        setattr(model, name, None)


def test_what_only_a_fit_gives_is_empty_before(model):
    assert {name: getattr(model, name) for name in BEFORE} == BEFORE
    assert model.history.empty
    for name in ("fitted", "map", "n_latent"):
        with pytest.raises(ValueError, match=r"this model is not fitted\.\n  Call model\.fit\(\) first"):
            getattr(model, name)


def test_what_is_known_before_a_fit(model):
    assert list(model.views) == list(model.obs) == list(model.cells) == ["rna", "adt"]
    assert model.modalities == {"rna": "rna", "adt": "protein"}
    assert model.slots == {"rna": "X", "adt": "X"}
    assert model.config == xt.Config()
