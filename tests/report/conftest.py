"""Small finished runs, and a browser that skips where there is none."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import crosstie as xt
from crosstie._mudata import views_as_they_are
from crosstie.cli import app
from crosstie.report import write
from crosstie.space import Positions

from . import browser as chromium

FAST = ("--set", "n_rounds=2", "--set", "n_sketches=1", "-q")
EVIL = "<script>window.evil=1</script>"
EVIL_IMAGE = '"><img src=x onerror="window.evil=2">'


def command(*words):
    result = CliRunner().invoke(app, list(map(str, words)))
    assert result.exit_code == 0, result.output
    return result


def text_of(html, section=None):
    """Return what stands in a section, without tags."""
    if section is not None:
        html = re.search(rf'<section id="{section}".*?</section>', html, re.S).group()
    return re.sub(r"<[^>]+>", " ", re.sub(r"<script.*?</script>", "", html, flags=re.S))


@pytest.fixture(scope="package", autouse=True)
def quiet_mudata():
    with views_as_they_are():
        yield


@pytest.fixture(scope="package")
def folder(tmp_path_factory):
    """A run with labels, whose features, labels and cells have names that would be markup."""
    path = tmp_path_factory.mktemp("report")
    mdata = xt.datasets.simulate_citeseq(n_cells=240, n_genes=300, n_proteins=30, seed=1)
    for name, adata in mdata.mod.items():
        adata = adata.copy()
        features = list(adata.var_names)
        features[-1], features[-2] = EVIL + name, EVIL_IMAGE + name
        adata.var_names = features
        cells = list(adata.obs_names)
        cells[0], cells[1] = EVIL, "</script>" + EVIL_IMAGE
        adata.obs_names = cells
        labels = adata.obs["cell_type"].astype(str).to_numpy()
        most = max(set(labels), key=list(labels).count)
        adata.obs["cell_type"] = np.where(labels == most, EVIL + "&amp;", labels)
        adata.write_h5ad(path / f"{name}.h5ad")
    words = (f"rna={path}/rna.h5ad", f"adt={path}/adt.h5ad", "--label-key", "cell_type", "--out", path / "run")
    command("integrate", *words, *FAST)
    return path / "run"


@pytest.fixture(scope="package")
def bare(tmp_path_factory):
    """A run without labels, pictures, verdict or data."""
    path = tmp_path_factory.mktemp("bare")
    mdata = xt.datasets.simulate_citeseq(n_cells=120, n_genes=300, n_proteins=30, seed=2)
    for i, (name, adata) in enumerate(mdata.mod.items()):
        adata = adata.copy()
        adata.obs = adata.obs[[]]
        adata.obs_names = [f"{i}_{cell}" for cell in range(adata.n_obs)]
        adata.write_h5ad(path / f"{name}.h5ad")
    words = (f"rna={path}/rna.h5ad", f"adt={path}/adt.h5ad", "--out", path / "run", "--no-plots", "--no-verdict")
    command("integrate", *words, *FAST)
    (path / "run" / "integrated.h5mu").unlink()
    return path / "run"


@pytest.fixture(scope="package")
def model():
    data = xt.datasets.simulate_citeseq(n_cells=150, n_genes=300, n_proteins=30, seed=3)
    return xt.Model(data, config=xt.Config(n_rounds=2, n_sketches=1)).fit()


@pytest.fixture(scope="package")
def of_a_model(model, tmp_path_factory):
    """The page of a model that was never a run, in a folder of its own."""
    file = tmp_path_factory.mktemp("model") / "report.html"
    return write(model, file, label_key="cell_type", diagnosis=xt.trust.diagnose(model))


@pytest.fixture(scope="package")
def of_tissue(model, tmp_path_factory):
    """The page of a model whose second view has positions in three sections, one of them with markup for a name."""
    name, z = list(model.latents.items())[-1]
    xy = np.random.default_rng(0).random((len(z), 2)) * 100
    here = Positions(xy, np.arange(len(z)) % 3, ("one", "two", EVIL), "micrometre")
    placed = type(model).of(replace(model.inputs, positions={name: here}), model.fitted)
    return write(placed, tmp_path_factory.mktemp("tissue") / "report.html", label_key="cell_type")


@pytest.fixture(scope="package")
def mosaic(tmp_path_factory):
    """The page of four views with batches and shared cells, and a query."""
    views = dict(xt.datasets.simulate_citeseq(n_cells=160, n_genes=300, n_proteins=30, seed=2).mod)
    parts = {"rna": slice(120), "bridge_rna": slice(120, None), "adt": slice(100), "bridge_adt": slice(100, None)}
    views = {name: views[name.removeprefix("bridge_")][rows] for name, rows in parts.items()}
    views = {name: adata.copy() for name, adata in views.items()}
    cells = views["bridge_rna"].obs_names
    views["bridge_adt"].obs_names = [*cells, *(f"other_{i}" for i in range(views["bridge_adt"].n_obs - len(cells)))]
    for adata in views.values():
        adata.obs["run"] = ["first", "second"] * (adata.n_obs // 2)
    del views["adt"].obs["cell_type"]
    ties = [
        xt.links.by_name(views, "rna", "bridge_rna"),
        xt.links.by_name(views, "adt", "bridge_adt"),
        xt.links.paired(views, "bridge_rna", "bridge_adt"),
    ]
    model = xt.Model(views, ties, batch_key={"rna": "run"}, config=xt.Config(n_rounds=2, n_sketches=1)).fit()
    query = views["rna"][:30].copy()
    query.obs_names = [f"query_{i}" for i in range(30)]
    model = model.extend(query, like="rna", name="new")
    file = write(
        model,
        tmp_path_factory.mktemp("mosaic") / "report.html",
        label_key="cell_type",
        diagnosis=xt.trust.diagnose(model),
    )
    return file.read_text()


@pytest.fixture
def copied(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="package")
def chrome():
    if chromium.find() is None:
        pytest.skip("no chromium or chrome on the PATH (apt-get install chromium, or set CROSSTIE_CHROMIUM)")
    with chromium.Browser() as page:
        yield page
