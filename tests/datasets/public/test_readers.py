"""The readers of the public data sets: labels, and the cells that `where` selects."""

from __future__ import annotations

import numpy as np
import pytest

from crosstie._errors import InputKeyError, InputValueError
from made_files import public_files
from made_files.fetched import get, write


def test_labels_of_citeseq(citeseq, tmp_path):
    mdata = get("citeseq_pbmc", tmp_path)
    want = citeseq[1]["rna"].obs
    for adata in mdata.mod.values():
        assert list(adata.obs["cell_type"]) == list(want["celltype.l1"])
        assert list(adata.obs["celltype.l2"]) == list(want["celltype.l2"])
        assert list(adata.obs_names) == list(want.index)


def test_only_some_cells(citeseq, tmp_path):
    whole, part = get("citeseq_pbmc", tmp_path), get("citeseq_pbmc", tmp_path, where={"donor": "P2"})
    keep = (whole["rna"].obs["donor"] == "P2").to_numpy()
    assert 0 < keep.sum() < len(keep)
    for view in whole.mod:
        np.testing.assert_array_equal(part[view].X.toarray(), whole[view].X[keep].toarray())
        assert list(part[view].obs_names) == list(whole[view].obs_names[keep])


@pytest.mark.parametrize("name", ["bmmc_citeseq", "teaseq_pbmc_w3"])
def test_only_some_cells_of_the_other_formats(server, made, tmp_path, name):
    server.files |= made[name][0]
    whole = get(name, tmp_path)
    kind = whole["rna"].obs["cell_type"].iloc[0]
    part = get(name, tmp_path, where={"cell_type": kind})
    keep = (whole["rna"].obs["cell_type"] == kind).to_numpy()
    np.testing.assert_array_equal(part["rna"].X.toarray(), whole["rna"].X[keep].toarray())


def test_wrong_conditions(citeseq, tmp_path):
    with pytest.raises(InputKeyError, match="unknown name 'doner'"):
        get("citeseq_pbmc", tmp_path, where={"doner": "P1"})
    with pytest.raises(InputValueError, match="no cell has donor = 'P9'"):
        get("citeseq_pbmc", tmp_path, where={"donor": "P9"})


def test_own_labels(server, made, tmp_path):
    files, views = made["teaseq_pbmc"]
    codes = public_files.barcodes(100, seed=2)
    files = files | {"teaseq_pbmc_labels.csv": public_files.own_labels(views, codes)}
    write(files, tmp_path / "here")
    mdata = get("teaseq_pbmc", tmp_path, source=tmp_path / "here")
    assert list(mdata["adt"].obs["cell_type"]) == list(views["rna"].obs["cell_type"].astype(str))
