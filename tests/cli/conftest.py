"""Small simulated files, and a runner that gives back what the command line said."""

import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from crosstie._mudata import views_as_they_are
from crosstie.cli import app
from crosstie.datasets import simulate_citeseq


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


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(autouse=True, scope="package")
def quiet_mudata():
    with views_as_they_are():
        yield
