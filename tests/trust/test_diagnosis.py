import anndata as ad
import numpy as np
import pandas as pd
import pytest

from crosstie.trust.diagnosis import Diagnosis, Signal, cell_scores

SIGNALS = (
    Signal("a – b", "links_held_out", "links", 8.0, ">= 3", "ok"),
    Signal("a – b", "matches_move", "map", float("nan"), "no data", "missing"),
)


def diagnosis(level="care", reasons=("a – b: one", "two")):
    score = pd.Series([0.5, 0.25], index=["c0", "c1"])
    return Diagnosis(level, reasons, SIGNALS, {"a": score})


def test_verdict_and_report():
    assert diagnosis("ok", ()).verdict == "trustworthy"
    assert diagnosis().verdict == "use with care: a – b: one; two"
    assert diagnosis("fail").verdict.startswith("do not use: ")
    lines = str(diagnosis()).splitlines()
    assert lines[:3] == ["use with care:", "  - a – b: one", "  - two"]
    assert lines[-1].startswith("? a – b  map")
    assert "8.000  >= 3" in lines[-2]


def test_table():
    table = diagnosis().table
    assert list(table.columns) == ["edge", "signal", "value", "expected", "ok"]
    assert table["ok"].tolist()[0] is True
    assert table["ok"].isna().tolist() == [False, True]


def test_write():
    a = ad.AnnData(np.ones((2, 3)), obs=pd.DataFrame(index=["c0", "c1"]))
    other = ad.AnnData(np.ones((2, 3)), obs=pd.DataFrame(index=["c1", "c0"]))
    diagnosis().write({"a": a, "b": other})
    assert a.obs["crosstie_confidence"].tolist() == [0.5, 0.25]
    with pytest.raises(ValueError, match="'a' must have the fitted cells"):
        diagnosis().write({"a": other, "b": a})
    with pytest.raises(KeyError, match="unknown name 'a'"):
        diagnosis().write({"x": a, "b": a})


def test_cell_scores():
    found = cell_scores([np.array([1.5, 0.5, -1.0]), None, np.array([0.5, 0.5, 0.5])])
    assert found.tolist() == [0.5, 0.25, 0.0]
