import gzip
import os
from pathlib import Path

import mudata
import numpy as np
import pandas as pd
import pytest

import crosstie as xt
from crosstie._errors import InputError
from crosstie.data.readers.rds import SCRIPT
from r_here import need, rscript

OBJECTS = Path(__file__).parents[2] / "made_files" / "r_objects.R"
NEEDS = {"seurat4": "SeuratObject", "seurat5": "Matrix", "sce": "SingleCellExperiment"}
CELLS, GENES, PROTEINS = (
    [f"{word}{i}" for i in range(1, n + 1)] for word, n in (("cell-", 31), ("GENE", 20), ("CD", 6))
)


@pytest.fixture
def counts(tmp_path):
    rng = np.random.default_rng(0)
    rna = pd.DataFrame(rng.poisson(0.7, (20, 31)), GENES, CELLS)
    adt = pd.DataFrame(rng.poisson(5, (6, 31)), PROTEINS, CELLS)
    rna.to_csv(tmp_path / "rna.csv")
    adt.to_csv(tmp_path / "adt.csv")
    return rna.T, adt.T


def converted(folder, kind, *words):
    need(NEEDS[kind])
    saved = rscript(OBJECTS, kind, folder / "rna.csv", folder / "adt.csv", folder / "object.rds")
    assert saved.returncode == 0, saved.stderr
    return rscript(SCRIPT, folder / "object.rds", folder / "views.h5mu", *words)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "package"), [("seurat4", "hdf5r"), ("seurat5", "rhdf5"), ("sce", "rhdf5")])
def test_objects_of_r_become_views(tmp_path, counts, monkeypatch, kind, package):
    need(package, "Matrix")
    monkeypatch.setitem(os.environ, "CROSSTIE_HDF5", package)
    done = converted(tmp_path, kind)
    assert done.returncode == 0, done.stderr
    rna, adt = counts
    if kind == "seurat5":
        rna.iloc[2::3, 0] = 0
    views = xt.read(tmp_path / "views.h5mu")
    assert list(views) == ["rna", "adt"]
    for name, wanted in (("rna", rna), ("adt", adt)):
        view = views[name]
        assert list(view.obs_names) == CELLS
        assert list(view.var_names) == list(wanted.columns)
        np.testing.assert_array_equal(view.X.toarray(), wanted.to_numpy())
        assert list(view.obs["type"][:3]) == ["T", "B", "T"]
        assert view.obs["note"].isna().sum() == 1
        assert view.obs["note"].iloc[1] == "café"
        assert list(view.obs["odd"][:2]) == ["TRUE", "FALSE"]
        np.testing.assert_array_equal(view.obsm["X_pca"], np.repeat(np.arange(1, 32.0)[:, None], 3, axis=1))
    if kind == "sce":
        assert list(views["rna"].var["symbol"][:2]) == ["gene1", "gene2"]
    if kind == "seurat4":
        assert "left out: HTO" in done.stderr
    assert mudata.read_h5mu(tmp_path / "views.h5mu").shape == (31, 26)


@pytest.mark.slow
def test_assays_by_name(tmp_path, counts):
    done = converted(tmp_path, "seurat4", "RNA,HTO")
    assert done.returncode == 0, done.stderr
    assert list(xt.read(tmp_path / "views.h5mu", views=["rna", "HTO"])) == ["rna", "HTO"]
    wrong = rscript(SCRIPT, tmp_path / "object.rds", tmp_path / "other.h5mu", "RNA,X")
    assert wrong.returncode == 2
    assert "no assay X; there are RNA, ADT, HTO" in wrong.stderr
    assert not (tmp_path / "other.h5mu").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("saveRDS(1:3, 'object.rds')", "holds a integer, not a Seurat object or SingleCellExperiment"),
        ("writeLines('no', 'object.rds')", "object.rds cannot be read"),
        ("", "there is no such file"),
    ],
)
def test_what_cannot_be_converted(tmp_path, monkeypatch, code, said):
    need("base")
    monkeypatch.chdir(tmp_path)
    rscript("-e", code or "1")
    done = rscript(SCRIPT, "object.rds", "views.h5mu")
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize(("name", "first"), [("a.rds", ""), ("a.RData", "Load it in R and save the object")])
def test_python_names_the_script(tmp_path, name, first):
    (tmp_path / name).write_bytes(gzip.compress(b"X\n"))
    with pytest.raises(InputError, match=r"is an object of R, which Python cannot read\.") as error:
        xt.read(tmp_path / name)
    assert first in str(error.value)
    assert f"Rscript {SCRIPT} {tmp_path / 'a.rds'} {tmp_path / 'a.h5mu'}" in str(error.value)
    assert SCRIPT.is_file()
