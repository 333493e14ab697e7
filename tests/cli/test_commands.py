"""The other commands, and the program as a whole."""

import json
import os
import subprocess
import sys
import time

import mudata as md
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crosstie import __version__, metrics
from crosstie._mudata import views_as_they_are
from crosstie.cli.commands.demo import linked_latents
from crosstie.links import by_table
from crosstie.model.integrate import integrate

VIEWS = ("rna=rna.h5ad", "adt=adt.h5ad")


def program(*words, cwd=None):
    command = [sys.executable, "-m", "crosstie", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=60, check=False)


# ---- links ----------------------------------------------------------------------------------------------------------


def test_links(run, tmp_path, mdata):
    result = run("links", *VIEWS, "--out", "links.csv", "--report", "report.csv")
    assert result.exit_code == 0, result.output
    link = by_table(mdata, "rna", "adt")
    written = pd.read_csv(tmp_path / "links.csv")
    assert list(zip(written["source"], written["target"], strict=True)) == list(
        zip(link.pairs["source"], link.pairs["target"], strict=True)
    )
    report = pd.read_csv(tmp_path / "report.csv")
    assert list(report["feature"]) == list(mdata["adt"].var_names)
    assert f"rna – adt: {link.n_columns} independent links" in result.stdout
    assert "… and" in result.stdout  # a long list is folded
    assert set(mdata["adt"].var_names) - set(result.stdout.split())


def test_links_of_one_kind(run, mdata):
    linked, unlinked, every = (run("links", *VIEWS, "-q", "--only", x).stdout for x in ("linked", "unlinked", "all"))
    report = by_table(mdata, "rna", "adt").report
    assert (report["status"] != "linked").any()
    for feature, status in zip(report["feature"], report["status"], strict=True):
        lists = {"linked": linked, "unlinked": unlinked}
        shown = {
            name: any(line.strip().startswith(feature) for line in text.splitlines()) for name, text in lists.items()
        }
        assert shown["linked" if status == "linked" else "unlinked"], feature
        assert feature in every
    assert "it does not measure a protein" in unlinked
    assert "it does not measure a protein" not in linked


def test_links_reads_names_only(run, tmp_path, write):
    """Values that could not be integrated do not matter."""
    adt = write("adt", lambda a: AnnData(np.full(a.shape, np.nan), obs=a.obs, var=a.var))
    assert run("links", VIEWS[0], f"adt={adt}").exit_code == 0
    assert run("links", "both.h5mu").exit_code == 0


def test_links_wrong(run, tmp_path, write):
    def renamed(adata):
        adata.var["symbol"] = adata.var_names
        adata.var_names = [f"ENSG{i:011d}" for i in range(adata.n_vars)]
        return adata

    rna = write("rna", renamed)
    result = run("links", f"rna={rna}", VIEWS[1], "-q")
    assert result.exit_code == 2
    assert "Pass --names rna=symbol" in result.stderr
    assert run("links", f"rna={rna}", VIEWS[1], "--names", "rna=symbol").exit_code == 0
    assert run("links", *VIEWS, "--only", "unlinkt").exit_code == 2
    assert run("links", *VIEWS, "--out", "no/where.csv").exit_code == 2


# ---- evaluate -------------------------------------------------------------------------------------------------------


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


# ---- demo -----------------------------------------------------------------------------------------------------------


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


# ---- the program ----------------------------------------------------------------------------------------------------


def test_start_is_quick():
    heavy = ["torch", "anndata", "mudata", "matplotlib", "numpy", "pandas", "scipy", "sklearn", "umap"]
    code = f"import sys, crosstie.cli; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    start = time.perf_counter()
    result = program("--help")
    assert time.perf_counter() - start < 2  # a quarter of a second on an idle machine
    assert result.returncode == 0
    assert "crosstie integrate rna=rna.h5ad" in result.stdout


def test_help_of_every_command():
    for command in ("demo", "integrate", "links", "evaluate"):
        result = program(command, "--help")
        assert (result.returncode, result.stderr) == (0, "")
    assert program("--version").stdout == f"crosstie {__version__}\n"


def test_as_a_program(files, tmp_path):
    result = program("integrate", f"rna={files / 'rna.h5ad'}", "adt=missing.h5ad", "--out", "run", cwd=tmp_path)
    assert result.returncode == 2
    assert "crosstie: error: missing.h5ad: there is no such file" in result.stderr
    assert not list(tmp_path.iterdir())
    assert program("integrat").returncode == 2
    result = program("links", *(f"{name}={files / name}.h5ad" for name in ("rna", "adt")))
    assert result.returncode == 0
    assert "INFO" not in result.stderr


@pytest.mark.trains
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_cancelled(files, tmp_path):
    views = [f"{name}={files / name}.h5ad" for name in ("rna", "adt")]
    words = [sys.executable, "-m", "crosstie", "integrate", *views, "--out", "run", "--preset", "scmodal"]
    running = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    for line in running.stderr:
        if "training" in line:
            running.terminate()
            break
    assert "interrupted" in running.communicate(timeout=60)[1]
    assert running.returncode == 130
    assert not list(tmp_path.iterdir())
