import gzip
import logging
import os
import sys
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from mudata import MuData

from crosstie.links import by_table, lookup

from .small_views import lines_of_error, logged, rows, view

ADT_AND_RNA = {"a": view(["p1", "p2"]), "b": view(["G1", "G2"])}

DATA = Path(os.environ.get("CROSSTIE_DATA", Path(__file__).parents[2].parent / "shared" / "data"))

ADT = ["CD3_TotalSeqB", "CD4", "cd4.2", "CD45RA", "CD197 (CCR7)", "IgG1", "Hashtag1", "pSTAT3", "CD19", "blah"]
RNA = ["CD3D", "CD3G", "CD4", "PTPRC", "CCR7", "MALAT1", "ACTB"]


def pairs(link) -> set[tuple[str, str]]:
    return set(zip(link.pairs["source"], link.pairs["target"], strict=True))


def status(link) -> dict[str, str]:
    return dict(zip(link.report["feature"], link.report["status"], strict=True))


def test_antibodies_link_to_their_measured_genes():
    link = by_table({"adt": view(ADT), "rna": view(RNA)}, "adt", "rna")
    assert pairs(link) == {
        ("CD3_TotalSeqB", "CD3D"),
        ("CD3_TotalSeqB", "CD3G"),
        ("CD4", "CD4"),
        ("cd4.2", "CD4"),
        ("CD45RA", "PTPRC"),
        ("CD197 (CCR7)", "CCR7"),
    }
    assert link.n_columns == 5
    assert np.allclose(link.pairs.groupby("column")["weight"].sum(), 1)
    assert link.pairs.groupby("column")["source"].nunique().eq(1).all()
    assert list(link.report["feature"]) == ADT
    assert status(link) == {
        **dict.fromkeys(ADT[:5], "linked"),
        "IgG1": "isotype control",
        "Hashtag1": "hashtag",
        "pSTAT3": "no gene",
        "CD19": "gene not measured",
        "blah": "unknown",
    }


def test_either_side_may_hold_the_antibodies():
    data = {"adt": view(ADT), "rna": view(RNA)}
    there, back = by_table(data, "adt", "rna"), by_table(MuData(data), "rna", "adt")
    assert back.edge == ("rna", "adt")
    assert pairs(back) == {(t, s) for s, t in pairs(there)}
    pd.testing.assert_frame_equal(there.report, back.report)
    assert (there.pairs["column"].to_numpy() == back.pairs["column"].to_numpy()).all()


def test_a_transcriptome_cut_to_the_panel_is_still_the_gene_side():
    data = {"adt": view(["CD4", "CD8a", "CD20"]), "rna": view(["CD4", "CD8A", "MS4A1"])}
    assert pairs(by_table(data, "rna", "adt")) == {("CD4", "CD4"), ("CD8A", "CD8a"), ("MS4A1", "CD20")}


def test_order_of_features_does_not_matter():
    rng = np.random.default_rng(0)
    a = by_table({"adt": view(ADT), "rna": view(RNA)}, "adt", "rna")
    b = by_table({"adt": view(rng.permutation(ADT)), "rna": view(rng.permutation(RNA))}, "adt", "rna")
    assert pairs(a) == pairs(b)


def test_isoforms_can_be_dropped():
    link = by_table({"adt": view(ADT), "rna": view(RNA)}, "adt", "rna", isoforms="drop")
    assert status(link)["CD45RA"] == "isoform dropped"
    assert "PTPRC" not in set(link.pairs["target"])
    with pytest.raises(ValueError, match="'keep' or 'drop'"):
        by_table({"adt": view(ADT), "rna": view(RNA)}, "adt", "rna", isoforms="maybe")


def test_mouse_is_seen_from_the_symbols():
    data = {"adt": view(["ADT_CD45R-B220_A0103", "ADT_CD45.1_A0178", "ADT_Ly-6C_A0013", "CD8b"]),
            "rna": view(["Ptprc", "Ly6c1", "Ly6c2", "Cd8b1"])}  # fmt: skip
    link = by_table(data, "adt", "rna")
    assert pairs(link) == {
        ("ADT_CD45R-B220_A0103", "Ptprc"),
        ("ADT_CD45.1_A0178", "Ptprc"),
        ("ADT_Ly-6C_A0013", "Ly6c1"),
        ("ADT_Ly-6C_A0013", "Ly6c2"),
        ("CD8b", "Cd8b1"),
    }


def test_former_symbols_and_other_cases_are_found():
    link = by_table({"adt": view(["CD112", "CD4"]), "rna": view(["PVRL2", "cd4"])}, "adt", "rna")
    assert pairs(link) == {("CD112", "PVRL2"), ("CD4", "cd4")}


def test_symbols_in_a_column_link_every_feature_that_bears_them(caplog):
    rna = view(["ENSG1", "ENSG2", "ENSG3"], gene_symbols=["CD4", "CD4", "CD19"])
    data = {"adt": view(["CD4", "CD19"]), "rna": rna}
    with caplog.at_level(logging.INFO, "crosstie"):
        link = by_table(data, "adt", "rna", target_names="gene_symbols")
    assert pairs(link) == {("CD4", "ENSG1"), ("CD4", "ENSG2"), ("CD19", "ENSG3")}
    assert "several features share each of 1 labels" in caplog.text
    assert "2 of 2 antibodies linked to 3 genes" in caplog.text


def test_no_link_shows_both_sides_and_the_way_out():
    data = {"adt": view(["CD3_TotalSeqB", "CD4"]), "rna": view(["ENSG1", "ENSG2"], symbol=["CD4", "X"])}
    with pytest.raises(ValueError, match="none of the table's") as error:
        by_table(data, "adt", "rna")
    text = str(error.value)
    assert text.startswith("link adt -> rna: none of the table's ")
    assert "adt features look like: 'CD3_TotalSeqB', 'CD4'" in text
    assert "rna features look like: 'ENSG1', 'ENSG2'" in text
    assert 'target_names="symbol"' in text
    with pytest.raises(ValueError, match='source_names="symbol"'):
        by_table(data, "rna", "adt")


def test_the_log_accounts_for_every_antibody(caplog):
    with caplog.at_level(logging.INFO, "crosstie"):
        by_table({"adt": view(ADT), "rna": view(RNA)}, "adt", "rna")
    assert (
        "adt -> rna: 5 of 8 antibodies linked to 5 genes; 1 whose gene was not measured; 1 without a gene; "
        "1 unknown: 'blah'; 2 controls and hashtags ignored" in caplog.text
    )


GIVEN = pd.DataFrame({"protein": ["p1", "p2", "p3"], "gene": ["G1/G2; G9", "G3", "G9"]})


@pytest.mark.parametrize("suffix", [".csv", ".tsv", None])
def test_a_given_table(tmp_path: Path, suffix: str | None):
    table = GIVEN
    if suffix:
        table = tmp_path / f"pairs{suffix}"
        GIVEN.to_csv(table, sep="\t" if suffix == ".tsv" else ",", index=False)
    link = by_table({"a": view(["p1", "P2", "p3", "p4"]), "b": view(["G1", "G2", "G3"])}, "a", "b", table)
    assert pairs(link) == {("p1", "G1"), ("p1", "G2"), ("P2", "G3")}
    assert status(link) == {"p1": "linked", "P2": "linked", "p3": "gene not measured", "p4": "unknown"}
    assert sorted(link.pairs["weight"]) == [0.5, 0.5, 1.0]


def test_a_given_table_keeps_its_weights():
    table = pd.DataFrame({"a": ["p", "p", "q"], "b": ["G1", "G2", "G3"], "w": [3, 1, 0.2]})
    link = by_table({"a": view(["p", "q"]), "b": view(["G1", "G2", "G3"])}, "a", "b", table)
    assert dict(zip(link.pairs["target"], link.pairs["weight"], strict=True)) == {"G1": 0.75, "G2": 0.25, "G3": 1.0}


def test_a_given_table_groups_by_the_antibody_whichever_side_it_stands():
    table = pd.DataFrame({"gene": ["CD3D", "CD3E"], "protein": ["CD3", "CD3"]})
    link = by_table({"rna": view(["CD3D", "CD3E", "X"]), "adt": view(["CD3", "CD19"])}, "rna", "adt", table)
    assert link.n_columns == 1
    assert pairs(link) == {("CD3D", "CD3"), ("CD3E", "CD3")}


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (GIVEN[["gene"]], "fewer than two columns"),
        (GIVEN.iloc[:0], "is empty"),
        (GIVEN.assign(weight=[1, 0, 1]), "1 of the 3 weights.*\n.*row 2"),
        (GIVEN.assign(weight=[1, 1, np.nan]), "nan.*row 3"),
        (GIVEN.assign(weight=["a", 1, 2]), "'a' in row 1"),
        (GIVEN.assign(weight=[1, 1, -np.inf]), "finite numbers other than 0"),
        ("nowhere.csv", "no such table"),
    ],
)
def test_bad_tables_are_refused(table, text: str):
    with pytest.raises(ValueError, match=text):
        by_table({"a": view(["p1"]), "b": view(["G1"])}, "a", "b", table)


def test_an_empty_file_and_a_wrong_type_are_refused(tmp_path: Path):
    (tmp_path / "t.csv").write_text("")
    data = {"a": view(["p1"]), "b": view(["G1"])}
    with pytest.raises(ValueError, match="cannot be read"):
        by_table(data, "a", "b", tmp_path / "t.csv")
    with pytest.raises(TypeError, match="DataFrame or the path"):
        by_table(data, "a", "b", 3)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "n_columns"),
    [("pbmc10k", 12), ("pbmc_wnn", 70), ("bmmc_cite_1", 17), ("bmmc_cite_3", 13), ("sln_mouse", 24)],
)
def test_real_data_link(name: str, n_columns: int):
    if not (DATA / name).exists():
        pytest.skip(f"{DATA / name} is not here")
    data = {view: ad.read_h5ad(DATA / name / f"{view}.h5ad", backed="r") for view in ("rna", "adt")}
    link = by_table(data, "adt", "rna")
    assert link.n_columns >= n_columns
    assert len(link.report) == data["adt"].n_vars
    assert "unknown" not in status(link).values()


def test_report_of_the_packaged_table():
    data = {
        "adt": view(["CD3", "CD197 (CCR7)", "IgG1", "Hashtag1", "pSTAT3", "CD19", "blah", "ZBTB99", "Q7"]),
        "rna": view(["CD3D", "CD3E", "CCR7", "ZBTB99", "Q7"]),
    }
    found = rows(by_table(data, "adt", "rna").report)
    assert [(*row[:4],) for row in found] == [
        ("CD3", "linked", "CD3", "CD3D/CD3E"),
        ("CD197 (CCR7)", "linked", "CD197", "CCR7"),
        ("IgG1", "isotype control", "", ""),
        ("Hashtag1", "hashtag", "", ""),
        ("pSTAT3", "no gene", "pSTAT3", ""),
        ("CD19", "gene not measured", "CD19", ""),
        ("blah", "unknown", "", ""),
        ("ZBTB99", "linked", "", "ZBTB99"),
        ("Q7", "unknown", "", ""),  # two letters are not enough for a name that the table lacks
    ]
    reasons = [row[4] for row in found]
    assert reasons[1] == lookup("CD197").evidence
    assert reasons[2] == reasons[3] == "it does not measure a protein of the cell"
    assert reasons[4] == f"no human gene in the table: {lookup('pSTAT3').evidence}"
    assert reasons[5] == "CD19 is not among the other view's features"
    assert reasons[6] == "not in the table; give a table of your own to add it"
    assert reasons[7] == "not in the table, but a gene has the same name"


def test_report_of_dropped_isoforms():
    data = {"adt": view(["CD45RA", "CD4"]), "rna": view(["PTPRC", "CD4"])}
    found = rows(by_table(data, "adt", "rna", isoforms="drop").report)
    assert found[0] == ("CD45RA", "isoform dropped", "CD45RA", "", "PTPRC cannot distinguish this isoform")


def test_report_of_a_given_table():
    table = pd.DataFrame({"protein": ["p3", "p1", "p1", "p1"], "gene": ["G9", "G2", "G1", "G2"], "w": [1, 1, 2, 1]})
    link = by_table({"a": view(["p1", "p3", "p4"]), "b": view(["G1", "G2"])}, "a", "b", table)
    assert rows(link.report) == [
        ("p1", "linked", "p1", "G2/G1", "in the given table"),
        ("p3", "gene not measured", "p3", "", "its partners are not among the other view's features"),
        ("p4", "unknown", "", "", "not in the given table"),
    ]
    assert link.pairs.to_dict("list") == {
        "source": ["p1", "p1"], "target": ["G2", "G1"], "column": [0, 0], "weight": [0.5, 0.5],
    }  # fmt: skip


def table(**columns):
    return lambda: by_table(ADT_AND_RNA, "a", "b", pd.DataFrame(columns))


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        (
            table(gene=["G1"]),
            [
                "by_table: the table has fewer than two columns.",
                "found: columns 'gene'",
                "expected: feature of the source view, feature of the target view, and optionally a weight",
                "Separate the fields by commas, or by tabs in .tsv and .txt files.",
            ],
        ),
        (
            table(protein=["p1", None], gene=[None, "G1"]),
            [
                "by_table: the table is empty.",
                "found: 2 rows, none of them with two names",
                "expected: one row per pair of features",
            ],
        ),
        (
            table(protein=["p1", "p2"], gene=["G1", "G2"], weight=[1, 0]),
            [
                "by_table: 1 of the 2 weights are invalid.",
                "found: 0 in row 2, column 'weight'",
                "expected: finite numbers other than 0",
                "Remove the rows that should not count.",
            ],
        ),
        (
            lambda: by_table(ADT_AND_RNA, "a", "b", "nowhere.csv"),
            [
                "by_table: there is no such table.",
                "found: nowhere.csv",
                "expected: a csv or tsv file",
            ],
        ),
        (
            lambda: by_table(ADT_AND_RNA, "a", "b", isoforms="maybe"),
            [
                "by_table: unknown value of isoforms.",
                "found: 'maybe'",
                "expected: 'keep' or 'drop'",
            ],
        ),
    ],
)
def test_messages(call, lines):
    assert lines_of_error(call) == lines


def test_log(caplog):
    said = logged(caplog, lambda: by_table({"adt": view(["CD4"]), "rna": view(["CD4"])}, "adt", "rna"))
    assert said == ["adt -> rna: 1 of 1 antibodies linked to 1 genes"]


def test_origin():
    data = {"adt": view(["CD4"]), "rna": view(["CD4"])}
    given = pd.DataFrame({"protein": ["CD4"], "gene": ["CD4"]})
    assert by_table(data, "adt", "rna").origin == "packaged table"
    assert by_table(data, "adt", "rna", given).reversed().origin == "given table"


def test_a_table_of_very_many_columns_is_refused_at_once(tmp_path):
    for text in (",".join(map(str, range(300_000))), "a" * 2**21):
        (tmp_path / "t.csv").write_text(text + "\n")
        with pytest.raises(ValueError, match=r"cannot be read as a table(.|\n)*the first line is too long"):
            by_table(ADT_AND_RNA, "a", "b", tmp_path / "t.csv")


def test_a_table_that_unpacks_to_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["crosstie.links.by_table"], "MOST_BYTES", 2**16)  # the function bears its name
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"adt,rna\n" * 10**5))
    with pytest.raises(ValueError, match=r"cannot be read as a table(.|\n)*unpacks to too much"):
        by_table(ADT_AND_RNA, "a", "b", tmp_path / "t.csv.gz")
