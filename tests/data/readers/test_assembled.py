"""Blocks of cells, put together."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

from crosstie.data.readers.assembled import Blocks, assembled, bounds_by_values, split_stored
from crosstie.data.readers.request import Request
from crosstie.data.stored import in_memory, stored

TYPES = ["Gene Expression", "Antibody Capture", "Gene Expression", "Gene Expression", "Peaks"]


@pytest.fixture
def x():
    return sp.random(30, 5, 0.4, "csr", np.float32, random_state=0)


def blocks(x, sizes=(0, 7, 7, 20, 30), types=TYPES):
    parts = (x[a:b] for a, b in pairwise(sizes))
    obs = pd.DataFrame(index=[f"c{i}" for i in range(x.shape[0])])
    return Blocks(obs, pd.DataFrame({"feature_types": types}, index=list("abcde")), parts, x.nnz)


@pytest.mark.parametrize("most", [None, 30, 29])
def test_views_in_memory_and_on_disk(x, most):
    found = assembled(blocks(x), Request(most=most))
    columns = {"rna": [0, 2, 3], "adt": [1], "atac": [4]}
    assert list(found) == list(columns)
    for name, at in columns.items():
        assert (stored(found[name].X) is not None) == (most == 29)
        matrix = in_memory(found[name].X[:] if most == 29 else found[name].X)
        np.testing.assert_array_equal(matrix.toarray(), x[:, at].toarray())
        assert matrix.has_canonical_format
    assert list(assembled(blocks(x), Request(), split=False)) == [""]


def test_the_temporary_file_goes_with_the_process(x, tmp_path, monkeypatch):
    import os
    import subprocess
    import sys

    code = (
        "import numpy as np, pandas as pd, scipy.sparse as sp\n"
        "from crosstie.data.readers.assembled import Blocks, assembled\n"
        "from crosstie.data.readers.request import Request\n"
        "x = sp.eye(4, format='csr', dtype='f4')\n"
        "t = pd.DataFrame(index=list('abcd'))\n"
        "v = assembled(Blocks(t, t, iter([x]), 4), Request(most=1))['']\n"
        "import tempfile, os; print(len(os.listdir(tempfile.gettempdir())), v.X[1:3].sum())"
    )
    env = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "2.0"]
    assert list(tmp_path.iterdir()) == []


def test_no_room_for_the_temporary_file(x, monkeypatch):
    import h5py

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(h5py.Dataset, "resize", full)
    with pytest.raises(ValueError, match=r"temporary copy.*cannot be written(.|\n)*TMPDIR"):
        assembled(blocks(x), Request(most=1))


def test_bounds():
    indptr = np.array([0, 3, 3, 10, 11, 12, 30])
    assert bounds_by_values(indptr, 5) == [(0, 3), (3, 6)]
    assert bounds_by_values(np.array([0]), 5) == []
    assert bounds_by_values(np.zeros(4, int), 5) == [(0, 3)]
    for most in (1, 2, 7, 100):
        found = bounds_by_values(indptr, most)
        assert [a for a, _ in found[1:]] == [b for _, b in found[:-1]]
        assert (found[0][0], found[-1][1]) == (0, 6)


def test_a_matrix_on_disk_is_split_in_blocks(x, tmp_path, caplog):
    import h5py
    from anndata.io import sparse_dataset, write_elem

    with h5py.File(tmp_path / "x.h5", "w") as file:
        write_elem(file, "X", x)
    disk = sparse_dataset(h5py.File(tmp_path / "x.h5")["X"])
    made = blocks(x)
    adata = AnnData(disk, obs=made.obs, var=made.var, obsm={"spatial": np.ones((30, 2))}, layers={"a": x})
    found = split_stored(adata, Request(most=10))
    np.testing.assert_array_equal(found["adt"].X[:].toarray(), x[:, [1]].toarray())
    assert found["atac"].obsm["spatial"].shape == (30, 2)
    assert "layers and raw are not read" in caplog.text
