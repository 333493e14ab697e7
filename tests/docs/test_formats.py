"""Subject: the table of formats. Every row is typed as it stands, on files of exactly these formats."""

import re
import shlex

import numpy as np
import pytest

from crosstie.cli import view_arguments
from crosstie.data.read_files import read_views
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


@pytest.mark.parametrize("row", ROWS[:1], ids=lambda row: row[0])
def test_features_alone(row, folder):
    assert read_views({"": folder / "both.h5mu"}).keys() == {"rna", "adt"}
