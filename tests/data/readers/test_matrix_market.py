"""Matrix Market files, block by block."""

import gzip

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

from crosstie.data.readers import matrix_market
from crosstie.data.readers.matrix_market import cells_of, is_matrix_market, shape_of
from made_files.formats import write_mtx


@pytest.fixture
def counts():
    """Cells without an entry at the start, in between and at the end."""
    x = sp.random(40, 9, 0.3, "csr", random_state=0, data_rvs=lambda n: np.arange(1, n + 1)).toarray()
    x[[0, 1, 7, 38, 39]] = 0
    return x


@pytest.mark.parametrize("size", [1, 3, 7, 50, 2**20])
@pytest.mark.parametrize("order", ["by cell", "by feature", "shuffled"])
@pytest.mark.parametrize("zipped", [True, False])
def test_blocks_of_any_size_give_the_matrix(tmp_path, monkeypatch, counts, size, order, zipped):
    monkeypatch.setattr(matrix_market, "ROWS", size)
    path = tmp_path / "matrix.mtx"
    if order == "by cell":
        write_mtx(path, sp.csr_matrix(counts), zipped=zipped)
    else:
        x = sp.coo_matrix(counts.T.astype(int))
        at = np.random.default_rng(0).permutation(x.nnz) if order == "shuffled" else np.argsort(x.row, kind="stable")
        scipy.io.mmwrite(path, sp.coo_matrix((x.data[at], (x.row[at], x.col[at])), x.shape), field="integer")
    assert is_matrix_market(path)
    assert shape_of(path) == (9, 40, np.count_nonzero(counts))
    if (order, size) in {
        ("by feature", 1),
        ("by feature", 3),
        ("by feature", 7),
        ("shuffled", 1),
    }:  # cells were passed on before the disorder is seen
        with pytest.raises(ValueError, match="not in order after cell"):
            list(cells_of(path))
        return
    parts = list(cells_of(path))
    assert all(part.has_sorted_indices for part in parts)
    np.testing.assert_array_equal(sp.vstack(parts).toarray(), counts)


def test_cells_in_rows(tmp_path, counts):
    scipy.io.mmwrite(tmp_path / "x.mtx", sp.coo_matrix(counts.astype(int)), field="integer")
    parts = cells_of(tmp_path / "x.mtx", cells_in_rows=True)
    np.testing.assert_array_equal(sp.vstack(list(parts)).toarray(), counts)


def test_an_empty_matrix(tmp_path):
    text = b"%%MatrixMarket matrix coordinate integer general\n3 4 0\n"
    (tmp_path / "x.mtx.gz").write_bytes(gzip.compress(text))
    (part,) = cells_of(tmp_path / "x.mtx.gz")
    assert part.shape == (4, 3)
    assert part.nnz == 0


def test_entries_beyond_the_number_in_the_header_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(matrix_market, "ROWS", 100)
    text = b"%%MatrixMarket matrix coordinate integer general\n3 4 2\n" + b"1 1 1\n" * 100 + b"no numbers\n" * 100
    (tmp_path / "x.mtx").write_bytes(text)
    with pytest.raises(ValueError, match=r"more entries than it says(.|\n)*expected: 2"):
        list(cells_of(tmp_path / "x.mtx"))
