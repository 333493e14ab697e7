"""`crosstie evaluate`: the scores that Python gives, of coordinates of any method."""

import mudata as md
import numpy as np
import pandas as pd
import pytest

from crosstie import metrics
from crosstie._mudata import views_as_they_are


@pytest.fixture(scope="module")
def placed(mdata):
    """The views with coordinates of any method: here the truth and some noise."""
    rng = np.random.default_rng(0)
    with views_as_they_are():
        out = md.MuData({name: adata.copy() for name, adata in mdata.mod.items()})
    for adata in out.mod.values():
        z = adata.obsm["true_factors"]
        adata.obsm["X_any"] = z + 0.3 * rng.normal(size=z.shape)
    return out


def test_evaluate(run, tmp_path, placed):
    placed.write_h5mu("placed.h5mu")
    words = ("--obsm", "X_any", "--label-key", "cell_type", "--pairs", "true_cell", "--out", "scores.csv")
    result = run("evaluate", "placed.h5mu", *words)
    assert result.exit_code == 0, result.output
    scores = pd.read_csv(tmp_path / "scores.csv")
    of = {
        key: {name: adata.obs[key].to_numpy() for name, adata in placed.mod.items()}
        for key in ("cell_type", "true_cell")
    }
    latents = {name: adata.obsm["X_any"] for name, adata in placed.mod.items()}
    expected = metrics.evaluate(latents, of["cell_type"], pairs=of["true_cell"])
    pd.testing.assert_frame_equal(scores, expected, rtol=1e-4)
    assert "FOSCTTM" in result.stdout


def test_evaluate_wrong(run, placed, tmp_path):
    placed.write_h5mu("placed.h5mu")
    for words, said in (
        (["placed.h5mu"], "one of 'X_any'"),
        (["placed.h5mu", "--obsm", "X_any", "--label-key", "x"], "--label-key: unknown name"),
        (["missing.h5mu"], "there is no such file"),
        ([str(tmp_path)], "integrated.h5mu: there is no such file"),
        (["rna=rna.h5ad"], "only one view"),
    ):
        result = run("evaluate", *words, "-q")
        assert (result.exit_code, said in result.stderr) == (2, True), result.output
