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


def test_what_people_print_in_a_notebook_fits_a_cell(model):
    fitted = xt.integrate(xt.datasets.simulate_citeseq(n_cells=100, n_genes=200, n_proteins=30))
    assert repr(model).splitlines() == [
        "Model of 2 views, not fitted",
        "  rna: rna: 60 cells × 100 features, slot X",
        "  adt: protein: 60 cells × 20 features, slot X",
        f"  {model.linkage.links[0]!r}",
    ]
    n_pairs = len(fitted.anchors["rna", "adt"])
    assert repr(fitted).startswith(
        f"Model of 2 views, fitted: {fitted.n_latent} latent coordinates, {n_pairs:,} anchors\n"
    )
    assert repr(fitted.recipes["rna"]).startswith("Recipe for counts: normalised by library, ")
    assert repr(xt.Config()) == "Config()"
    assert eval(repr(xt.Config.scmodal()), {"Config": xt.Config}) == xt.Config.scmodal()
    link = fitted.linkage.links[0]
    assert (
        repr(link)
        == f"Link rna -> adt: {link.n_columns} columns of {len(link.pairs)} pairs of features (packaged table)"
    )
    shown = [fitted, *fitted.recipes.values(), *fitted.linkage.links, *fitted.anchors.values(), fitted.config]
    for found in (*shown, fitted.linkage, fitted.inputs, fitted.closed_form, fitted.views["rna"]):
        assert len(repr(found)) < 600
        assert len(repr(found).splitlines()) < 8
