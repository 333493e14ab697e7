"""Which features of another data set are ours."""

import pandas as pd

from crosstie.links.same_features import same_names, same_proteins


def test_names_exactly_then_without_case():
    ours = pd.Series(["CD19", "Cd3e", "cd19"])
    assert same_names(["cd19", "CD3E", "CD19", "MS4A1"], ours) == ["cd19", "Cd3e", "CD19", None]


def test_proteins_by_name_or_by_what_they_measure():
    theirs = ["CD3_UCHT1", "CD19-TotalSeqB", "IgG1_isotype", "CD3", "unheard-of"]
    assert same_proteins(theirs, ["CD3", "CD19", "IgG1_isotype", "UNHEARD-OF", "CD8a"]) == [[3], [1], [], [4], []]
    assert same_proteins(theirs, ["Hu.CD3"]) == [[0, 3]], "no name is the same: all antibodies of the protein"
