"""`crosstie impute`: a file that holds what Python gives, and one message where the words are wrong."""

import shutil

import anndata as ad
import numpy as np
import pytest

import crosstie as xt
from cli.conftest import assert_refused, names


@pytest.mark.parametrize(
    ("pair", "words", "options"),
    [
        (("rna", "adt"), (), {}),
        (("adt", "rna"), ("--method", "both", "--k", 15, "--scaled"), {"method": "both", "k": 15, "scaled": True}),
    ],
)
def test_impute(use, model, tmp_path, pair, words, options):
    result = use("impute", *pair, *words, "--out", "imputed.h5ad")
    assert result.exit_code == 0, result.output
    assert names(tmp_path) == {"imputed.h5ad"}
    expected, written = xt.tl.impute(model, *pair, **options), ad.read_h5ad("imputed.h5ad")
    np.testing.assert_allclose(written.X, expected.X, rtol=1e-5, atol=1e-6)
    assert list(written.obs_names) == list(expected.obs_names)
    assert written.uns["crosstie"] == expected.uns["crosstie"]
    assert written.uns["crosstie"]["target"] == pair[1]
    assert list(written.obs["state"]) == list(model.obs[pair[0]]["state"])
    np.testing.assert_allclose(written.var["reliability"], expected.var["reliability"], rtol=1e-5)
    assert f"{pair[1]} in the cells of {pair[0]}" in result.stdout


def test_regression_needs_no_data(use, model, folder, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(folder / "run" / "model", moved / "model")
    shutil.copy(folder / "run" / "run.json", moved)
    result = use("impute", "rna", "adt", "--method", "regression", "--out", "imputed.h5ad", run=moved)
    assert result.exit_code == 0, result.output
    expected = xt.tl.impute(model, "rna", "adt", method="regression")
    np.testing.assert_allclose(ad.read_h5ad("imputed.h5ad").X, expected.X, rtol=1e-4, atol=1e-5)
    for words in (("impute", "rna", "adt", "--out", "x.h5ad"), ("relate", "rna", "adt", "--out", "x.csv")):
        assert_refused(use(*words, run=moved), tmp_path, "lacks integrated.h5mu", left={"moved", "imputed.h5ad"})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("rna adt --method neighbors --out x.h5ad", "Did you mean 'neighbours'"),
        ("adt adt --out x.h5ad", "SOURCE and TARGET are one view"),
        ("rna adt --out x.csv", "expected: '.h5ad'"),
    ],
)
def test_bad_words(use, tmp_path, words, said):
    assert_refused(use("impute", *words.split(), "-q"), tmp_path, said)
