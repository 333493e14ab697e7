"""Matrices that stay on disk: read by row there, opened by name in another process, refused where nobody could."""

import pickle

import anndata as ad
import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from crosstie.data.stored import Stored, in_memory, stored, take_rows

X = sp.csr_matrix(np.random.default_rng(0).poisson(0.5, size=(30, 7)).astype(np.float32))


@pytest.fixture(params=["csr in h5ad", "dense in h5ad", "csr in zarr", "dense in zarr"])
def source(request, tmp_path):
    """A matrix in a file, as a backed AnnData hands it out."""
    kind, _, store = request.param.split()
    adata = ad.AnnData(X if kind == "csr" else X.toarray())
    path = tmp_path / f"x.{store}"
    if store == "h5ad":
        adata.write_h5ad(path)
        file = h5py.File(path, "r")
    else:
        zarr = pytest.importorskip("zarr")
        adata.write_zarr(path)
        file = zarr.open(path, mode="r")
    yield file["X"] if kind == "dense" else ad.io.sparse_dataset(file["X"])
    if store == "h5ad":
        file.close()


def dense(x):
    return x.toarray() if sp.issparse(x) else x


def test_rows_are_read_where_they_are(source):
    matrix = stored(source, "rna")
    assert isinstance(matrix, Stored)
    np.testing.assert_array_equal(dense(matrix.rows(5, 9)), X[5:9].toarray())
    np.testing.assert_array_equal(dense(take_rows(matrix, np.array([0, 3, 29]))), X[[0, 3, 29]].toarray())
    assert take_rows(matrix, np.array([], np.int64)).shape == (0, 7)


def test_another_process_opens_it_by_name(source):
    again = pickle.loads(pickle.dumps(stored(source, "rna")))
    assert again.view == "rna"
    np.testing.assert_array_equal(dense(again.rows(0, 30)), X.toarray())


def test_columns_on_disk_are_read_whole_and_that_is_said(tmp_path, caplog):
    ad.AnnData(sp.csc_matrix(X)).write_h5ad(tmp_path / "x.h5ad")
    with h5py.File(tmp_path / "x.h5ad", "r") as file:
        source = ad.io.sparse_dataset(file["X"])
        assert stored(source) is None
        found = in_memory(source, "rna")
    assert found.format == "csr"
    np.testing.assert_array_equal(found.toarray(), X.toarray())
    assert "rna: stored by column (CSC) and loaded completely" in caplog.text


def test_what_is_in_no_file_cannot_be_sent():
    array = pytest.importorskip("dask.array").from_array(X.toarray())
    with pytest.raises(
        TypeError, match=r"read by other processes\.\n  found: Array\n  expected: a matrix stored as h5ad"
    ):
        pickle.dumps(stored(array, "rna"))


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ("no matrix", r"view 'rna': .* has a type that cannot be read\.\n  found: str\n"),
        (np.array([["a"]]), r"view 'rna': the matrix is not numeric\.\n  found: dtype <U1"),
    ],
)
def test_what_is_no_matrix_is_refused(x, words):
    with pytest.raises(TypeError, match=words):
        in_memory(x, "rna")
