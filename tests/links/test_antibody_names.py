import os
import re
import time
from pathlib import Path

import anndata as ad
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crosstie.links import antibody_names, lookup, recognise
from crosstie.links.antibody_names import _entry, entries

from .small_views import rows

DATA = Path(os.environ.get("CROSSTIE_DATA", Path(__file__).parents[2].parent / "shared" / "data"))

SPELLINGS = {
    "CD3": "CD3_TotalSeqB CD3_TotalC CD3_TSA CD3-UCHT1 141Pr_CD3 CD3(Er170)Di 170Er_CD3 CD3_Er170 cd3.1",
    "CD4": "Hu.CD4 Hu.CD4_RPA.T4 Ms.CD4 cd4.1 cd4.2 CD4-1 CD4_prot prot_CD4 AB_CD4 adt_CD4 CD4_A0072 CD4-TotalSeqC "
    "anti-human_CD4 CD4:SK3|CD4|AHS0032|pAbO 112Cd_CD4 Cd112Di_CD4 hCD4",
    "CD8a": "CD8 cd8a CD8α CD8A CD8_alpha",
    "CD11b": "CD11b-AbSeq ITGAM Mac-1 anti-mouse/human_CD11b",
    "CD16": "CD16:3G8|FCGR3A|AHS0053|pAbO CD16.3G8.FCGR3A.AHS0053.pAbO",
    "CD44": "HuMs.CD44",
    "CD45": "PTPRC CD45_89Y hCD45 mCD45",
    "CD45R": "B220 CD45R/B220 ADT_CD45R-B220_A0103",
    "CD45RA": "CD45RA cd45ra_TotalSeqB",
    "CD85g": "cd85g ILT7",
    "CD66a/c/e": "CD66a/c/e cd66a.c.e AB_CD66a_c_e",
    "CD102": "ADT_CD102_A0104 ICAM-2",
    "CD112": "CD112 cd112",
    "CD127": "CD127-IL7Ra IL-7Rα IL-7Ralpha ADT_CD127(IL-7Ra)_A0198",
    "CD137": "4-1BB 41BB",
    "CD197": "CCR7 CD197(CCR7) CD197-CCR7",
    "CD274": "PD-L1 PDL1 ADT_CD274(B7-H1_PD-L1)_A0190",
    "CD279": "PD-1 PD1 CD279(PD-1)",
    "CD11a/CD18": "CD11a/CD18 cd11a.cd18",
    "HLA-DR": "HLA-DR HLA.DR HLADR hla.dr HLA-DRA HLA-DRA_TAGACGAC HLA-DR|CD74|AHS0035|pAbO HLA.DR.CD74.AHS0035.pAbO",
    "HLA-DR-DP-DQ": "HLA-DR,DP,DQ",
    "HLA-A-B-C": "HLA-A-B-C HLA-ABC HLA.A.B.C",
    "TCR alpha/beta": "TCR tcrab TCR.a.b TCR-a/b TCRα/β",
    "TCR gamma/delta": "tcrgd TCR-g/d TCRγδ ADT_TCRr-d_A0121",
    "TCR Va7.2": "Vα7.2 TCRVa7.2 tcr.v.7.2 AB_TCR_Va7_2",
    "TCR Va24-Ja18": "tcr.v.24.j.18 TCR-Va24-Ja18",
    "TCR Vb5.1/5.2": "ADT_TCRVb5.1_5.2_A0354",
    "TCR Vb5.1": "TCRVb5.1",
    "TCR Vg9": "tcr.v.9 TCRVγ9",
    "TCR Vd2": "tcr.v.2 TCRVd2",
    "integrin beta 7": "integrin.7 integrinB7 ADT_integrinb7_A0214",
    "F4/80": "F4/80 F4-80 ADT_F4-80_A0114",
    "NK-1.1": "NK1.1 ADT_NK-1.1_A0118",
    "IgM": "IgM igm IGHM IgM_TotalSeqC anti-mouse_IgM IgM|IGHM|AHS0198|pAbO",
    "IgD": "IgD ADT_IgD_A0571",
    "Ki-67": "Ki67 Ki-67 MKI67",
    "Pan-Cytokeratin": "PanCK Pan-Cytokeratin",
    "pSTAT3": "pSTAT3 p-STAT3",
}
SPELLED = [(protein, label) for protein, labels in SPELLINGS.items() for label in labels.split()]
CONTROLS = """IgG1|IgG2a|IgG2b|Mouse IgG2a|MouseIgG1kappaisotype_A0090|rat-IgG2b|Isotype_MOPC.21|Rat-IgG1-1|Rag-IgG2c
Armenian Hamster IgG isotype Ctrl|IgG1_control_TotalSeqB|IgG2b_control_TotalC|Mouse_IgG1_K_Iso|IgG1-K-Isotype-Control
Mouse IgG1, κ isotype Ctrl|IgG2a_TotalSeqC|ADT_RatIgG2b_A0095
Control_Rat_IgG1_TCACGGTA|Mouse_IgG1_TGTGTATA|Control Mouse IgG2b""".replace("\n", "|").split("|")
HASHTAGS = ["HTO_B6_spl_r4", "Hashtag 1", "B0251 anti-human Hashtag1", "Hashtag1_TotalSeqB", "HTO-A", "HTO1", "CMO301"]


@pytest.mark.parametrize(("protein", "label"), SPELLED, ids=[label for _, label in SPELLED])
def test_a_spelling_finds_its_protein(protein: str, label: str):
    assert lookup(label).protein == protein


@pytest.mark.parametrize(
    ("label", "protein"),
    [
        ("CD8a - 226:Cyc_10_ch_2", "CD8a"),
        ("CD3 - cytotoxic T cells:Cyc_1_ch_2", "CD3"),
        ("Granzyme B - cytotoxicity:Cyc_3_ch_2", "Granzyme B"),
        ("Cytokeratin - epithelia:Cyc_10_ch_2", "Pan-Cytokeratin"),
        ("TotalSeq™-C0072 anti-human CD4 Antibody", "CD4"),
        ("IgG Fc", "IgG"),
        ("CD279 (PD-1)", "CD279"),
        ("FITC-A :: CCR7", "CD197"),
        ("PE/Dazzle 594 anti-human HLA-DR", "HLA-DR"),
        ("CCR7 Brilliant Violet 605", "CD197"),
        ("TIGIT (PE)", "TIGIT"),
    ],
)
def test_labels_with_spaces(label: str, protein: str):
    assert lookup(label).protein == protein


CYTOMETRY = {
    "CD45": "141Pr_CD45 Sm154Di_CD45 CD45-89Y 89Y_CD45 Y89Di_CD45 CD45_(Y89)Di CD45(Y89)Di CD45_106Cd 106Cd_CD45",
    "CD3": "CD3(Cd110)Di (Cd110)Di_CD3 (Cd110)Dd_CD3 Cd110Di_CD3 110Cd_CD3 CD3_AF488 FITC-A::CD3 CD3-PE-Cy7-A",
    "CD8a": "CD8a_146Nd CD8a-APC-H7 BV785_CD8a",
    "CD19": "CD19_Cd111 CD19(Cd111)Di Nd142_CD19 142Nd-CD19 CD19-APC/Fire810 CD19.AF647",
    "CD45RA": "CD45RA-FITC 143Nd_CD45RA FITC_CD45RA",
    "CD112": "CD112-PE 112Cd_CD112",
    "CD197": "CCR7-Qdot605 CCR7-BV421 PE-Cy7_CCR7 APC_CCR7 197Au_CCR7 CCR7_159Tb CCR7-PerCP-Cy5.5",
    "CD279": "PD-1-PE PD1-BUV737 PE-PD-1 PD-1_Opal520 PD-1-Alexa_Fluor_647 PD-1-A647",
    "HLA-DR": "HLADR_174Yb HLA-DR(Yb174)Di HLA-DR-PerCP-Cy5.5 HLA-DR-BV605 V500-HLA-DR HLA-DR-eF450",
    "FOXP3": "FoxP3 FoxP3-162Dy FoxP3-PE FOXP3-ATTO550 FoxP3-SparkNIR685",
    "Ki-67": "ki67 Ki-67_168Er Ki67-AF700 Cy5_Ki67",
    "TCR gamma/delta": "TCRgd(Sm152)Di TCRgd-VioBlue TCRgd-PE-CF594",
    "Granzyme B": "GranzymeB_171Yb GranzymeB-PacificBlue",
    "CD21": "CD21",
    "CD44": "FITC-H-CAM",
    "H-2Kb": "FITC-H-2Kb H-2Kb-PE",
    "B7-H7": "B7-H7 B7-H7-APC",
    "Pan-Cytokeratin": "Pan-Cytokeratin PanCK-Opal690 Pan-Cytokeratin-AF488",
    "PE": "PE anti-PE PE_TotalSeqB",
    "APC": "APC APC_A0123",
}
STAINED = [(protein, label) for protein, labels in CYTOMETRY.items() for label in labels.split()]


@pytest.mark.parametrize(("protein", "label"), STAINED, ids=[label for _, label in STAINED])
def test_metals_and_dyes_are_no_part_of_the_name(protein: str, label: str):
    assert lookup(label).protein == protein


@pytest.mark.parametrize("label", ["IgG1-PE", "PE Mouse IgG2a", "IgG1_BV421", "Mouse IgG1 Alexa Fluor 488"])
def test_a_dyed_isotype_control_is_one(label: str):
    assert antibody_names.control(label) == "isotype control"


@pytest.mark.parametrize(
    "label",
    ["CD19-CD3", "CD3/CD19", "CK-9", "Keratin-9", "Er170Di", "XYZ123", "", " ", "_", "Di", "BV421", "PE-Cy7", "Cy5-A"],
)
def test_what_names_no_single_protein_is_not_found(label: str):
    assert lookup(label) is None


@pytest.mark.parametrize("label", CONTROLS)
def test_isotype_controls(label: str):
    assert antibody_names.control(label) == "isotype control"
    assert lookup(label) is None


@pytest.mark.parametrize("label", HASHTAGS)
def test_hashtags(label: str):
    assert antibody_names.control(label) == "hashtag"


@pytest.mark.parametrize(
    "label",
    [
        "unmapped",
        "Blank",
        "BLANK_0012",
        "Blank-4",
        "Blank_ACGTACGT",
        "no_match",
        "NegControlProbe_00042",
        "NegControlCodeword_0500",
        "UnassignedCodeword_0001",
        "Negative1",
        "SystemControl12",
        "NegPrb3",
        "FalseCode12",
        "Negative Control",
    ],
)
def test_rows_without_a_target_are_blank(label: str):
    assert antibody_names.control(label) == "blank"
    assert lookup(label) is None


def test_no_gene_of_the_table_is_blank():
    assert [
        gene for e in antibody_names.entries() for gene in (*e.human, *e.mouse) if antibody_names.is_blank(gene)
    ] == []
    assert not any(map(antibody_names.is_blank, ["NEGR1", "UNC5A", "EMPTY2X", "BLANKET"]))


def test_the_controls_of_a_panel():
    panel = ["CD3", "HTO1", "Mouse IgG1", "unmapped", "IgM"]
    assert antibody_names.controls(panel) == {"HTO1": "hashtag", "Mouse IgG1": "isotype control", "unmapped": "blank"}


@pytest.mark.parametrize(
    "label", ["IgD", "IgM", "IgG Fc", "IgE", "IgA", "IgG", "Hu.IgM", "anti-mouse IgM", "IgM_TotalSeqC"]
)
def test_antibodies_against_immunoglobulins_are_no_controls(label: str):
    assert antibody_names.control(label) is None
    assert lookup(label) is not None


def test_an_allotype_in_mouse_is_a_replicate_in_human():
    assert lookup("CD45.1", "mouse").protein == "CD45.1"
    assert lookup("CD45.1", "human").protein == "CD45"
    assert lookup("CD90.2_A0075", "mouse").protein == "CD90.2"


def test_key_keeps_numbers_apart():
    assert antibody_names.key("CD4.1") == "cd4.1" != antibody_names.key("CD41")
    assert antibody_names.key("TCR α/β") == antibody_names.key("tcr alpha beta") == "tcrab"


@settings(deadline=None)
@given(st.text(max_size=60) | st.text(alphabet="CDcd34.-_|:()[] αβIgGTotalSeq", max_size=80))
def test_any_text_is_answered(label: str):
    assert (entry := lookup(label)) is None or entry in antibody_names.entries()
    assert recognise([label]).shape == (1, 5)


@pytest.mark.parametrize("label", ["xalphalpha", "ﷺ" * 60, "TCR alpha beta", "1 2 3", "ß" * 150])
def test_a_normal_form_is_its_own(label: str):
    assert antibody_names.key(antibody_names.key(label)) == antibody_names.key(label)
    assert len(antibody_names.key(label)) <= antibody_names.MAX_LENGTH


VENDORS = [("ADT_", "_A0123"), ("", "_TotalSeqB"), ("prot_", ""), ("", "_TotalC"), ("", "_BV421"), ("AF700-", "")]


@settings(deadline=None)
@given(st.sampled_from([a for e in antibody_names.entries() for a in (e.protein, *e.aliases)]), st.data())
def test_vendor_affixes_change_nothing(name: str, data: st.DataObject):
    expected = lookup(name)
    assume(expected is None or "fluorophore" not in expected.evidence)  # AF700-PE is another dye
    before, after = data.draw(st.sampled_from(VENDORS))
    assert lookup(before + name + after) == expected


@pytest.mark.parametrize("unit", ["CD4 ", "_", ".", "(", "1", "IgG1", "total-", "TotalSeq", "ß", "Ǆ"])
def test_long_text_costs_nothing(unit: str):
    start = time.perf_counter()
    lookup(unit * 100_000)
    antibody_names.control(unit * 100_000)
    assert time.perf_counter() - start < 1


def test_table_is_large_and_legal():
    rows = antibody_names.entries()
    assert len(rows) >= 450
    assert {e.kind for e in rows} == {"gene", "complex", "isoform", "glycan", "none"}
    symbol = re.compile(r"[A-Z][A-Za-z0-9]*(-[A-Z]*[a-z]*[0-9]*)?")
    for e in rows:
        genes = e.human + e.mouse + e.former
        assert all(symbol.fullmatch(g) for g in genes), e.protein
        assert len(set(e.human)) == len(e.human)
        assert len(set(e.mouse)) == len(e.mouse)
        assert e.evidence, e.protein
        assert (e.kind == "none") <= (not genes), e.protein
        assert (e.kind == "gene") <= (len(e.human or e.mouse) >= 1), e.protein
        assert (e.kind == "complex") <= (max(len(e.human), len(e.mouse)) > 1), e.protein
        assert not genes or "approved name" in e.evidence, e.protein


def test_no_name_stands_for_two_proteins():
    owner: dict[str, str] = {}
    for e in antibody_names.entries():
        for name in (e.protein, *e.aliases):
            assert antibody_names.key(name)
            assert owner.setdefault(antibody_names.key(name), e.protein) == e.protein, name


def test_every_name_of_the_table_finds_its_row():
    for e in antibody_names.entries():
        for name in (e.protein, *e.aliases):
            assert antibody_names.control(name) or lookup(name) == e, name


def test_recognise_describes_each_name():
    report = recognise(["CD3_TotalSeqB", "IgG1", "Hashtag 1", "pSTAT3", "nonsense"])
    assert list(report["status"]) == ["recognised", "isotype control", "hashtag", "no gene", "unknown"]
    assert list(report["targets"]) == ["CD3D/CD3E/CD3G", "", "", "", ""]
    assert recognise([]).shape == (0, 5)
    assert recognise(["B220"], "mouse")["targets"].item() == "Ptprc"


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "organism", "n", "share"),
    [("pbmc_wnn", "human", 224, 0.95), ("bmmc_cite_1", "human", 134, 0.98), ("sln_mouse", "mouse", 107, 0.90)],
)
def test_real_panels_are_recognised(name: str, organism: antibody_names.Organism, n: int, share: float):
    path = DATA / name / "adt.h5ad"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    panel = ad.read_h5ad(path, backed="r").var_names
    status = recognise(panel, organism)["status"]
    antibodies = status[~status.isin(["isotype control", "hashtag"])]
    assert len(panel) == n
    assert (antibodies != "unknown").mean() >= share


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
        "an isotype control does not measure a protein of the cell",
        "a hashtag does not measure a protein of the cell",
        "not in the table",
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


def test_igm_is_a_control_only_with_a_species_or_a_chain():
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
