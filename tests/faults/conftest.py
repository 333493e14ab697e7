"""Small views in a folder of their own, the command line as a process, and what an undisturbed run yields."""

import subprocess
import sys
import time

import mudata as md
import numpy as np
import pytest

import crosstie as xt
from crosstie._mudata import views_as_they_are

if sys.platform == "win32":  # it has neither signals nor limits of this kind
    collect_ignore_glob = ["test_*.py"]
FAST = ("--no-plots", "--no-verdict", "--quiet", "--set", "n_core=100", "--set", "n_components=30")
INTEGRATE = ("integrate", "rna=rna.h5ad", "adt=adt.h5ad", *FAST, "--out")
VIEWS = ("rna", "adt")


def crosstie(folder, *words, program=("-m", "crosstie"), **options):
    """Start the command line."""
    command = [sys.executable, *program, *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=folder, text=True, **(pipes | options))


def said(process, timeout=120):
    """Wait for a process; return exit status and what it said on stderr."""
    return process.communicate(timeout=timeout)[1], process.returncode


def coordinates(run):
    with views_as_they_are():
        mdata = md.read_h5mu(run / "integrated.h5mu")
    return {name: mdata[name].obsm["X_crosstie"] for name in VIEWS}


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def same_run(run, other):
    """Fail unless two folders hold the same run, to the bit."""
    assert names(run) == names(other)
    assert names(run / "model") == names(other / "model")
    for name in ("model/weights.safetensors", "model/obs_0.csv", "matches.csv", "anchors.csv", "links.csv"):
        assert (run / name).read_bytes() == (other / name).read_bytes(), name
    for name, z in coordinates(run).items():
        np.testing.assert_array_equal(z, coordinates(other)[name])


@pytest.fixture(scope="package")
def views(tmp_path_factory):
    folder = tmp_path_factory.mktemp("views")
    mdata = xt.datasets.simulate_citeseq(n_cells=240, n_genes=300, n_proteins=30, seed=1)
    for name, adata in mdata.mod.items():
        adata.write_h5ad(folder / f"{name}.h5ad")
    return folder


@pytest.fixture(scope="package")
def undisturbed(views, tmp_path_factory):
    """Return the folder of a whole run, and how many seconds it took."""
    folder = with_views(views, tmp_path_factory.mktemp("undisturbed"))
    start = time.perf_counter()
    error, status = said(crosstie(folder, *INTEGRATE, "run"))
    assert status == 0, error
    return folder / "run", time.perf_counter() - start


@pytest.fixture
def place(views, tmp_path):
    return with_views(views, tmp_path)


def with_views(views, folder):
    for name in VIEWS:
        (folder / f"{name}.h5ad").symlink_to(views / f"{name}.h5ad")
    return folder


def left(folder):
    """Return what is in a folder beside the views."""
    return [name for name in names(folder) if name.removesuffix(".h5ad") not in VIEWS]
