"""Files that are complete pass; truncated, empty or other files are refused, by what their names say they are."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import h5py
import numpy as np
import pytest

from crosstie._errors import InputValueError
from crosstie.datasets.download.integrity import check_complete, kind_of

TEXT = b"barcode\tcount\n" * 500


def hdf5():
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file["x"] = np.arange(1000)
    return memory.getvalue()


def zipped():
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("table.csv", TEXT)
    return memory.getvalue()


def tarred():
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w") as archive:
        info = tarfile.TarInfo("table.csv")
        info.size = len(TEXT)
        archive.addfile(info, io.BytesIO(TEXT))
    return memory.getvalue()


WHOLE = {"a.tsv.gz": gzip.compress(TEXT), "a.h5ad": hdf5(), "a.zip": zipped(), "a.tar": tarred(), "a.csv": TEXT}


@pytest.mark.parametrize("name", WHOLE)
def test_complete_files_pass(tmp_path, name):
    (tmp_path / name).write_bytes(WHOLE[name])
    check_complete(tmp_path / name)


@pytest.mark.parametrize("name", [name for name in WHOLE if kind_of(name)])
def test_truncated_files_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(WHOLE[name][: len(WHOLE[name]) // 2])
    with pytest.raises(InputValueError, match=rf"not a complete {kind_of(name)} file\.\n  found: [\d,]+ bytes"):
        check_complete(tmp_path / name)


@pytest.mark.parametrize("name", WHOLE)
def test_empty_files_and_web_pages_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputValueError, match=r"the file is empty\."):
        check_complete(tmp_path / name)
    (tmp_path / name).write_bytes(b"\n<!DOCTYPE html><title>Log in</title>")
    with pytest.raises(InputValueError, match="a page with the title 'Log in'"):
        check_complete(tmp_path / name)


def test_a_temporary_name_does_not_hide_the_type(tmp_path):
    (tmp_path / "x.part").write_bytes(TEXT)
    check_complete(tmp_path / "x.part")
    with pytest.raises(InputValueError, match=r"https://here/x\.h5: not a complete HDF5 file"):
        check_complete(tmp_path / "x.part", name="x.h5", source="https://here/x.h5")
