"""Counts as GEO holds them: what is read is what scipy wrote, and each way in which a file can be broken is said."""

import gzip

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

from crosstie.datasets.public import matrices
from crosstie.datasets.public.matrices import read_names, read_table, read_triplets

X = sp.coo_matrix(np.random.default_rng(0).poisson(0.7, size=(5, 8)))
HEAD = "%%MatrixMarket matrix coordinate integer general\n% a comment\n"
TABLE = 'gene\tc1\tc2\n"G1"\t0\t2\nG2\t3\t0\nG3\t1\t1\n'


def file(folder, text, name="x.mtx"):
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("at_once", [3, 2**22])
def test_triplets_are_what_scipy_wrote(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(matrices, "ROWS", at_once)
    scipy.io.mmwrite(tmp_path / "x.mtx", X, symmetry="general")
    expected = X.toarray().T
    found = read_triplets(tmp_path / "x.mtx")
    assert found.dtype == np.float32
    assert found.has_sorted_indices
    np.testing.assert_array_equal(found.toarray(), expected)
    some = np.arange(8) % 3 == 0
    np.testing.assert_array_equal(read_triplets(tmp_path / "x.mtx", cells=some).toarray(), expected[some])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing", "cannot be read.\n  found: .*begins with b'nothing'"),
        (HEAD.replace("coordinate", "array") + "2 2\n", "begins with"),
        (HEAD.replace("general", "symmetric") + "2 2 1\n1 1 1\n", "begins with"),
        (HEAD + "2 two 1\n", "invalid literal"),
        (HEAD + "2 2\n", "not enough values"),
        (HEAD + "2 2 2\n1 1 5\n", "the file is truncated.\n  found: 1 entries\n  expected: 2\n  Download it again."),
        (HEAD + "2 2 1\n3 1 5\n", "entries outside 2 × 2"),
        (HEAD + "2 2 1\n1 0 5\n", "entries outside 2 × 2"),
        (HEAD + "2 2 1\n1 1 x\n", "cannot be read"),
    ],
)
def test_broken_triplets(tmp_path, text, words):
    with pytest.raises(ValueError, match=words) as error:
        read_triplets(file(tmp_path, text))
    assert str(tmp_path / "x.mtx") in str(error.value)


def test_another_number_of_cells_than_barcodes(tmp_path):
    with pytest.raises(ValueError, match=r"differs from the number of barcodes\.\n  found: 2 cells\n  expected: 3"):
        read_triplets(file(tmp_path, HEAD + "2 2 1\n1 1 5\n"), cells=np.ones(3, bool))


def test_half_a_packed_file(tmp_path):
    path = file(tmp_path, HEAD + "2 2 1\n1 1 5\n", "x.mtx.gz")
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(ValueError, match="Is the file complete"):
        read_triplets(path)
    with pytest.raises(ValueError, match="Is the file complete"):
        read_names(path)


def test_names_of_the_last_column_where_there_are_fewer(tmp_path):
    path = file(tmp_path, "ENSG1\tA\nENSG2\tNA\n", "features.tsv")
    assert list(read_names(path, column=1)) == list(read_names(path, column=2)) == ["A", "NA"]
    assert list(read_names(path)) == ["ENSG1", "ENSG2"]


@pytest.mark.parametrize("text", [TABLE, TABLE.removeprefix("gene\t")])
@pytest.mark.parametrize("at_once", [2, 500])
def test_table_with_and_without_a_name_for_the_first_column(tmp_path, monkeypatch, text, at_once):
    monkeypatch.setattr(matrices, "TABLE_ROWS", at_once)
    x, cells, features = read_table(file(tmp_path, text, "t.tsv.gz"))
    np.testing.assert_array_equal(x.toarray(), [[0, 3, 1], [2, 0, 1]])
    assert (list(cells), list(features)) == (["c1", "c2"], ["G1", "G2", "G3"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "0 cell names, but rows of 1 fields"),
        ("gene\tc1\nG1\t1\t2\t3\n", "2 cell names, but rows of 4 fields"),
        ("gene\tc1\nG1\tx\n", "cannot be read"),
        ("gene\tc1\tc2\nG1\t1\t2\nG2\t1\n", "counts are missing; the file may be truncated.\n  Download it again."),
    ],
)
def test_broken_tables(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        read_table(file(tmp_path, text, "t.tsv"))
