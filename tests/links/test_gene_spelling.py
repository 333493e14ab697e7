"""Genes as references spell them."""

import pandas as pd
import pytest

import crosstie as xt
from crosstie.links.gene_spelling import plain_genes


@pytest.fixture(scope="module")
def data():
    return xt.datasets.simulate_citeseq(n_cells=60, n_genes=200, n_proteins=40, seed=0)


@pytest.mark.parametrize(
    "spelled",
    [
        "GRCh38_{}",
        "HUMAN_{}",
        "hg19-{}",
        "mm10___{}",
        "GRCh38_premrna____{}",
        "{}_ENSG00000000001",
        "ENSG00000000001.14|{}",
        "GRCh38_{}_ENSG00000000001.5",
        "{}.1",
    ],
)
def test_every_spelling_links_like_the_symbols(data, spelled, caplog):
    rna = data["rna"].copy()
    rna.var_names = [spelled.format(name) for name in rna.var_names]
    expected = xt.links.by_table(data, "rna", "adt").pairs
    found = xt.links.by_table({"rna": rna, "adt": data["adt"]}, "rna", "adt").pairs
    assert list(found["source"]) == [spelled.format(name) for name in expected["source"]], (
        "the features keep their names"
    )
    assert list(found["target"]) == list(expected["target"])
    by_name = xt.links.by_name({"rna": rna, "other": data["rna"]}, "rna", "other")
    assert by_name.n_columns == rna.n_vars


def test_mixtures_are_said(caplog):
    caplog.set_level("INFO", "crosstie")
    names = pd.Series([*(f"GRCh38_G{i}" for i in range(60)), *(f"mm10___g{i}" for i in range(40))])
    assert list(plain_genes(names, "rna"))[59:61] == ["G59", "g0"]
    assert "genes of 2 genomes (GRCh38: 60, mm10: 40)" in caplog.text
    caplog.clear()
    plain_genes(pd.Series([f"GRCh38_G{i}" for i in range(60)]), "rna")
    assert [record.levelname for record in caplog.records] == ["INFO"]


@pytest.mark.parametrize(
    "names",
    [
        ["cd4.1", "cd4.2", "cd8.1"],
        ["CD3E", "HLA-A", "MT-CO1", "human-like"],
        ["ENSG00000198851", "ENSG00000000003.14"],
        ["mouse_IgG1", "CD4", "CD8", "rat_IgG2b", "CD19"],
        [],
    ],
)
def test_other_names_stay(names):
    series = pd.Series(names, dtype=object)
    assert list(plain_genes(series, "v")) == names
