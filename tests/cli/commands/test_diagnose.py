"""`crosstie diagnose`."""

import pandas as pd
import pytest
from typer.testing import CliRunner

import crosstie as xt
from crosstie.cli import app
from crosstie.data.read_files import read_views


def run(*words):
    return CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("command")
    mdata = xt.datasets.simulate_citeseq(n_cells=240, n_genes=300, n_proteins=30, seed=1)
    for name, adata in mdata.mod.items():
        adata.write_h5ad(path / f"{name}.h5ad")
    words = (f"rna={path}/rna.h5ad", f"adt={path}/adt.h5ad", "--out", path / "run", "--no-plots", "--no-verdict", "-q")
    result = run("integrate", *words)
    assert result.exit_code == 0, result.output
    return path


def test_verdict(folder):
    result = run("diagnose", folder / "run", "--out", folder / "signals.csv", "--cells", folder / "cells.csv")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(("trustworthy.", "use with care:", "do not use:"))
    assert "agreement of links left out" in result.stdout
    assert "[" not in result.stdout  # progress goes to stderr
    table, cells = pd.read_csv(folder / "signals.csv"), pd.read_csv(folder / "cells.csv")
    assert list(table.columns) == ["edge", "signal", "value", "expected", "ok"]
    assert len(cells) == 480
    assert cells["confidence"].between(0, 1).all()


def test_it_is_the_verdict_of_the_library(folder):
    data = {name: read_views({"": folder / "run" / "integrated.h5mu"})[name] for name in ("rna", "adt")}
    found = xt.trust.diagnose(xt.Model.load(folder / "run" / "model"), data, seed=4)
    assert run("diagnose", folder / "run", "--seed", "4", "-q").stdout.strip() == str(found).strip()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "nowhere is not the folder of a run.\n  found: no such folder"),
        (("{0}",), "found: no run.json in it\n  Integrate the views first: crosstie integrate"),
        (("{0}/run", "--out", "{0}/no/x.csv"), "cannot be written"),
    ],
)
def test_wrong_words(folder, words, said):
    result = run("diagnose", *(word.format(folder) for word in words))
    assert result.exit_code == 2
    assert said in result.stderr
