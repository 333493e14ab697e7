import numpy as np
import pytest

from crosstie.links import by_name

from .small_views import lines_of_error, logged, rows, view

ADT_AND_RNA = {"a": view(["p1", "p2"]), "b": view(["G1", "G2"])}


def pairs(link) -> set[tuple[str, str]]:
    return set(zip(link.pairs["source"], link.pairs["target"], strict=True))


def test_exact_names_come_before_case():
    data = {"rna": view(["Abc", "ABC", "gene2", "x"]), "activity": view(["ABC", "abc", "GENE2", "y"])}
    link = by_name(data, "rna", "activity")
    assert pairs(link) == {("ABC", "ABC"), ("Abc", "abc"), ("gene2", "GENE2")}
    assert link.n_columns == 3
    assert dict(zip(link.report["feature"], link.report["status"], strict=True))["x"] == "no counterpart"


def test_panels_are_linked_through_other_names():
    data = {
        "cytof": view(["141Pr_CD3", "CD197 (CCR7)", "CD4", "HLADR", "CD19", "IgG1"]),
        "adt": view(["CD3_TotalSeqB", "CCR7", "CD4", "HLA-DR", "CD14", "IgG1", "Hashtag1"]),
    }
    link = by_name(data, "cytof", "adt")
    assert pairs(link) == {
        ("141Pr_CD3", "CD3_TotalSeqB"),
        ("CD197 (CCR7)", "CCR7"),
        ("CD4", "CD4"),
        ("HLADR", "HLA-DR"),
    }
    status = dict(zip(link.report["feature"], link.report["status"], strict=True))
    assert status["IgG1"] == "isotype control"
    assert status["CD19"] == "no counterpart"
    assert len(link.report) == 6
    assert pairs(by_name(data, "adt", "cytof")) == {(t, s) for s, t in pairs(link)}


def test_two_clones_share_one_column():
    link = by_name({"a": view(["cd4.1", "cd4.2", "CD8"]), "b": view(["CD4", "CD8"])}, "a", "b")
    a, b = link.projections(["cd4.1", "cd4.2", "CD8"], ["CD4", "CD8"])
    assert link.n_columns == 2
    assert sorted(a.toarray().max(1)) == [0.5, 0.5, 1.0]
    assert np.allclose(b.sum(0), 1)


def test_a_column_of_var_holds_the_names():
    data = {"rna": view(["ENSG1", "ENSG2"], symbol=["CD4", np.nan]), "activity": view(["CD4", "nan"])}
    assert pairs(by_name(data, "rna", "activity", source_names="symbol")) == {("ENSG1", "CD4")}


def test_errors_show_both_sides():
    data = {"rna": view(["a", "b"]), "activity": view(["c"])}
    with pytest.raises(ValueError, match=r"no name occurs in both(.|\n)*rna features look like: 'a', 'b'(.|\n)*'c'"):
        by_name(data, "rna", "activity")
    with pytest.raises(KeyError, match="unknown name 'atac'"):
        by_name(data, "rna", "atac")
    with pytest.raises(KeyError, match=r"column of rna\.var"):
        by_name(data, "rna", "activity", source_names="symbol")


@pytest.mark.filterwarnings("ignore:.*not unique")
def test_a_repeated_name_counts_once(caplog):
    link = by_name({"rna": view(["CD4", "CD4", "B"]), "activity": view(["CD4", "C"])}, "rna", "activity")
    assert pairs(link) == {("CD4", "CD4")}
    assert "repeat a name" in caplog.text


@pytest.mark.filterwarnings("ignore:Transforming to str index")  # of an index of no names: older anndata
def test_an_empty_view_links_nothing():
    with pytest.raises(ValueError, match=r"\(none\)"):
        by_name({"rna": view([]), "activity": view(["C"])}, "rna", "activity")


def test_report_of_names():
    data = {"a": view(["CD3", "CD4", "cd8a", "PTPRC", "IgG1"]), "b": view(["CD3", "CD45", "CD8A", "CD8a"])}
    assert rows(by_name(data, "a", "b").report) == [
        ("CD3", "linked", "CD3", "CD3", "same name"),
        ("CD4", "no counterpart", "", "", "the other view has no feature of this name"),
        ("cd8a", "linked", "cd8a", "CD8A/CD8a", "same name"),
        ("PTPRC", "linked", "CD45", "CD45", "same protein"),
        ("IgG1", "isotype control", "", "", "it does not measure a protein of the cell"),
    ]


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        (
            lambda: by_name(ADT_AND_RNA, "a", "b"),
            [
                "link a -> b: no name occurs in both views.",
                "a features look like: 'p1', 'p2'",
                "b features look like: 'G1', 'G2'",
                "Pass source_names or target_names (a column of .var whose names match), or use xt.links.by_table.",
            ],
        ),
    ],
)
def test_messages(call, lines):
    assert lines_of_error(call) == lines


def test_log(caplog):
    said = logged(caplog, lambda: by_name({"a": view(["x", "y"]), "b": view(["x"])}, "a", "b"))
    assert said == ["a -> b: 1 of 2 features linked by name"]


def test_origin():
    assert by_name({"a": view(["x"]), "b": view(["x"])}, "a", "b").origin == "name"
