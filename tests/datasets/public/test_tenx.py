"""The reader of 10x Genomics' HDF5 matrices against files of exactly that layout."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from crosstie._errors import InputValueError
from crosstie.datasets import read_10x_h5
from made_files.teaseq_files import GENES, PEAKS, barcodes, write_h5

KINDS = ["Gene Expression"] * len(GENES) + ["Peaks"] * len(PEAKS)


@pytest.fixture
def made(tmp_path):
    counts = np.random.default_rng(0).poisson(0.7, (12, len(KINDS)))
    counts[3] = 0  # a barcode without a count
    path = tmp_path / "filtered_feature_bc_matrix.h5"
    write_h5(path, GENES + PEAKS, counts, KINDS, barcodes(12))
    return path, counts


def test_reads_what_was_written(made):
    path, counts = made
    adata = read_10x_h5(path)
    np.testing.assert_array_equal(adata.X.toarray(), counts)
    assert adata.X.format == "csr"
    assert adata.X.dtype == np.float32
    assert adata.X.has_sorted_indices
    assert list(adata.obs_names) == [f"{b}-1" for b in barcodes(12)]
    assert list(adata.var_names) == GENES + PEAKS
    assert list(adata.var.columns) == ["gene_ids", "feature_types", "genome", "interval"]
    assert list(adata.var["feature_types"]) == KINDS
    assert adata.var["interval"].iloc[-1] == PEAKS[-1]


def test_files_of_plain_cell_ranger_have_no_interval(tmp_path):
    path = tmp_path / "raw.h5"
    write_h5(path, GENES, np.ones((4, len(GENES)), int), ["Gene Expression"] * len(GENES), barcodes(4), interval=False)
    assert "interval" not in read_10x_h5(path).var


def test_rows_may_be_unsorted(made):
    """Cell Ranger need not sort the features of a barcode."""
    path, counts = made
    with h5py.File(path, "r+") as file:
        m = file["matrix"]
        start, end = m["indptr"][0], m["indptr"][1]
        for key in ("data", "indices"):
            values = m[key][:]
            values[start:end] = values[start:end][::-1]
            m[key][:] = values
    np.testing.assert_array_equal(read_10x_h5(path).X.toarray(), counts)


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_10x_h5(tmp_path / "none.h5")


def test_another_kind_of_file(tmp_path):
    (tmp_path / "x.h5").write_bytes(b"\x1f\x8b not hdf5")
    with pytest.raises(InputValueError, match=r"x\.h5: not an HDF5 file of Cell Ranger(.|\n)*Download it again"):
        read_10x_h5(tmp_path / "x.h5")


def test_a_file_cut_short(made):
    path, _ = made
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises((InputValueError, OSError)):
        read_10x_h5(path)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: f["matrix"].__delitem__("indptr"), ["lacks 'indptr'"]),
        (lambda f: f["matrix/features"].__delitem__("feature_type"), ["lacks 'features/feature_type'"]),
        (
            lambda f: replace(f, "barcodes", f["matrix/barcodes"][:-1]),
            ["barcodes: 11", "barcodes: 12"],
        ),
        (lambda f: replace(f, "data", f["matrix/data"][:-5]), ["differ in size", "indices: "]),
        (lambda f: replace(f, "indices", f["matrix/indices"][:] + 7), ["'indices' are out of range", "0 to 10"]),
        (
            lambda f: replace(f, "indptr", f["matrix/indptr"][:][[0, 2, 1, *range(3, 13)]]),
            ["starts of the cells"],
        ),
        (lambda f: replace(f, "shape", np.array([3])), ["'shape' must be two numbers"]),
    ],
)
def test_errors_say_what_is_wrong(made, spoil, words):
    path, _ = made
    with h5py.File(path, "r+") as file:
        spoil(file)
    with pytest.raises(InputValueError) as caught:
        read_10x_h5(path)
    for word in [path.name, *words]:
        assert word in str(caught.value)


def replace(file, key, value):
    del file["matrix"][key]
    file["matrix"][key] = value
