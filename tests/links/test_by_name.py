import anndata as ad
import numpy as np
import pandas as pd
import pytest

from crosstie.links import by_name


def view(names, **var) -> ad.AnnData:
    return ad.AnnData(np.zeros((2, len(names)), np.float32), var=pd.DataFrame(var, index=pd.Index(names, dtype=object)))


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
