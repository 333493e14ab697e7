import pytest

from crosstie.data.readers.stains import is_isotope, stain_of


@pytest.mark.parametrize(
    ("label", "stain"),
    [
        *((label, "DNA") for label in ("DNA1", "DNA_6", "191Ir_DNA1", "Ir193Di", "DAPI", "Hoechst0", "DRAQ5")),
        *(
            (label, "viability")
            for label in ("Viability", "Live/Dead Aqua", "L/D", "Zombie UV", "VIVID / CD14", "7-AAD")
        ),
        *((label, "viability") for label in ("viability;7-AAD;695/40@488/A", "Cisplatin", "195Pt_cisplatin", "PI")),
        *((label, "control") for label in ("EQBeads", "102Pd_barcode", "BC1", "AF", "Dump", "Blank", "190BCKG")),
        *(
            (label, "protein")
            for label in ("CD4", "KI67", "CD3 PerCP", "PD-1", "PI16", "CD19;APC-H7", "TCR aqp4", "H3K27Ac")
        ),
        *(
            (label, "protein")
            for label in ("Live1", "CAF1", "BCL2", "BCL6", "BAFF", "EpCAM", "pp38", "DNAM-1", "CD95 Fas")
        ),
    ],
)
def test_what_a_stain_measures(label, stain):
    assert stain_of(label) == stain


@pytest.mark.parametrize(
    ("label", "isotope"),
    [
        *((label, True) for label in ("Ce140Di", "140Ce", "(Cd112)Di", "Ag107", "I127", "Y89Di", "ArAr80")),
        *((label, False) for label in ("CD112", "CD3", "Ki67", "141Pr_CD45", "Cytokeratin 5", "U", "CE140")),
    ],
)
def test_an_isotope_alone_is_no_marker(label, isotope):
    assert is_isotope(label) is isotope
