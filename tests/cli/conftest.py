"""Small simulated files, a finished run of them, and a runner that gives back what the command line said."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from typer.testing import CliRunner

import crosstie as xt
from crosstie._mudata import views_as_they_are
from crosstie.cli import app
from crosstie.datasets import simulate_citeseq

N_FITTED = 200  # of 240 cells of RNA; the others are the query
SLOT = {"rna": "layers/counts", "adt": "X"}


@pytest.fixture(scope="session")
def mdata():
    return simulate_citeseq(n_cells=240, n_genes=300, n_proteins=30, seed=1)


@pytest.fixture(scope="session")
def files(mdata, tmp_path_factory):
    """Two files of views, and one of both."""
    folder = tmp_path_factory.mktemp("files")
    for name, adata in mdata.mod.items():
        adata.write_h5ad(folder / f"{name}.h5ad")
    mdata.write_h5mu(folder / "both.h5mu")
    return folder


@pytest.fixture
def run(files, tmp_path, monkeypatch):
    """Run the command line in a folder of its own, which holds copies of the files."""
    for path in files.iterdir():
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)  # as wide as without a terminal, whoever runs the tests
    return lambda *words: CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture
def write(mdata, tmp_path):
    """Write a changed copy of a view: `write("rna", X=...)` or `write("adt", lambda a: a[:1])`."""

    def written(name, change):
        adata = change(mdata[name].copy())
        path = tmp_path / f"changed_{name}.h5ad"
        adata.write_h5ad(path)
        return path

    return written


@pytest.fixture(autouse=True, scope="package")
def quiet_mudata():
    with views_as_they_are():
        yield


@pytest.fixture(scope="package")
def views(mdata):
    """The views of a finished run; the counts of RNA are in a layer, and X is of no use."""
    rna = mdata["rna"].copy()
    rna.layers["counts"], rna.X = rna.X, sp.csr_matrix(rna.shape, dtype=np.float32)
    return {"rna": rna[:N_FITTED].copy(), "adt": mdata["adt"].copy(), "query": rna[N_FITTED:].copy()}


@pytest.fixture(scope="package")
def folder(views, tmp_path_factory):
    """A finished run, beside the files that it was made of."""
    out = tmp_path_factory.mktemp("after")
    for name, adata in views.items():
        adata.write_h5ad(out / f"{name}.h5ad")
    words = [f"rna={out}/rna.h5ad", f"adt={out}/adt.h5ad", "--slot", "rna=layers/counts", "--out", out / "run"]
    fast = ["--no-plots", "--no-verdict", "--set", "n_rounds=2", "--set", "n_sketches=1"]
    done = CliRunner().invoke(app, list(map(str, ["integrate", *words, *fast])))
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture(scope="package")
def model(views):
    """The same in Python, with its data."""
    config = replace(xt.Config(), n_rounds=2, n_sketches=1)
    return xt.Model({name: views[name] for name in SLOT}, slot=SLOT, config=config).fit(seed=0)


@pytest.fixture
def use(folder, tmp_path, monkeypatch):
    """Run a command on the run, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def used(command, *words, run=folder / "run"):
        return CliRunner().invoke(app, list(map(str, [command, run, *words])))

    return used


def names(folder):
    return {p.name for p in folder.iterdir()}


def assert_refused(result, folder, said, left=frozenset()):
    """One message, no traceback, nothing written."""
    text = " ".join(result.stderr.split())  # usage errors stand in a box
    assert (result.exit_code, said in text) == (2, True), result.output
    assert "Traceback" not in result.output
    assert result.stderr.count("error:") + result.stderr.count("─ Error ─") == 1
    assert names(folder) == set(left)
