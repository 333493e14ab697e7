"""Subject: genes called by identifiers are linked by the symbols beside them, if one column holds them."""

import logging

import pandas as pd
import pytest

from crosstie.links import by_name, by_table, by_var
from crosstie.links.identifiers import are_identifiers, symbol_column, symbol_columns

from .small_views import lines_of_error, view

IDS = ["ENSG00000010610", "ENSG00000177455.14", "ENSG00000153563"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (IDS, True),
        (["ENSMUSG00000000001"], True),
        (["920", "930", "925"], True),
        (["CD4", "CD19", IDS[0]], False),
        ([], False),
    ],
)
def test_identifiers_are_told_from_symbols(names, expected):
    assert are_identifiers(pd.Index(names, dtype=object)) is expected


def test_the_column_of_symbols_is_found_among_others():
    var = pd.DataFrame(
        {
            "n_cells": [3, 4, 5],
            "feature_types": ["Gene Expression"] * 3,
            "gene_symbols": pd.Categorical(["CD4", "CD19", "CD8A"]),
            "again": ["CD4", "CD19", "CD8A"],
            "note": ["", "CD19", ""],
        },
        index=IDS,
    )
    assert symbol_column(var) == "gene_symbols"
    assert symbol_column(var.set_index("gene_symbols", drop=False)) is None
    assert symbol_column(var[["n_cells", "feature_types"]]) is None


def test_two_columns_of_different_symbols_are_ambiguous_and_both_are_named():
    rna = view(IDS, human=["CD4", "CD19", "CD8A"], mouse=["Cd4", "Cd19", "Cd8a"])
    assert symbol_columns(rna.var) == ["human", "mouse"]
    assert symbol_column(rna.var) is None
    said = lines_of_error(lambda: by_table({"adt": view(["CD4", "CD19"]), "rna": rna}, "adt", "rna"))[-1]
    assert 'target_names="human"' in said
    assert "mouse" in said


def test_every_kind_of_link_uses_them_and_says_so(caplog):
    rna, other = view(IDS, symbol=["CD4", "CD19", "CD8A"]), view(["CD4", "CD19"])
    peaks = view(["chr1:1-2", "chr1:3-4"], linked_gene=["CD19", "CD4"])
    with caplog.at_level(logging.INFO, "crosstie"):
        found = [
            by_table({"adt": other, "rna": rna}, "adt", "rna"),
            by_table(
                {"adt": other, "rna": rna}, "adt", "rna", pd.DataFrame({"a": ["CD4", "CD19"], "b": ["CD4", "CD19"]})
            ),
            by_name({"activity": other, "rna": rna}, "activity", "rna"),
            by_var({"atac": peaks, "rna": rna}, "atac", "rna"),
        ]
    for link in found[:3]:
        assert set(zip(link.pairs["source"], link.pairs["target"], strict=True)) == {("CD4", IDS[0]), ("CD19", IDS[1])}
    assert set(found[3].pairs["target"]) == set(IDS[:2])
    said = f"rna: genes are called by identifiers, such as {IDS[0]!r}; linked by their symbols in var['symbol']."
    assert caplog.messages.count(said) == 4


def test_identifiers_on_both_sides_are_compared_as_they_are():
    data = {"a": view(IDS, symbol=["CD4", "CD19", "CD8A"]), "b": view(IDS[:2])}
    assert set(by_name(data, "a", "b").pairs["target"]) == set(IDS[:2])
