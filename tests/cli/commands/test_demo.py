"""`crosstie demo`: a small run from simulated data to its report."""

import json

import numpy as np
import pandas as pd

from crosstie.cli.commands.demo import linked_latents
from crosstie.model.integrate import integrate


def test_demo(run, tmp_path):
    result = run("demo", "--n-cells", 300, "--no-plots")
    assert result.exit_code == 0, result.output
    scores = pd.read_csv(tmp_path / "demo" / "scores.csv").set_index(["score", "source", "target"])
    accuracy = scores.loc["label transfer, accuracy ↑"]
    assert (accuracy["value"] > 0.8).all()
    assert (accuracy["chance"] < 0.4).all()
    foscttm = scores.loc["FOSCTTM ↓"].iloc[0]
    assert foscttm["value"] < foscttm["linked_only"] < foscttm["chance"]
    assert "label transfer, accuracy" in result.stdout
    assert "matches.csv" in result.stdout
    before = json.loads((tmp_path / "demo" / "run.json").read_text(encoding="utf-8"))
    assert before["settings"] == {"demo": {"n_cells": 300, "seed": 0, "plots": False}}
    again = run("demo", "--n-cells", 300, "--no-plots")  # an earlier demo is replaced
    assert json.loads((tmp_path / "demo" / "run.json").read_text())["coordinates"] == before["coordinates"]
    assert again.exit_code == 0
    assert again.stdout == result.stdout
    assert run("evaluate", "demo", "--pairs", "true_cell").exit_code == 0


def test_the_baseline_is_scaled_linked_features(mdata):
    model = integrate(mdata)
    found = linked_latents(model)
    link = model.linkage.links[0]
    assert {x.shape[1] for x in found.values()} == {
        link.restricted(*(model.recipes[n].names for n in link.edge)).n_columns
    }
    for x in found.values():
        np.testing.assert_allclose(x.mean(0), 0, atol=1e-4)
        np.testing.assert_allclose(x.std(0), 1, atol=1e-3)
