import logging

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

import crosstie as xt


def simulate(**options):
    made = xt.datasets.simulate_citeseq(n_cells=260, n_genes=200, n_proteins=40, seed=1, **options)
    return {name: made[name].copy() for name in ("rna", "adt")}


@pytest.fixture(scope="module")
def data():
    return simulate()


def of(found, about, id_):
    """The findings of one kind about one view."""
    return [f for f in found.findings if (f.about, f.id) == (about, id_)]


def test_good_data_are_fine(data, caplog):
    with caplog.at_level(logging.INFO, "crosstie"):
        found = xt.check(data)
    assert not caplog.records  # what would be logged is among the findings
    assert found.worst == "note"  # controls
    assert of(found, "adt", "controls")[0].value == 2
    assert of(found, "rna", "values")[0].found == "counts"
    assert of(found, "rna", "organism")[0].found.startswith("human")
    assert of(found, "rna", "doublets")[0].value < 0.02
    assert of(found, "rna – adt", "links")[0].value > 20
    assert "controls: 2 × isotype control" in str(found)
    assert list(found.table.columns) == ["about", "id", "level", "found", "do", "value"]


def test_doublets_and_copies_are_counted(data):
    x = sp.csr_matrix(data["rna"].X)
    doubled = sp.vstack([x[80:], x[:40] + x[40:80], x[80:86]], "csr")
    rna = AnnData(doubled, var=data["rna"].var)
    rna.obs_names = [f"c{i}" for i in range(rna.n_obs)]
    found = xt.check({"rna": rna, "adt": data["adt"]})
    assert 0.08 < of(found, "rna", "doublets")[0].value < 0.3  # 40 of 226 are doublets
    assert of(found, "rna", "duplicated_cells")[0].value == pytest.approx(12 / 226)


def test_empty_cells_repeated_names_and_barcodes(data):
    rng = np.random.default_rng(0)
    adt = data["adt"].copy()
    x = adt.X.toarray()
    x[:13] = 0
    code = ["".join(rng.choice(list("ACGT"), 16)) for _ in range(200)]
    names = [f"s1_{c}-1" for c in code] + [f"s2_{c}-1" for c in code[:60]]
    rna = data["rna"].copy()
    rna.obs_names = names
    found = xt.check({"rna": rna, "adt": AnnData(x, obs=adt.obs, var=adt.var)}, quick=True)
    empty = of(found, "adt", "empty_cells")[0]
    assert (empty.level, empty.value) == ("warning", pytest.approx(0.05))
    assert "13 cells (5.0%) without a single count" in empty.found
    assert of(found, "rna", "barcodes")[0].value == pytest.approx(120 / 260)
    assert "10x" in of(found, "rna", "chemistry")[0].found
    assert not of(found, "rna", "doublets")  # quick


def test_batches_that_share_nothing_and_types_of_one_batch():
    data = simulate()
    rna = data["rna"]
    order = np.argsort(rna.obs["cell_type"].astype(str).to_numpy(), kind="stable")
    rna.obs["apart"] = pd.Series(np.arange(260) < 130, index=rna.obs_names[order]).map({True: "a", False: "b"})
    rna.obs["random"] = np.where(np.arange(260) % 2, "a", "b")
    apart, mixed = (xt.check(data, batch_key={"rna": key}, label_key="cell_type") for key in ("apart", "random"))
    assert of(apart, "rna", "batches")[0].value > of(mixed, "rna", "batches")[0].value + 0.4
    assert abs(of(mixed, "rna", "batches")[0].value) < 0.1
    assert any("occur in one batch alone" in f.found and f.level == "warning" for f in of(apart, "rna", "batches"))


def test_wrong_inputs_are_findings(data):
    broken = data["rna"].copy()
    broken.X = -np.ones(broken.shape, np.float32)
    found = xt.check({"rna": broken, "adt": data["adt"]})
    assert found.worst == "error"
    assert "negative values" in of(found, "rna", "values")[0].found
    unlinked = data["rna"].copy()
    unlinked.var_names = [f"Feature{i}" for i in range(unlinked.n_vars)]
    assert of(xt.check({"rna": unlinked, "adt": data["adt"]}), "rna – adt", "links")[0].level == "error"
    with pytest.raises(KeyError, match="label_key"):
        xt.check(data, label_key="nothing")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("CD{}_TotalSeqB", "TotalSeq-B"), ("ADT_CD{}_A0104", "TotalSeq-A"), ("CD{}:UCHT1|CD3E|AHS0231|pAbO", "BD AbSeq")],
)
def test_chemistry_is_told_by_names(data, name, kind):
    adt = data["adt"].copy()
    adt.var_names = [name.format(i) for i in range(adt.n_vars)]
    assert of(xt.check({"rna": data["rna"], "adt": adt}, quick=True), "adt", "chemistry")[0].found == kind


def test_a_batch_whose_panel_lacks_proteins_is_found():
    data = dict(xt.datasets.simulate_citeseq(n_cells=400, n_genes=200, n_proteins=40, n_batches=2, seed=0).mod)
    adt = data["adt"]
    x = adt.X.toarray()
    second = (adt.obs["batch"] == "batch2").to_numpy()
    x[np.ix_(second, [3, 5])] = 0
    data["adt"] = AnnData(x, obs=adt.obs, var=adt.var)
    found = {f.id: f for f in xt.check(data, batch_key="batch", quick=True).findings if f.about == "adt"}
    assert found["panels"].value == 2
    assert found["panels"].level == "warning"
    assert repr(adt.var_names[3]) in found["panels"].found
    assert "'batch2'" in found["panels"].found
    data["adt"] = adt
    assert "panels" not in {f.id for f in xt.check(data, batch_key="batch", quick=True).findings}
