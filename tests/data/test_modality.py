import logging

import numpy as np
import pytest

from crosstie.data import View
from data.conftest import counts, make_adata

ANTIBODIES = ["CD3", "CD4", "CD8a", "CD45RA", "CD19", "CD56", "HLA-DR", "CD14", "CD16", "CD27", "PD-1", "IgM"]
GENES = ["GAD1", "GAD2", "SLC17A7", "SST", "VIP", "PVALB", "LAMP5", "CD4", "CD19", "CD14", "CD79A", "MS4A1", "PTPRC"]
GENES += ["EPCAM", "ERBB2", "ESR1", "KRT8", "KRT14", "ACTA2", "COL1A1", "C1orf112", "HLA-DRA", "ENSG00000153563"]


@pytest.mark.parametrize(
    ("name", "var", "names", "expected", "why"),
    [
        ("adt", None, None, "protein", "by its name"),
        ("ADT_2", None, None, "protein", "by its name"),
        ("scRNA", None, None, "rna", "by its name"),
        ("gex", None, None, "rna", "by its name"),
        ("gene_activity", None, None, "activity", "by its name"),
        ("atac", None, None, "atac", "by its name"),
        ("cytof protein", None, None, "cytometry", "by its name"),
        ("rna_flowcell1", None, None, "rna", "by its name"),
        ("protocolA_rna", None, None, "rna", "by its name"),
        ("cite_rna", None, None, "rna", "by its name"),
        ("cite", None, None, "protein", "by its name"),
        ("xenium", None, None, "rna", "by its name"),
        ("first", "Antibody Capture", None, "protein", "feature_types"),
        ("first", "Gene Expression", None, "rna", "feature_types"),
        ("first", "Peaks", None, "atac", "feature_types"),
        ("first", None, [f"chr1:{j}-{j + 500}" for j in range(30)], "atac", "look like peaks"),
        ("first", None, [f"chrX_{j}_{j + 500}" for j in range(30)], "atac", "look like peaks"),
        ("first", None, None, "protein", "only 30 features"),
    ],
)
def test_modality_is_guessed_and_said(name, var, names, expected, why, caplog):
    adata = make_adata(counts(), names)
    if var:
        adata.var["feature_types"] = var
    with caplog.at_level(logging.INFO, "crosstie"):
        assert View.of(name, adata).modality == expected
    assert why in caplog.text


def test_many_features_are_rna(caplog):
    x = np.tile(counts(), (1, 20))
    with caplog.at_level(logging.INFO, "crosstie"):
        assert View.of("first", make_adata(x)).modality == "rna"
    assert "many features that are not peaks" in caplog.text


def test_modality_given_is_not_guessed(caplog):
    with caplog.at_level(logging.INFO, "crosstie"):
        assert View.of("adt", make_adata(counts()), modality="rna").modality == "rna"
    assert not caplog.text


def taken(name, names, caplog, var=None):
    """The modality of a view with these features, and the record that says so."""
    caplog.clear()
    adata = make_adata(np.resize(counts(n_features=20), (30, len(names))), names)
    if var:
        adata.var["feature_types"] = var
    with caplog.at_level(logging.INFO, "crosstie"):
        modality = View.of(name, adata).modality
    return modality, next(r for r in caplog.records if "modality taken" in r.message)


@pytest.mark.parametrize("name", ["first", "panel", "breast2"])
def test_a_small_panel_of_genes_is_rna(name, caplog):
    modality, said = taken(name, GENES, caplog)
    assert modality == "rna"
    assert "100% of its features are named like genes" in said.message
    assert said.levelname == "WARNING"  # a guess reaches a user of Python


def test_a_panel_of_antibodies_is_protein(caplog):
    for names in (
        ANTIBODIES,
        [f"{n}_TotalSeqB" for n in GENES],
        [n.lower() for n in ANTIBODIES],
        ["Hu.CD3", *ANTIBODIES],
    ):
        assert taken("first", names, caplog)[0] == "protein"


def test_features_outweigh_a_word_inside_a_name(caplog):
    many = [*GENES, *(f"GENE{i}" for i in range(1200))]
    for name, why in (("protocolA", "'prot'"), ("reflow", "'flow'")):
        modality, said = taken(name, many, caplog)
        assert modality == "rna"
        assert f"although its name holds {why}" in said.message
        assert said.levelname == "WARNING"
    modality, said = taken("protocolA", ANTIBODIES, caplog)
    assert (modality, said.levelname) == ("protein", "INFO")


def test_a_word_by_itself_decides_and_disagreement_is_said(caplog):
    modality, said = taken("rna", ANTIBODIES, caplog)
    assert modality == "rna"
    assert "by its name, although" in said.message
    assert said.levelname == "WARNING"
    modality, said = taken("adt", GENES, caplog)  # antibodies may be named by gene
    assert (modality, said.levelname) == ("protein", "INFO")
    assert taken("adt", GENES, caplog, "Gene Expression")[1].levelname == "WARNING"
