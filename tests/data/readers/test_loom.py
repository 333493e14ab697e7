"""loom files; what is wrong with them is in tests/bad_inputs/formats.py."""

import h5py
import numpy as np

import crosstie as xt
from made_files import formats


def test_attributes_become_columns(tmp_path):
    formats.loom(tmp_path / "adt.loom", formats.views()["adt"])
    with h5py.File(tmp_path / "adt.loom", "r+") as file:
        file["col_attrs"]["ClusterName"] = np.array(["a", "b"] * 45, "S1")
        file["col_attrs"]["Embedding"] = np.zeros((90, 2))
        file["row_attrs"]["Accession"] = np.array([f"A{i}" for i in range(24)], "S4")
    (name, adata), *_ = xt.read(tmp_path / "adt.loom").items()
    assert name == "adt"
    assert list(adata.obs["ClusterName"][:2]) == ["a", "b"]
    assert list(adata.obs) == ["ClusterName"]
    assert adata.var["gene_ids"].iloc[-1] == "A23"
