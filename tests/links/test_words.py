"""What links say, to the letter: reports are tables that people read and filter, and errors show the way out."""

import logging

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from crosstie.links import Link, Linkage, by_name, by_table, by_table_and_var, by_var, paired
from crosstie.links.antibody_names import _entry, entries, lookup, recognise
from crosstie.links.feature_labels import recognised_share

COLUMNS = ["feature", "status", "entry", "targets", "reason"]


def view(names, **var) -> ad.AnnData:
    return ad.AnnData(np.zeros((2, len(names)), np.float32), var=pd.DataFrame(var, index=pd.Index(names, dtype=object)))


def rows(table):
    assert list(table.columns) == COLUMNS
    return [tuple(row) for row in table.itertuples(index=False)]


# ---- reports --------------------------------------------------------------------------------------------------------


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
    assert reasons[2] == reasons[3] == "it measures no protein of the cell"
    assert reasons[4] == f"no human gene in the table: {lookup('pSTAT3').evidence}"
    assert reasons[5] == "CD19 is not among the other view's features"
    assert reasons[6] == "not in the table; add it in a table of your own"
    assert reasons[7] == "not in the table; a gene has the same name"


def test_report_of_dropped_isoforms():
    data = {"adt": view(["CD45RA", "CD4"]), "rna": view(["PTPRC", "CD4"])}
    found = rows(by_table(data, "adt", "rna", isoforms="drop").report)
    assert found[0] == ("CD45RA", "isoform dropped", "CD45RA", "", "PTPRC does not tell this form apart")


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


def test_report_of_names():
    data = {"a": view(["CD3", "CD4", "cd8a", "PTPRC", "IgG1"]), "b": view(["CD3", "CD45", "CD8A", "CD8a"])}
    assert rows(by_name(data, "a", "b").report) == [
        ("CD3", "linked", "CD3", "CD3", "same name"),
        ("CD4", "no counterpart", "", "", "the other view has no feature of this name"),
        ("cd8a", "linked", "cd8a", "CD8A/CD8a", "same name"),
        ("PTPRC", "linked", "CD45", "CD45", "same protein"),
        ("IgG1", "isotype control", "", "", "it measures no protein of the cell"),
    ]


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


def test_recognise():
    found = rows(recognise(["CD4", "IgG2a", "Hashtag3", "nothing", "pSTAT3"], "mouse"))
    assert [row[:4] for row in found] == [
        ("CD4", "recognised", "CD4", "Cd4"),
        ("IgG2a", "isotype control", "", ""),
        ("Hashtag3", "hashtag", "", ""),
        ("nothing", "unknown", "", ""),
        ("pSTAT3", "no gene", "pSTAT3", ""),
    ]
    assert [row[4] for row in found] == [
        lookup("CD4").evidence,
        "an isotype control measures no protein of the cell",
        "a hashtag measures no protein of the cell",
        "the table has no such name",
        f"no mouse gene: {lookup('pSTAT3').evidence}",
    ]


def test_entries_are_the_rows_of_the_table():
    """Read again by pandas, field by field."""
    from importlib import resources

    with resources.files("crosstie.links").joinpath("protein_genes.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    assert len(table) == len(entries())
    for row, entry in zip(table.to_dict("records"), entries(), strict=True):
        listed = [
            row[c].split("|") if row[c] else [] for c in ("aliases", "human_genes", "mouse_genes", "former_genes")
        ]
        assert [list(x) for x in (entry.aliases, entry.human, entry.mouse, entry.former)] == listed
        assert (entry.protein, entry.kind, entry.evidence) == (row["protein"], row["kind"], row["evidence"])
        assert _entry(row) == entry


@pytest.mark.parametrize("species", ["m", "mouse", "ms", "r", "rat", "Rt", "hamster", "goat"])
def test_isotypes_of_each_species(species):
    assert recognise([f"{species} IgG1"])["status"].tolist() == ["isotype control"]


def test_antibodies_against_immunoglobulins_are_no_controls():
    names = ["mouse IgM", "ms IgM", "m IgM", "r IgM", "IgM", "human IgG1", "Hu IgG1"]
    assert "isotype control" not in set(recognise(names)["status"])
    assert set(recognise(["rat IgM", "hamster IgM", "mouse IgG1k"])["status"]) == {"isotype control"}


@pytest.mark.parametrize(
    ("name", "status"),
    [("Sample Tag 2", "hashtag"), ("MOPC 21", "isotype control"), ("Mouse IgM kappa", "isotype control")],
)
def test_controls_of_several_words(name, status):
    assert recognise([name])["status"].tolist() == [status]


@pytest.mark.parametrize("name", ["EGFR.2", "EGFR_2", "EGFR-2"])
def test_a_number_behind_a_name_is_a_replicate(name):
    assert lookup(name) == lookup("EGFR")


def test_of_no_names_none_are_antibodies():
    assert recognised_share(pd.Series([], dtype=object)) == 0
    assert recognised_share(pd.Series(["CD4", "IgG1", "nothing", "nothing else"])) == 0.5


# ---- errors ---------------------------------------------------------------------------------------------------------

ADT, RNA = view(["p1", "p2"]), view(["G1", "G2"])
LINK = Link("adt", "rna", pd.DataFrame(columns=["source", "target", "column", "weight"]), pd.DataFrame())


def table(**columns):
    return lambda: by_table({"a": ADT, "b": RNA}, "a", "b", pd.DataFrame(columns))


def with_cells(source, target, **more):
    return {
        name: ad.AnnData(np.zeros((len(cells), 1), np.float32), obs=pd.DataFrame(index=list(cells)))
        for name, cells in (("rna", source), ("adt", target))
    } | more


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        (
            table(gene=["G1"]),
            [
                "by_table: the table has fewer than two columns.",
                "found: columns 'gene'",
                "expected: feature of the source view, feature of the target view, and, if you like, a weight",
                "Fields are split at commas, and at tabs in .tsv and .txt files.",
            ],
        ),
        (
            table(protein=["p1", None], gene=[None, "G1"]),
            [
                "by_table: the table is empty.",
                "found: 2 rows, none with two names",
                "expected: one row per pair of features",
            ],
        ),
        (
            table(protein=["p1", "p2"], gene=["G1", "G2"], weight=[1, -1]),
            [
                "by_table: 1 of the 2 weights cannot be used.",
                "found: -1 in row 2, column 'weight'",
                "expected: finite numbers above 0",
                "Leave out the rows that should not count.",
            ],
        ),
        (
            lambda: by_table({"a": ADT, "b": RNA}, "a", "b", "nowhere.csv"),
            [
                "by_table: there is no such table.",
                "found: nowhere.csv",
                "expected: a csv or tsv file",
            ],
        ),
        (
            lambda: by_table({"a": ADT, "b": RNA}, "a", "b", isoforms="maybe"),
            [
                "by_table: isoforms.",
                "found: 'maybe'",
                "expected: 'keep' or 'drop'",
            ],
        ),
        (
            lambda: by_name({"a": ADT, "b": RNA}, "a", "b"),
            [
                "link a -> b: no name occurs in both views.",
                "a features look like: 'p1', 'p2'",
                "b features look like: 'G1', 'G2'",
                "Pass source_names or target_names (a column of .var with names that match), or use xt.links.by_table.",
            ],
        ),
        (
            lambda: by_var({"atac": view(["x"], linked_gene=["g9"]), "rna": RNA}, "atac", "rna"),
            [
                "link atac -> rna: atac.var['linked_gene'] names no feature of rna.",
                "atac features look like: 'g9'",
                "rna features look like: 'G1', 'G2'",
                "Pass target_names (a column of rna.var with names as in the column), or another key.",
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
        (
            lambda: Linkage.of(["rna", "adt"], LINK),
            [
                "link adt -> rna: it has no pairs of features.",
                "Remove it, or give a table.",
            ],
        ),
        (
            lambda: Linkage.of(["rna", "adt"], []),
            [
                "links: the 2 views are not connected.",
                "found: unconnected parts rna | adt",
                "expected: every view reachable from every other through links",
                "Add a link between the parts: xt.links.by_name, by_table, by_var, paired, ...",
            ],
        ),
        (
            lambda: Linkage.of(["rna", "atac"], LINK),
            [
                "link adt -> rna: unknown name 'adt'.",
                "expected: one of 'rna', 'atac'",
            ],
        ),
        (
            lambda: paired(with_cells("ab", "cd"), "rna", "adt"),
            [
                "paired link rna -> adt: no cell is shared.",
                "found: rna: 'a', 'b'; adt: 'c', 'd'",
                "expected: cells of one name in both views",
                "Name the pairs: cells=DataFrame with columns source and target.",
            ],
        ),
        (
            lambda: paired(with_cells("ab", "ab"), "rna", "adt").rows(pd.Index(list("aab")), pd.Index(list("ab"))),
            [
                "paired link rna -> adt: cell names of 'rna' occur more than once.",
                "found: 'a'",
                "Make them unique: adata.obs_names_make_unique().",
            ],
        ),
    ],
)
def test_errors(call, lines):
    with pytest.raises((ValueError, KeyError)) as error:
        call()
    assert str(error.value).split("\n  ") == lines


@pytest.mark.filterwarnings("ignore:.*not unique")
def test_repeated_names_and_unknown_views(caplog):
    by_name({"a": view(["x", "y", "y"]), "b": view(["x"])}, "a", "b")
    assert caplog.messages == ["a: 1 features repeat a name ('y'); only the first of each counts"]
    with pytest.raises(KeyError) as error:
        by_name({"a": ADT}, "a", "c")
    assert str(error.value) == "link: view: unknown name 'c'.\n  expected: one of 'a'"


# ---- the log --------------------------------------------------------------------------------------------------------


def test_log(caplog):
    with caplog.at_level(logging.INFO, "crosstie"):
        by_name({"a": view(["x", "y"]), "b": view(["x"])}, "a", "b")
        by_table({"adt": view(["CD4"]), "rna": view(["CD4"])}, "adt", "rna")
        by_var({"atac": view(["p", "q", "r"], linked_gene=["G1", "G8", ""]), "rna": RNA}, "atac", "rna")
        paired(with_cells("abc", "bcd"), "rna", "adt")
    assert [record.getMessage() for record in caplog.records] == [
        "a -> b: 1 of 2 features linked by name",
        "adt -> rna: 1 of 1 antibodies linked to 1 genes",
        "atac -> rna: 1 of 3 features linked to 1 by var['linked_gene']; 1 name one that was not measured: 'G8'; "
        "1 name none",
        "rna -> adt: 2 cells are shared (of 3 and 3).",
    ]
