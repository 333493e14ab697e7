import os
import time
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from mudata import MuData

from crosstie.data import gene_activity
from crosstie.links import by_table, by_table_and_var, by_var

from .small_views import lines_of_error, logged, rows, view

DATA = Path(os.environ.get("CROSSTIE_DATA", Path(__file__).parents[2].parent / "shared" / "data"))

GENES = ["A", "B", "b2", "HLA-A", "A/B", "ENSG00000000001.4"]
NAMED = {
    "p0": "B",
    "p1": "A",
    "p2": "B2",  # only without case
    "p3": "A ; B,nothing",
    "p4": np.nan,
    "p5": "A/B",  # a name as a whole
    "p6": "nothing",
    "p7": "ENSG00000000001.9",
    "p8": " B/B ",
    "p9": "",
}


@pytest.fixture
def data():
    return {"atac": view(list(NAMED), linked_gene=list(NAMED.values())), "rna": view(GENES)}


def pairs(link) -> set[tuple[str, str]]:
    return set(zip(link.pairs["source"], link.pairs["target"], strict=True))


EXPECTED = {
    ("p1", "A"),
    ("p3", "A"),
    ("p0", "B"),
    ("p3", "B"),
    ("p8", "B"),
    ("p2", "b2"),
    ("p5", "A/B"),
    ("p7", "ENSG00000000001.4"),
}


def test_peaks_link_to_the_genes_that_they_name(data):
    link = by_var(data, "atac", "rna")
    assert link.edge == ("atac", "rna")
    assert pairs(link) == EXPECTED
    assert len(link.pairs) == len(EXPECTED)


def test_all_peaks_of_a_gene_are_one_column(data):
    link = by_var(data, "atac", "rna")
    assert link.n_columns == 5
    assert set(link.pairs["column"]) == set(range(5))
    assert link.pairs.groupby("column")["target"].nunique().eq(1).all()
    assert link.pairs.groupby("target")["column"].nunique().eq(1).all()
    assert (link.pairs["weight"] == 1).all()
    atac, rna = link.projections(list(NAMED), GENES)
    b = link.pairs.loc[link.pairs["target"] == "B", "column"].iloc[0]
    assert atac.toarray()[:, b].round(3).tolist() == [0.333, 0, 0, 0.333, 0, 0, 0, 0, 0.333, 0]
    assert rna.toarray()[:, b].tolist() == [0, 1, 0, 0, 0, 0]


def test_every_peak_is_accounted_for(data, caplog):
    with caplog.at_level("INFO", "crosstie"):
        report = by_var(data, "atac", "rna").report
    assert list(report.columns) == ["feature", "status", "entry", "targets", "reason"]
    assert list(report["feature"]) == list(NAMED)
    rows = report.set_index("feature")
    linked = {feature for feature, _ in EXPECTED}
    assert {f for f, s in rows["status"].items() if s == "linked"} == linked
    assert rows.loc["p4", "status"] == rows.loc["p9", "status"] == "no gene named"
    assert rows.loc["p6"].tolist() == ["gene not measured", "nothing", "", "nothing: not a feature of the other view"]
    assert rows.loc["p3", ["targets", "reason"]].tolist() == [
        "A/B",
        "named in var['linked_gene']; nothing: not measured",
    ]
    assert "7 of 10 features linked to 5 features by var['linked_gene']; 1 name genes that were not" in caplog.text
    assert "were not measured: 'nothing'; 2 do not name a gene" in caplog.text


def test_order_changes_nothing(data):
    rng = np.random.default_rng(0)
    atac = data["atac"][:, rng.permutation(len(NAMED))]
    other = by_var({"atac": atac, "rna": view(GENES[::-1])}, "atac", "rna")
    assert pairs(other) == EXPECTED
    assert pairs(by_var(MuData(data), "atac", "rna")) == EXPECTED


def test_another_column_and_other_names(data):
    data = {"atac": view(["p0", "p1"], near=pd.Categorical(["CD4", "CD8A"])), "rna": view(["G0", "G1", "G2"])}
    data["rna"].var["symbol"] = ["CD4", "CD4", "cd8a"]
    link = by_var(data, "atac", "rna", key="near", target_names="symbol")
    assert pairs(link) == {("p0", "G0"), ("p0", "G1"), ("p1", "G2")}
    assert link.n_columns == 3


def test_the_mean_of_the_peaks_is_the_activity(data):
    rng = np.random.default_rng(0)
    atac = ad.AnnData(rng.poisson(1.0, (20, len(NAMED))).astype(np.float32), var=data["atac"].var)
    link = by_var(data, "atac", "rna")
    activity = gene_activity(atac, key="linked_gene")
    columns = link.pairs.groupby("target")["column"].first()
    peaks, _ = link.projections(list(NAMED), GENES)
    n = link.pairs["target"].value_counts()
    assert np.allclose((atac.X @ peaks)[:, columns["B"]] * n["B"] + atac.X[:, 5], activity[:, "B"].X.toarray().ravel())


def test_errors(data):
    with pytest.raises(KeyError, match="unknown name 'peaks'"):
        by_var(data, "peaks", "rna")
    with pytest.raises(KeyError, match=r"column of atac\.var: unknown name 'gene'(.|\n)*gene_activity\(atac, genes="):
        by_var(data, "atac", "rna", key="gene")
    with pytest.raises(KeyError, match=r"column of rna\.var: unknown name 'symbol'"):
        by_var(data, "atac", "rna", target_names="symbol")
    with pytest.raises(
        ValueError,
        match=r"atac\.var\['linked_gene'\] names no feature of rna(.|\n)*atac features look like: 'B', 'A'(.|\n)*'X'"
        r"(.|\n)*target_names",
    ):
        by_var(data | {"rna": view(["X"])}, "atac", "rna")
    with pytest.raises(ValueError, match=r"look like: \(none\)"):
        by_var(data | {"atac": view(["p"], linked_gene=[np.nan])}, "atac", "rna")


@pytest.mark.filterwarnings("ignore:.*not unique")
def test_a_repeated_peak_counts_once(caplog):
    link = by_var({"atac": view(["p", "p", "q"], linked_gene=["A", "B", "B"]), "rna": view(["A", "B"])}, "atac", "rna")
    assert pairs(link) == {("p", "A"), ("q", "B")}
    assert list(link.report["feature"]) == ["p", "q"]
    assert "repeat a name" in caplog.text


def test_many_peaks_take_no_time():
    rng = np.random.default_rng(0)
    genes = [f"G{i}" for i in range(20_000)]
    atac = ad.AnnData(
        var=pd.DataFrame({"linked_gene": rng.choice(genes, 100_000)}, index=np.arange(100_000).astype(str))
    )
    start = time.perf_counter()
    link = by_var({"atac": atac, "rna": ad.AnnData(var=pd.DataFrame(index=genes[:10_000]))}, "atac", "rna")
    assert time.perf_counter() - start < 5
    assert link.n_columns > 9_000


ADT = ["CD3_TotalSeqB", "CD4", "CD19", "IgG1", "nonsense"]
PEAKS = {"p0": "CD3D", "p1": "CD3D", "p2": "CD3E/cd4", "p3": "ACTB", "p4": None}


@pytest.fixture
def panel():
    return {"adt": view(ADT), "atac": view(list(PEAKS), linked_gene=list(PEAKS.values()))}


def test_antibodies_link_to_the_peaks_of_their_genes(panel, caplog):
    with caplog.at_level("INFO", "crosstie"):
        link = by_table_and_var(panel, "adt", "atac")
    assert "adt -> atac: 3 of 5 features name a gene of 2 antibodies" in caplog.text
    assert link.edge == ("adt", "atac")
    weights = link.pairs.set_index(["source", "target"])["weight"].to_dict()
    assert weights == {
        ("CD3_TotalSeqB", "p0"): 0.25,
        ("CD3_TotalSeqB", "p1"): 0.25,
        ("CD3_TotalSeqB", "p2"): 0.5,
        ("CD4", "p2"): 1.0,
    }
    assert link.n_columns == 2
    assert link.pairs.groupby("source")["column"].nunique().eq(1).all()
    assert list(link.report["feature"]) == ADT
    assert list(link.report["status"]) == ["linked", "linked", "gene not measured", "isotype control", "unknown"]


def test_a_peak_of_two_genes_of_one_protein_adds_both_shares():
    data = {"adt": view(["CD3", "CD4"]), "atac": view(["p", "q"], linked_gene=["CD3D/CD3E", "CD3E"])}
    weights = by_table_and_var(data, "adt", "atac").pairs.set_index("target")["weight"]
    assert weights.to_dict() == {"p": 0.75, "q": 0.25}


def test_composition_agrees_with_activity_and_table():
    """The peaks of a protein are those of the genes that the table links it to in an activity view."""
    rng = np.random.default_rng(0)
    genes = np.array(["CD3D", "CD3E", "CD3G", "CD4", "MS4A1", "PTPRC", "ACTB"])
    atac = view([f"p{i}" for i in range(40)], linked_gene=rng.choice(genes, 40))
    data = {"adt": view(["CD3", "CD4", "CD20", "CD45RA", "CD45"]), "atac": atac, "activity": view(list(genes))}
    to_genes = by_table(data, "adt", "activity").pairs
    expected = {
        (protein, peak)
        for protein, gene in to_genes[["source", "target"]].itertuples(index=False)
        for peak in atac.var_names[atac.var["linked_gene"] == gene]
    }
    link = by_table_and_var(data, "adt", "atac")
    assert pairs(link) == expected
    assert np.allclose(link.pairs.groupby("column")["weight"].sum(), 1)


@pytest.mark.filterwarnings("ignore:Transforming to str index")  # of an index of no names: older anndata
def test_errors_of_the_composition(panel):
    with pytest.raises(
        ValueError, match=r"atac\.var\['linked_gene'\] names no gene of the antibodies(.|\n)*'CD3_TotalSe"
    ):
        by_table_and_var(panel | {"atac": view(["p"], linked_gene=["ENSG1"])}, "adt", "atac")
    with pytest.raises(ValueError, match=r"names no gene of the antibodies(.|\n)*\(none\)"):
        by_table_and_var(panel | {"atac": view(["p"], linked_gene=[""])}, "adt", "atac")
    with pytest.raises(KeyError, match="unknown name 'near'"):
        by_table_and_var(panel, "adt", "atac", key="near")
    with pytest.raises(KeyError, match="unknown name 'cytof'"):
        by_table_and_var(panel, "cytof", "atac")


@pytest.mark.real_data
def test_real_peaks_link_to_their_genes():
    folder = DATA / "snare_mop"
    if not (folder / "atac.h5ad").exists():
        pytest.skip(f"no real data: set CROSSTIE_DATA to the folder that holds {folder.name}")
    data = {name: ad.read_h5ad(folder / f"{name}.h5ad", backed="r") for name in ("atac", "rna")}
    link = by_var(data, "atac", "rna")
    assert link.n_columns == 1_674
    assert (link.report["status"] == "linked").all()
    assert len(link.pairs) == data["atac"].n_vars == 25_734
    assert (data["atac"].var["linked_gene"].loc[link.pairs["source"]].to_numpy() == link.pairs["target"]).all()


def test_report_of_a_column():
    peaks = view(["p1", "p2", "p3", "p4"], linked_gene=["G1", "G2/G9", "G8", ""])
    link = by_var({"atac": peaks, "rna": view(["G2", "G1"])}, "atac", "rna")
    assert rows(link.report) == [
        ("p1", "linked", "G1", "G1", "named in var['linked_gene']"),
        ("p2", "linked", "G2/G9", "G2", "named in var['linked_gene']; G9: not measured"),
        ("p3", "gene not measured", "G8", "", "G8: not a feature of the other view"),
        ("p4", "no gene named", "", "", "var['linked_gene'] is empty"),
    ]
    assert link.pairs.to_dict("list") == {
        "source": ["p2", "p1"], "target": ["G2", "G1"], "column": [0, 1], "weight": [1.0, 1.0],
    }  # fmt: skip
    assert list(link.pairs.index) == [0, 1]


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        (
            lambda: by_var({"atac": view(["x"], linked_gene=["g9"]), "rna": view(["G1", "G2"])}, "atac", "rna"),
            [
                "link atac -> rna: atac.var['linked_gene'] names no feature of rna.",
                "atac features look like: 'g9'",
                "rna features look like: 'G1', 'G2'",
                "Pass target_names (a column of rna.var whose names match), or another key.",
            ],
        ),
        (
            lambda: by_table_and_var({"atac": view(["x"], linked_gene=["g9"]), "adt": view(["CD4"])}, "adt", "atac"),
            [
                "link adt -> atac: atac.var['linked_gene'] names no gene of the antibodies.",
                "adt features look like: 'CD4'",
                "atac features look like: 'g9'",
                "The column must hold gene symbols. Pass source_names if the antibodies' names are in a column.",
            ],
        ),
    ],
)
def test_messages(call, lines):
    assert lines_of_error(call) == lines


def test_log(caplog):
    said = logged(
        caplog,
        lambda: by_var(
            {"atac": view(["p", "q", "r"], linked_gene=["G1", "G8", ""]), "rna": view(["G1", "G2"])}, "atac", "rna"
        ),
    )
    assert said == [
        "atac -> rna: 1 of 3 features linked to 1 features by var['linked_gene']; "
        "1 name genes that were not measured: 'G8'; 1 do not name a gene"
    ]


def test_origin():
    data = {"atac": view(["p"], linked_gene=["CD4"]), "rna": view(["CD4"]), "adt": view(["CD4"])}
    assert by_var(data, "atac", "rna").origin == "var column"
    assert by_table_and_var(data, "adt", "atac").origin == "packaged table and var column"
