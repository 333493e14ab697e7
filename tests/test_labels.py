import numpy as np
import pandas as pd
import pytest

from crosstie._labels import in_natural_order, means_missing, without_words

WORDS = ["nan", "NaN", "NA", "N/A", "<NA>", "None", "null", "Unknown", "UNASSIGNED", "not_assigned", "-", "–", "?"]
LABELS = ["T", "NK", "Na+ channel", "nano", "other", "0", 0, -1, 3.5, False, "unknown T cells", "doublet"]


@pytest.mark.parametrize("word", ["", " ", *WORDS, None, np.nan, pd.NA, pd.NaT])
def test_words_for_missing_labels(word):
    assert means_missing(word)


@pytest.mark.parametrize("word", LABELS)
def test_labels_stay_labels(word):
    assert not means_missing(word)


@pytest.mark.parametrize("dtype", [object, "category", "string"])
def test_words_are_replaced_and_counted(dtype):
    column = pd.Series(["B", "Unknown", "", "T", "Unknown", None], dtype=dtype)
    found, words = without_words(column)
    assert found.isna().tolist() == [False, True, True, False, True, True]
    assert words == {"Unknown": 2, "": 1}


def test_numbers_and_clean_columns_are_the_same_objects():
    for column in (pd.Series([0, 1, -1]), pd.Series([0.5, np.nan]), pd.Series(["a", None])):
        assert without_words(column)[0] is column


def test_natural_order():
    assert in_natural_order(["T10", "T2", "Unknown", "b", "T1", "B", "", "10", "9", "T2"]) == [
        *("9", "10", "B", "b", "T1", "T2", "T10"),
        *("", "Unknown"),
    ]
    long = "1" * 5000
    assert in_natural_order([f"c{long}", "c2", "c02"]) == ["c02", "c2", f"c{long}"]
