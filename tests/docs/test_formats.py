"""Subject: the table of formats. Every row is typed as it stands, on files of exactly these formats."""

import json
import os
import re
import shlex
from pathlib import Path

import anndata as ad
import numpy as np
import pytest
from typer.testing import CliRunner

from crosstie.cli import app, view_arguments
from crosstie.data.view import read_slot
from docs.pages import DOCS
from made_files import formats, imaging_files

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (DOCS / "formats.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| [^|-]+ \| `", line)
]


INTENSITIES = ("flow", "cytof", "codex", "imc")  # views of proteins without counts


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("formats")
    formats.write_all(folder)
    imaging_files.write_all(folder)
    return folder


def asked(words, flag):
    return [words[i + 1] for i, word in enumerate(words) if word == flag]


@pytest.mark.parametrize("most", [None, 20], ids=["in memory", "in blocks"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_row_gives_the_same_matrices(row, folder, monkeypatch, most):
    monkeypatch.chdir(folder)
    if row[0].startswith("FCS"):
        pytest.importorskip("flowio")
    words = shlex.split(row[1].strip("`"))
    arguments = words[: next((i for i, word in enumerate(words) if word.startswith("--")), len(words))]
    data = view_arguments.read(view_arguments.paths_of(arguments), cells=asked(words, "--cells"), most=most)
    slots = view_arguments.by_view(asked(words, "--slot"), "--slot", data)
    assert list(data) == row[2].split(", ")
    for name, adata in data.items():
        if name in INTENSITIES:
            assert list(adata.var_names) == imaging_files.MARKERS
            np.testing.assert_allclose(adata.X, imaging_files.cells()[0], rtol=1e-4, atol=1e-4)
            continue
        expected = formats.peaks() if name == "atac" else formats.views()[name]
        matrix, features = read_slot(adata, slots.get(name, "X"))
        x = matrix.rows(0, adata.n_obs) if most else matrix
        assert list(features) == list(expected.var_names)
        assert [cell.removesuffix("-1") for cell in adata.obs_names] == [c[:-2] for c in expected.obs_names]
        np.testing.assert_array_equal(np.asarray(x.todense()), expected.X.toarray())
        assert np.array_equal(x.indices, expected.X.indices), "another order inside of rows would give other bits"


def test_the_table_is_found():
    assert len(ROWS) > 15


QUICK = ("--no-plots", "--no-verdict")


def command(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.stderr


SAME = ("both.h5mu", "filtered_feature_bc_matrix.h5", "filtered_feature_bc_matrix", "mixed.h5ad",
        "rna=genes_by_cells.csv.gz adt=cells_by_proteins.tsv", "rna=rna.loom adt=adt.loom", "rna=rna.zarr adt=adt.zarr",
        "rna=legacy.h5ad adt=cite", "rna=raw.h5ad adt=adt.h5ad --slot rna=raw")  # fmt: skip


@pytest.fixture(scope="module")
def coordinates(folder):
    """Return what makes a run of some words and reads the digests of its coordinates."""

    def of(words):
        before = Path.cwd()
        os.chdir(folder)
        try:
            said = command(
                "integrate", *shlex.split(words), "--out", "run", "--overwrite", "--no-plots", "--no-verdict"
            )
            return json.loads(Path("run", "run.json").read_text())["coordinates"], said
        finally:
            os.chdir(before)

    return of


@pytest.fixture(scope="module")
def of_h5ad(coordinates):
    return coordinates("rna=rna.h5ad adt=adt.h5ad")[0]


@pytest.mark.parametrize("words", SAME)
def test_the_same_cells_have_the_same_bits_of_coordinates(words, coordinates, of_h5ad):
    assert coordinates(words)[0] == of_h5ad


def test_what_is_set_aside_and_what_is_beside_is_said(coordinates, of_h5ad):
    found, said = coordinates("hashed.h5mu")
    assert found == of_h5ad
    assert "view 'hto' is set aside (hashtags); to use it, name all that take part: --use rna,adt,hto,airr." in said
    assert "view 'airr' is set aside (it has no features)" in said
    assert coordinates("hashed.h5mu --use rna,adt")[0] == of_h5ad
    assert "write --slot rna=layers/counts" in coordinates("rna=layer.h5ad adt=adt.h5ad")[1]
    assert "write --slot rna=raw" in coordinates("rna=raw.h5ad adt=adt.h5ad")[1]


@pytest.mark.parametrize("words", [*SAME[:-1], "hashed.h5mu"])
def test_links_need_features_alone(words, folder, monkeypatch):
    monkeypatch.chdir(folder)
    command("links", *shlex.split(words), "--out", folder / "links.csv")
    links = (folder / "links.csv").read_text()
    command("links", "rna=rna.h5ad", "adt=adt.h5ad", "--out", folder / "links.csv")
    assert links == (folder / "links.csv").read_text()


def test_a_run_finds_its_large_matrices_again(folder, tmp_path, monkeypatch):
    """Matrices that stay on disk are read again by later commands, as they were read for the run."""
    monkeypatch.chdir(folder)
    words = ["rna=genes_by_cells.csv.gz", "adt=hashed.h5mu", "--cells", "rna=columns", "--set", "n_core=40"]
    command("integrate", *words, "--out", tmp_path / "run", *QUICK)
    command("impute", tmp_path / "run", "rna", "adt", "--out", tmp_path / "imputed.h5ad")
    command(
        "integrate", "filtered_feature_bc_matrix.h5", *words[-2:], "--out", tmp_path / "b", "--no-plots", "--no-verdict"
    )
    command("impute", tmp_path / "b", "rna", "adt", "--out", tmp_path / "imputed_b.h5ad")
    assert ad.read_h5ad(tmp_path / "imputed_b.h5ad").shape == (formats.N_CELLS, 23)  # of 24, one is a control
    command("rerun", tmp_path / "b", "--out", tmp_path / "again")
