"""`crosstie export`: files of other programs, and one message where the words are wrong."""

import json
import shutil

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest

from cli.conftest import assert_refused, names
from crosstie._mudata import views_as_they_are
from crosstie.export import cellxgene_faults


def test_h5ad(use, model, tmp_path):
    result = use("export", "--to", "h5ad", "--out", "cells.h5ad", "--json")
    assert result.exit_code == 0, result.output
    assert names(tmp_path) == {"cells.h5ad"}
    assert json.loads(result.stdout)["cellxgene"] == []
    written = ad.read_h5ad("cells.h5ad")
    assert cellxgene_faults(written) == []
    assert written.n_obs == sum(len(z) for z in model.latents.values())
    one = use("export", "--to", "h5ad", "--view", "adt", "--features", "rna", "--out", "one.h5ad")
    assert one.exit_code == 0, one.output
    assert list(ad.read_h5ad("one.h5ad").var_names) == list(model.recipes["rna"].names)


def test_r(use, tmp_path):
    result = use("export", "--to", "r", "--out", "results")
    assert result.exit_code == 0, result.output
    assert {"1_cells.csv", "results_to_rds.R"} <= names(tmp_path / "results")
    assert "Rscript" in result.stdout
    assert_refused(use("export", "--to", "r", "--out", "results"), tmp_path, "--out results exists", {"results"})


def test_positions(use, folder, tmp_path):
    shutil.copytree(folder / "run", tmp_path / "placed")
    with views_as_they_are():
        mdata = mudata.read_h5mu(tmp_path / "placed" / "integrated.h5mu")
        mdata["adt"].obsm["spatial"] = np.arange(2.0 * mdata["adt"].n_obs).reshape(-1, 2)
        mdata.write_h5mu(tmp_path / "placed" / "integrated.h5mu")
    asked = use("export", "--to", "qupath", "--out", "asked.csv", run=tmp_path / "placed")
    assert "--unit micrometre or --unit pixel" in asked.stderr
    for to, unit, column in (("qupath", ["--unit", "pixel"], "Centroid X px"), ("napari", [], "axis-1")):
        result = use("export", "--to", to, "--out", f"{to}.csv", *unit, run=tmp_path / "placed")
        assert result.exit_code == 0, result.output
        np.testing.assert_array_equal(pd.read_csv(f"{to}.csv")[column], mdata["adt"].obsm["spatial"][:, 0])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "xlsx", "--out", "x.xlsx"), "--to: unknown name 'xlsx'"),
        (("--to", "h5ad", "--out", "x.csv"), "ending '.csv'"),
        (("--to", "r", "--out", "x", "--features", "adt"), "--features adt is for --to h5ad"),
        (("--to", "qupath", "--out", "x.csv"), "no view has positions"),
        (("--to", "napari", "--out", "x.csv", "--unit", "pixel"), "--unit pixel is for --to qupath"),
        (("--to", "napari", "--out", "x.csv", "--view", "rna", "--view", "adt"), "takes the cells of one view"),
        (("--to", "h5ad", "--out", "x.h5ad", "--view", "protein"), "unknown name 'protein'"),
    ],
)
def test_wrong_words(use, tmp_path, words, said):
    assert_refused(use("export", *words), tmp_path, said)
