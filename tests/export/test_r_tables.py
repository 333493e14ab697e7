import numpy as np
import pandas as pd
import pytest

from crosstie.export.r_tables import SCRIPT, write_r_tables
from r_here import need, rscript

MAKE = """
cells <- c(read.csv("results/1_cells.csv")$cell, "new")
m <- matrix(rpois(20 * length(cells), 3), 20, dimnames = list(paste0("g", 1:20), cells))
if (seurat) saveRDS(SeuratObject::CreateSeuratObject(as(m, "dgCMatrix")), "object.rds") else
  saveRDS(SingleCellExperiment::SingleCellExperiment(list(counts = m)), "object.rds")
"""
LOOK = """
suppressPackageStartupMessages(x <- readRDS("out.rds"))
z <- if (seurat) SeuratObject::Embeddings(x, "crosstie") else SingleCellExperiment::reducedDim(x, "crosstie")
o <- if (seurat) x[[]] else as.data.frame(SummarizedExperiment::colData(x))
write.csv(z, "z.csv")
write.csv(o, "o.csv")
"""


@pytest.fixture
def results(found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    write_r_tables(found, tmp_path / "results")
    return tmp_path / "results"


def test_tables(found, results):
    assert {path.name for path in results.iterdir()} == {
        *(f"{i}_{part}.csv" for i in (1, 2) for part in ("cells", "coordinates", "umap")),
        SCRIPT.name,
    }
    for i, (name, z) in enumerate(found.model.latents.items(), 1):
        cells = pd.read_csv(results / f"{i}_cells.csv", index_col="cell")
        assert list(cells.index) == list(found.model.obs[name].index)
        assert set(cells["crosstie_view"]) == {name}
        assert list(cells["crosstie_label"]) == list(found.truth[name])
        np.testing.assert_allclose(pd.read_csv(results / f"{i}_coordinates.csv", index_col="cell"), z, rtol=1e-5)
        assert len(pd.read_csv(results / f"{i}_umap.csv")) == len(found.plane[name])


@pytest.mark.slow
@pytest.mark.parametrize(("seurat", "package"), [("TRUE", "SeuratObject"), ("FALSE", "SingleCellExperiment")])
def test_results_come_into_objects_of_r(found, results, seurat, package):
    need(package)
    assert rscript("-e", f"seurat <- {seurat}; library(Matrix); {MAKE}").returncode == 0
    done = rscript(results / SCRIPT.name, "object.rds", "results", "out.rds")
    assert done.returncode == 0, done.stderr
    n_cells = len(found.model.latents["rna"])
    assert f"{n_cells} of {n_cells + 1} cells have results" in done.stderr
    looked = rscript("-e", f"seurat <- {seurat}; {LOOK}")
    assert looked.returncode == 0, looked.stderr
    z = pd.read_csv("z.csv", index_col=0)
    np.testing.assert_allclose(z.iloc[:-1], found.model.latents["rna"], rtol=1e-5)
    assert z.iloc[-1].isna().all()
    obs = pd.read_csv("o.csv", index_col=0)
    assert list(obs["crosstie_label"][:-1]) == list(found.truth["rna"])


@pytest.mark.slow
def test_an_object_of_other_cells(results):
    need("Matrix", "SeuratObject")
    m = "matrix(1, 3, 20, dimnames = list(letters[1:3], 1:20))"
    rscript("-e", f'saveRDS(SeuratObject::CreateSeuratObject({m}), "o.rds")')
    done = rscript(results / SCRIPT.name, "o.rds", "results", "out.rds")
    assert done.returncode == 2
    assert "no cell of o.rds has results" in done.stderr
