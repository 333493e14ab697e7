"""What counts as known about the cells."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crosstie.runs.known_truth import check_label_key, labels_of, pairs_of


def views(names=(list("abcd"), list("cdxy")), **columns):
    out = {}
    for i, (view, cells) in enumerate(zip(("rna", "adt"), names, strict=True)):
        obs = pd.DataFrame({key: values[i] for key, values in columns.items() if values[i] is not None}, index=cells)
        out[view] = AnnData(np.ones((4, 3)), obs=obs)
    return out


def test_labels():
    data = views(cell_type=(["T", None, "B", np.nan], None), leiden=([1, 2, 3, 4], [1, 1, 1, 2]))
    obs = {name: adata.obs for name, adata in data.items()}
    assert {v: list(y) for v, y in labels_of(obs, "cell_type").items()} == {"rna": ["T", "unknown", "B", "unknown"]}
    assert list(labels_of(obs, "leiden")["adt"]) == ["1", "1", "1", "2"]
    assert labels_of(obs, None) == {}
    unlabelled = views(cell_type=([None] * 4, None))
    assert labels_of({name: adata.obs for name, adata in unlabelled.items()}, "cell_type") == {}


def test_words_for_missing_labels_are_unknown_and_said(caplog):
    data = views(cell_type=(["T", "Unassigned", "", "NA"], ["nan"] * 4))
    obs = {name: adata.obs for name, adata in data.items()}
    assert {v: list(y) for v, y in labels_of(obs, "cell_type").items()} == {"rna": ["T", *["unknown"] * 3]}
    with caplog.at_level("INFO", logger="crosstie"):
        check_label_key(data, None)
    assert (
        "labels of rna that mean a missing label, and are taken as one: 'Unassigned' (1 cell), '' (1 cell)"
        in caplog.text
    )


def test_label_key():
    data = views(cell_type=(list("TTBB"), None), leiden=([1, 2, 3, 4], [1, 1, 1, 2]))
    assert check_label_key(data, None) == "cell_type"
    assert check_label_key(data, "leiden") == "leiden"
    assert check_label_key(views(), None) is None
    with pytest.raises(KeyError, match="Did you mean 'leiden'"):
        check_label_key(data, "leidn")


@pytest.mark.filterwarnings("ignore:Observation names are not unique")
def test_names_are_pairs_only_where_most_are_shared():
    assert set(pairs_of(views(), "auto")) == {"rna", "adt"}
    few = views(names=(list("abcd"), list("dxyz")))
    assert pairs_of(few, "auto") is None
    assert list(pairs_of(few, "obs_names")["adt"]) == list("dxyz")
    assert pairs_of(views(), "none") is None
    assert pairs_of(views(names=(list("aacd"), list("cdxy"))), "auto") is None


def test_row_numbers_are_no_pairs_unless_one_says_so(caplog):
    for cells in (list("0123"), ["cell_0", "cell_1", "cell_2", "cell_3"]):
        caplog.clear()
        data = views(names=(cells, cells))
        assert pairs_of(data, "auto") is None
        assert "cells are called by numbers in both" in caplog.text
        assert list(pairs_of(data, "obs_names")["adt"]) == cells


def test_pairs_by_column():
    data = views(
        cell=([1, 2, np.nan, np.nan], [2, 3, 4, np.nan]), donor=(["p", "q", None, None], ["q", None, "s", "t"])
    )
    assert {v: list(x) for v, x in pairs_of(data, "cell").items()} == {"rna": [1, 2, -1, -1], "adt": [2, 3, 4, -1]}
    donors = pairs_of(data, "donor")
    assert set(donors["rna"]) & set(donors["adt"]) == {"q"}
    with pytest.raises(KeyError, match="'cell'"):
        pairs_of(data, "cel")
    with pytest.raises(ValueError, match="more than once in view 'rna'"):
        pairs_of(views(batch=([1, 1, 2, 3], [1, 2, 3, 4])), "batch")
