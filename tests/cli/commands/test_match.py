"""`crosstie match`: a file that holds what Python gives, and one message where the words are wrong."""

import numpy as np
import pandas as pd
import pytest

import crosstie as xt
from cli.conftest import assert_refused, names


@pytest.mark.parametrize("how", ["one-to-one", "many-to-one"])
def test_match(use, model, tmp_path, how):
    result = use("match", "adt", "rna", "--how", how, "--out", "matches.csv")
    assert result.exit_code == 0, result.output
    assert names(tmp_path) == {"matches.csv"}
    expected = xt.tl.match_cells(model, "adt", "rna", how=how)
    written = pd.read_csv("matches.csv")
    assert list(written.columns) == ["source_view", "target_view", "source", "target", "weight"]
    assert list(written["source"]) == list(model.obs["adt"].index[expected.source])
    assert list(written["target"]) == list(model.obs["rna"].index[expected.target])
    np.testing.assert_allclose(written["weight"], expected.weight, rtol=1e-3)
    assert f"{len(expected.source)} pairs, {how}" in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("rna adt --how one-to-many --out x.csv", "--how: unknown name 'one-to-many'"),
        ("rna adt --out no/where/x.csv", "no folder"),
        ("rna adt --out x.png", "expected: '.csv'"),
    ],
)
def test_bad_words(use, tmp_path, words, said):
    assert_refused(use("match", *words.split(), "-q"), tmp_path, said)
