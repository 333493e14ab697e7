from crosstie.data.readers.fcs_channels import channels_of


def kinds(*channels):
    names, markers = zip(*(channel.split("|") for channel in channels), strict=True)
    return {channel.label: channel.kind for channel in channels_of(names, markers)}


def test_a_fluorescence_panel():
    found = kinds("FSC-A|", "SSC-H|", "B515-A|KI67", "R780-A|CD3", "V450-A|VIVID / CD14", "G780-A|", "Time|")
    assert found == {
        "FSC-A": "scatter",
        "SSC-H": "scatter",
        "KI67": "protein",
        "CD3": "protein",
        "VIVID / CD14": "viability",
        "G780-A": "unlabelled",
        "Time": "time",
    }


def test_a_mass_panel():
    found = kinds("Event_length|", "Ce140Di|140Ce", "Pr141Di|141Pr_CD45", "Ir191Di|191Ir_DNA1", "Pd102Di|BC1", "Width|")
    assert found == {
        "Event_length": "time",
        "Ce140Di": "unlabelled",
        "141Pr_CD45": "protein",
        "191Ir_DNA1": "DNA",
        "BC1": "control",
        "Width": "time",
    }


def test_one_signal_of_each_detector():
    heights = kinds("FL1-H|CD4 FITC", "FL2-H|CD8 PE", "FL2-A|", "FL2-W|")
    assert heights == {"CD4 FITC": "protein", "CD8 PE": "protein", "FL2-A": "pulse", "FL2-W": "pulse"}
    both = kinds("VL1-H|CD4", "VL1-A|CD4")
    assert [c.kind for c in channels_of(["VL1-H", "VL1-A"], ["CD4", "CD4"])] == ["pulse", "protein"]
    assert list(both) == ["CD4"]


def test_without_markers_detectors_are_kept():
    assert kinds("FL1-H|FL1-H", "FL2-H|", "FSC-H|") == {"FL1-H": "protein", "FL2-H": "protein", "FSC-H": "scatter"}
