"""Names that programs before us changed."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crosstie.data.readers.feature_names import are_features, mend_dates, without_sequences

PANEL = [
    *("CD3-CTCATTGTAACTCCT", "PD-1-ATGGTAGTATCACGA", "HLA-DR-AATAGCGAGCAAGTA"),
    *("TIGIT-TTGCTTACCGCCAGA", "IgD_CAGTCTCCGTAGAGT"),
]


def table(names):
    return pd.DataFrame(index=names)


def test_sequences_come_off_every_name():
    found = without_sequences(table(PANEL))
    assert list(found.index) == ["CD3", "PD-1", "HLA-DR", "TIGIT", "IgD"]
    assert found["sequence"].iloc[1] == "ATGGTAGTATCACGA"


@pytest.mark.parametrize("names", [["CD3", "CD4", "HLA-GATTACAA"], [], ["ACTB", "GATA1"], ["AACCGGTTAACC"]])
def test_names_without_sequences_stay(names):
    assert list(without_sequences(table(names)).index) == names


def test_rows_of_statistics(caplog):
    names = pd.Index(
        ["CD3", "unmapped", "Unmapped ", "no_match", "__no_feature", "UNMAPPED1", "nCount_RNA", "percent.mt"]
    )
    assert list(are_features(names)) == [True, False, False, False, False, True, False, False]
    assert "'unmapped'" in caplog.text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["2-Sep", "CD4"], ["SEPT2", "CD4"]),
        (["Sep-07", "11-SEP", "14-Sept"], ["SEPT7", "SEPT11", "SEPT14"]),
        (["2006-09-02", "2006-09-03 00:00:00"], ["SEPT2", "SEPT3"]),
        (["3-Mar", "Mar-11", "1-Dec"], ["MARCH3", "MARCH11", "DEC1"]),
        (["1-Mar", "2-Mar", "20-Sep", "4-Oct", "12-Mar"], ["1-Mar", "2-Mar", "20-Sep", "4-Oct", "12-Mar"]),
        (["2-Sep", "SEPT2"], ["2-Sep", "SEPT2"]),
        (["5-Mar", "Mar-05"], ["5-Mar", "Mar-05"]),
    ],
)
def test_dates(before, after, caplog):
    views = {"rna": AnnData(np.ones((2, len(before))), var=table(before))}
    mend_dates(views, "table.csv")
    assert list(views["rna"].var_names) == after
    assert "rna: names of genes that a spreadsheet turned into dates" in caplog.text
    n_mended = sum(a != b for a, b in zip(before, after, strict=True))
    assert f": {n_mended} corrected" in caplog.text


def test_no_date_is_seen_where_there_is_none(caplog):
    names = ["HLA-A", "MT-CO1", "RP11-34P13.7", "March1", "Sept2", "1-8D", "May-1", "DEC-205", "2-Sepp", "CD3", "IL-12"]
    views = {"rna": AnnData(np.ones((2, len(names))), var=table(names))}
    mend_dates(views, "table.csv")
    assert list(views["rna"].var_names) == names
    assert caplog.text == ""
