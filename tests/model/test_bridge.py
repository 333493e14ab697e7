"""One view and a reference of paired data."""

import numpy as np
import pytest
from anndata import AnnData

import crosstie as xt
from crosstie.model.bridge import bridged


@pytest.fixture(scope="module")
def cells():
    """A panel of twelve proteins as a cytometer would see it, and CITE-seq of other cells."""
    found = xt.datasets.simulate_citeseq(n_cells=900, n_genes=300, n_proteins=40, seed=4).mod
    number = {name: adata.obs["true_cell"].to_numpy() for name, adata in found.items()}
    reference = {}
    for name, adata in found.items():
        at = np.flatnonzero(number[name] < 450)
        reference[name] = adata[at[np.argsort(number[name][at])]].copy()
        reference[name].obs_names = [f"cite-{i}" for i in range(450)]
    adt = found["adt"][number["adt"] >= 450, 1:13].copy()
    adt.X = np.arcsinh(adt.X.toarray() / 5).astype(np.float32)
    return AnnData(adt.X, obs=adt.obs, var=adt.var[[]].copy()), reference


def test_one_view_is_labelled_by_a_reference(cells, caplog):
    caplog.set_level("INFO", "crosstie")
    cytof, reference = cells
    model = xt.integrate({"cytof": cytof}, reference=reference)
    assert list(model.latents) == ["cytof", *reference]
    assert "rna, adt take part, as a bridge" in caplog.text
    assert "If they are the same cells" not in caplog.text
    truth = cytof.obs["cell_type"].astype(str).to_numpy()
    found = xt.tl.transfer_labels(model, "rna", "cytof", key="cell_type")["label"].astype(str).to_numpy()
    assert (found == truth).mean() > 0.9


def test_names_of_the_reference_that_are_taken(cells):
    _, reference = cells
    views, links = bridged({"adt": reference["adt"][:100]}, [reference])
    assert list(views) == ["adt", "rna", "reference_adt"]
    assert [link.edge for link in links][-1] == ("rna", "reference_adt")


def test_a_reference_that_cannot_be_a_bridge(cells):
    cytof, reference = cells
    learned = xt.links.learn(reference, "rna", "adt")
    with pytest.raises(ValueError, match=r"as a bridge(.|\n)*learned links"):
        xt.integrate({"cytof": cytof}, reference=learned)
    with pytest.raises(ValueError, match="2 references"):
        xt.integrate({"cytof": cytof}, reference=[reference, reference])
    with pytest.raises(ValueError, match="0 references"):
        xt.integrate({"cytof": cytof}, reference=[])
    with pytest.raises(TypeError, match="not paired data"):
        xt.integrate({"cytof": cytof}, reference="cite.h5mu")
    with pytest.raises(ValueError, match="at least two views"):
        xt.integrate({"cytof": cytof})


def test_learned_links_reach_the_proteins_of_a_cytometer(cells):
    _, reference = cells
    learned = xt.links.learn(reference, "rna", "adt")
    assert learned.edges({"genes": "rna", "mass": "cytometry"}) == [("genes", "mass")]
