"""Files of scverse."""

import anndata as ad
import numpy as np
import pytest

from crosstie.data.read_files import read_views
from crosstie.data.readers.anndata_files import is_h5ad, is_h5mu, is_zarr
from crosstie.data.readers.formats import recognise
from crosstie.datasets import simulate_citeseq


@pytest.fixture(scope="module")
def mdata():
    return simulate_citeseq(n_cells=60, n_genes=100, n_proteins=30, seed=1)


@pytest.mark.parametrize("ending", ["h5ad", "h5", "anything"])
def test_content_decides_and_not_the_ending(mdata, tmp_path, ending):
    path = tmp_path / f"view.{ending}"
    mdata["rna"].write_h5ad(tmp_path / "view.h5ad")
    (tmp_path / "view.h5ad").rename(path)
    assert is_h5ad(path)
    assert not is_h5mu(path)
    assert recognise(path).name == "AnnData (.h5ad)"


@pytest.mark.parametrize("most", [None, 20])
def test_zarr(mdata, tmp_path, most):
    mdata["adt"].write_zarr(tmp_path / "adt.zarr")
    assert is_zarr(tmp_path / "adt.zarr")
    found = read_views({"adt": tmp_path / "adt.zarr", "again": tmp_path / "adt.zarr"}, most=most)["again"]
    assert isinstance(found, ad.AnnData)
    np.testing.assert_array_equal(found.X[:].toarray(), mdata["adt"].X.toarray())


def test_what_stays_on_disk_is_named_after_its_file(mdata, tmp_path, caplog):
    caplog.set_level("INFO", logger="crosstie")
    mdata["adt"].write_zarr(tmp_path / "adt.zarr")
    mdata["adt"].write_h5ad(tmp_path / "adt.h5ad")
    mdata.write_h5mu(tmp_path / "both.h5mu")
    read_views({"zarr": tmp_path / "adt.zarr", "h5ad": tmp_path / "adt.h5ad"}, most=20)
    read_views({"": tmp_path / "both.h5mu"}, most=20)
    said = [message.split(":")[0] for message in caplog.messages if "reading matrices in blocks" in message]
    assert said == ["adt.h5ad", "adt.zarr", "both.h5mu, rna", "both.h5mu, adt"]
