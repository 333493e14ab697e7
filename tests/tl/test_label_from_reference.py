"""Labels from annotated data of others."""

import sys

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import crosstie as xt
from crosstie._errors import InputKeyError, InputValueError
from crosstie.tl import label_from_reference, transfer_labels


def cells(seed):
    mdata = xt.datasets.simulate_citeseq(n_cells=500, n_genes=300, n_proteins=30, seed=seed)
    return {name: mdata[name].copy() for name in ("rna", "adt")}


@pytest.fixture(scope="module")
def data():
    return cells(1)


@pytest.fixture(scope="module")
def model(data):
    return xt.integrate(data)


@pytest.fixture
def reference():
    """Other cells, sequenced more deeply; genes in another order and fewer, antibodies under a vendor's names."""
    found = cells(1 + 1)
    rna = found["rna"][:, np.random.default_rng(0).permutation(300)[:280]].copy()
    rna.X = rna.X * 3
    adt = found["adt"]
    adt.var_names = [f"{name}_TotalSeqB" for name in adt.var_names]
    return {"gex": rna, "prot": adt}


def right(labels, data):
    return {view: float((x["label"].astype(str).to_numpy() == data[view].obs["cell_type"].astype(str)).mean())
            for view, x in labels.items()}  # fmt: skip


def test_both_views_are_labelled_by_the_cells_measured_like_them(model, data, reference):
    labels = label_from_reference(model, reference, key="cell_type")
    assert {view: set(x["reference"]) for view, x in labels.items()} == {"rna": {"gex"}, "adt": {"prot"}}
    assert min(right(labels, data).values()) > 0.9
    for view, x in labels.items():
        assert list(x.index) == list(data[view].obs_names)
        assert list(x.columns) == ["label", "confidence", "novelty", "reference"]
    assert list(model.latents) == ["rna", "adt"], "the model stays as it was"


def test_it_is_what_extend_and_transfer_give(model, data):
    other = cells(2)
    labels = label_from_reference(model, other, key="cell_type", k=20)
    expected = transfer_labels(model.extend(other["rna"], "rna", name="r"), "r", "rna", key="cell_type", k=20)
    pd.testing.assert_frame_equal(labels["rna"].drop(columns="reference"), expected)


def test_a_modality_that_the_reference_lacks_is_labelled_through_the_map(model, data, reference):
    del reference["prot"]
    labels = label_from_reference(model, reference, key="cell_type")
    assert set(labels["adt"]["reference"]) == {"gex"}
    assert right(labels, data)["adt"] > 0.9


def test_counts_of_a_layer(data, reference):
    layered = {
        name: ad.AnnData(adata.X * np.float32(0.5), obs=adata.obs, var=adata.var, layers={"counts": adata.X})
        for name, adata in data.items()
    }
    model = xt.integrate(layered, slot={"rna": "layers/counts", "adt": "layers/counts"})
    labels = label_from_reference(model, reference, key="cell_type")
    assert min(right(labels, data).values()) > 0.9


def test_large_references_are_drawn_from(model, data, reference, monkeypatch):
    monkeypatch.setattr(sys.modules[label_from_reference.__module__], "MOST_CELLS", 300)
    one, again, other = (label_from_reference(model, reference, key="cell_type", seed=s) for s in (0, 0, 1))
    pd.testing.assert_frame_equal(one["rna"], again["rna"])
    assert not one["rna"]["confidence"].equals(other["rna"]["confidence"])
    assert min(right(one, data).values()) > 0.9


def test_errors(model, reference):
    with pytest.raises(InputKeyError, match="a column of obs of 'gex'"):
        label_from_reference(model, reference, key="cell_typ")
    for adata in reference.values():
        adata.var_names = [f"x{i}" for i in range(adata.n_vars)]
    with pytest.raises(InputValueError, match="no view of the reference can be added") as error:
        label_from_reference(model, reference, key="cell_type", modality={"gex": "rna", "prot": "protein"})
    assert "gex: embed" in str(error.value)
    with pytest.raises(InputValueError, match=r"rna \(rna\), adt \(protein\)"):
        label_from_reference(model, {"m": reference["gex"]}, key="cell_type", modality={"m": "activity"})
