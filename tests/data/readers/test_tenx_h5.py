"""Matrices of Cell Ranger; what is wrong with them is in tests/bad_inputs/formats.py."""

import h5py
import numpy as np

import crosstie as xt
from crosstie.data.peaks import read_peaks
from crosstie.data.readers.request import Request
from crosstie.data.readers.tenx_h5 import is_10x_h5, read_10x_h5
from made_files import formats


def test_columns_of_var(tmp_path):
    formats.tenx_h5(tmp_path / "cr.h5", "Gene Expression", "Antibody Capture")
    formats.old_tenx_h5(tmp_path / "old.h5")
    new, old = xt.read(tmp_path / "cr.h5"), xt.read(tmp_path / "old.h5")
    assert list(new["rna"].var.columns) == ["gene_ids", "feature_types", "genome"]
    assert list(new["rna"].var["gene_ids"][:2]) == ["ENSG00000000000", "ENSG00000000001"]
    assert set(new["adt"].var["feature_types"]) == {"Antibody Capture"}
    assert new["rna"].X.dtype == np.float32
    assert list(old) == ["rna"]
    assert set(old["rna"].var["genome"]) == {"hg19"}


def test_peaks_of_a_multiome_are_located(tmp_path):
    formats.tenx_h5(tmp_path / "arc.h5", "Gene Expression", "Peaks", interval=True)
    peaks = read_peaks(xt.read(tmp_path / "arc.h5")["atac"])
    assert len(peaks) == 40
    assert peaks.iloc[1].to_list() == ["chr1", 1000, 1500]


def test_other_types_are_set_aside_and_said(tmp_path, caplog):
    formats.tenx_h5(tmp_path / "cr.h5", "Gene Expression", "Antibody Capture", "Peaks")
    with h5py.File(tmp_path / "cr.h5", "r+") as file:
        types = file["matrix/features/feature_type"]
        types[types[:] == b"Peaks"] = b"CRISPR Guide Capture"
    assert list(xt.read(tmp_path / "cr.h5")) == ["rna", "adt"]
    assert "view 'crispr' is set aside (guides)" in caplog.text
    assert list(xt.read(tmp_path / "cr.h5", views=["rna", "crispr"])) == ["rna", "crispr"]


def test_features_alone_need_no_matrix(tmp_path):
    formats.tenx_h5(tmp_path / "cr.h5", "Gene Expression", "Antibody Capture")
    with h5py.File(tmp_path / "cr.h5", "r+") as file:
        file["matrix/data"][:] = -1
        file["matrix/indices"][:] = 10**6
    found = read_10x_h5(tmp_path / "cr.h5", Request(only_features=True))
    assert {name: view.shape for name, view in found.items()} == {"rna": (0, 120), "adt": (0, 24)}


def test_loom_is_no_matrix_of_cell_ranger(tmp_path):
    formats.loom(tmp_path / "x.loom", formats.views()["adt"])
    assert not is_10x_h5(tmp_path / "x.loom")
