"""A small fitted model with its data, and the run of it in a folder."""

import shutil
from dataclasses import replace

import pytest

import crosstie as xt
from crosstie._mudata import views_as_they_are
from crosstie.runs.joint_map import as_plane, drawn_rows
from crosstie.runs.run import Run
from crosstie.runs.write import write


@pytest.fixture(scope="package", autouse=True)
def quiet_mudata():
    with views_as_they_are():
        yield


@pytest.fixture(scope="package")
def data():
    return dict(xt.datasets.simulate_citeseq(n_cells=120, n_genes=200, n_proteins=30, seed=1).mod)


@pytest.fixture(scope="package")
def model(data):
    return xt.Model(data, config=xt.Config(n_rounds=2, n_sketches=1)).fit()


@pytest.fixture(scope="package")
def run(model, data):
    """A run of everything but the verdict. The map is that of the first two coordinates: UMAP has tests of its own."""
    rows = drawn_rows({name: len(z) for name, z in model.latents.items()}, 100, seed=0)
    plane = as_plane(rows, {name: z[rows[name], :2] for name, z in model.latents.items()})
    pairs = {name: adata.obs["true_cell"].to_numpy() for name, adata in data.items()}
    data = {name: adata.copy() for name, adata in data.items()}
    made = Run.of(model, data, label_key="cell_type").with_matches().with_scores(pairs)
    return replace(made, plane=plane, about={"seed": 7})


@pytest.fixture(scope="package")
def written(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    folder.mkdir()
    write(run, folder)
    return folder


@pytest.fixture
def copied(written, tmp_path):
    shutil.copytree(written, tmp_path / "run")
    return tmp_path / "run"
