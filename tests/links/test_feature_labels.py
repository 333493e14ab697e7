import numpy as np
import pandas as pd
import pytest

from crosstie.links.feature_labels import (
    Finder,
    features_by_label,
    labels,
    nothing_linked,
    recognised_share,
    without_version,
)

from .small_views import lines_of_error, view


def series(**names):
    return pd.Series(names, dtype=object)


@pytest.mark.filterwarnings("ignore:.*not unique")
def test_a_repeated_name_is_kept_once_and_said(caplog):
    assert list(labels({"a": view(["x", "y", "y"])}, "a", None)) == ["x", "y"]
    assert caplog.messages == ["a: 1 features repeat a name ('y'); only the first of each is used"]


def test_labels_come_from_a_column_and_empty_ones_are_left_out():
    found = labels({"a": view(["x", "y", "z"], symbol=["CD4", np.nan, ""])}, "a", "symbol")
    assert found.to_dict() == {"x": "CD4"}


def test_an_unknown_view_or_column_is_named():
    data = {"a": view(["p1"])}
    assert lines_of_error(lambda: labels(data, "c", None)) == ["link: view: unknown name 'c'.", "expected: one of 'a'"]
    assert "unknown name 'symbol'" in lines_of_error(lambda: labels(data, "a", "symbol"))[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ENSG00000000001.4", "ENSG00000000001"),
        ("ensmusg00000000001.12", "ensmusg00000000001"),
        ("ENSG00000000001", "ENSG00000000001"),
        ("CD45.1", "CD45.1"),
    ],
)
def test_without_version(name, expected):
    assert without_version(name) == expected


def test_a_finder_prefers_the_exact_label():
    find = Finder(series(f1="CD8a", f2="CD8A", f3="CD4", f4="CD4"))
    assert find("CD8A") == ["f2"]
    assert find("cd8a") == ["f1", "f2"]
    assert find("none") == []
    assert find.repeated == {"CD4": ["f3", "f4"]}
    assert features_by_label(series(a="x", b="y", c="x")) == {"x": ["a", "c"], "y": ["b"]}


def test_of_no_names_none_are_antibodies():
    assert recognised_share(pd.Series([], dtype=object)) == 0
    assert recognised_share(pd.Series(["CD4", "IgG1", "nothing", "nothing else"])) == 0.5


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        (["1-Mar", "2-Sep"], "2 names of a are dates ('1-Mar', '2-Sep'): a spreadsheet converted genes"),
        (["СD4"], "a letter that only looks Latin: CYRILLIC CAPITAL LETTER ES. Retype the name."),
    ],
)
def test_names_that_match_nothing_are_explained(names, hint):
    shown = {"a": pd.Series(names, index=names), "b": pd.Series(["CD4"])}
    error = str(nothing_linked("nothing in common", shown, ""))
    assert error.startswith("link a -> b: nothing in common.\n")
    assert hint in error
    assert "b features look like: 'CD4'" in error
