"""Tables of text; what is wrong with them is in tests/bad_inputs/formats.py."""

import gzip

import numpy as np
import pandas as pd
import pytest

import crosstie as xt
from crosstie.data.readers import text_tables
from crosstie.data.readers.request import Request
from crosstie.data.readers.text_tables import is_text_table, read_text_table
from made_files import formats


def read(path, **options):
    (adata,) = read_text_table(path, Request(**options)).values()
    return adata


@pytest.fixture
def frame():
    return formats.views()["adt"].to_df().astype(int)


@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("block", [30, 2**22])
def test_every_way_to_write_a_table(tmp_path, frame, monkeypatch, separator, turned, zipped, block):
    monkeypatch.setattr(text_tables, "BLOCK", block)
    text = (frame.T if turned else frame).to_csv(sep=separator).encode()
    path = tmp_path / ("x.csv.gz" if zipped else "x.csv")
    path.write_bytes(gzip.compress(text) if zipped else text)
    found = read(path)
    assert list(found.obs_names) == list(frame.index)
    assert list(found.var_names) == list(frame.columns)
    np.testing.assert_array_equal(found.X.toarray(), frame.to_numpy())
    np.testing.assert_array_equal(read(path, cells="columns" if turned else "rows").X.toarray(), frame.to_numpy())


@pytest.mark.parametrize("turned", [False, True])
def test_decimal_commas(tmp_path, frame, caplog, turned):
    caplog.set_level("INFO", "crosstie")
    values = (frame + 0.25).T if turned else frame + 0.25
    values.to_csv(tmp_path / "x.csv", sep=";", decimal=",")
    np.testing.assert_array_equal(read(tmp_path / "x.csv").X.toarray(), frame.to_numpy() + 0.25)
    assert "decimal commas" in caplog.text


def test_commas_that_may_divide_thousands_are_not_guessed(tmp_path, frame):
    text = frame.replace(0, 0).map(lambda value: f"{value + 1000:,}").to_csv(sep=";")
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(ValueError, match=r"do not hold numbers(.|\n)*'1,0"):
        read(tmp_path / "x.csv")


def test_as_r_writes_it(tmp_path, frame):
    """`write.table` has no name above the first column, and quotes."""
    frame.T.to_csv(tmp_path / "x.txt", sep="\t", quoting=2)
    text = (tmp_path / "x.txt").read_text()
    (tmp_path / "x.txt").write_text(text.removeprefix('""\t'))
    np.testing.assert_array_equal(read(tmp_path / "x.txt").X.toarray(), frame.to_numpy())


def test_columns_of_text_are_about_the_cells(tmp_path, frame, caplog):
    frame.assign(cell_type=["T", "B"] * 45).to_csv(tmp_path / "x.csv")
    caplog.set_level("INFO", "crosstie")
    found = read(tmp_path / "x.csv")
    assert list(found.obs["cell_type"][:3]) == ["T", "B", "T"]
    assert found.n_vars == 24
    assert "cells are its rows" in caplog.text
    assert "kept as obs: 'cell_type'" in caplog.text


@pytest.mark.parametrize(
    ("rows", "columns", "cells"),
    [
        (["AAACCTGAGAAACCAT-1", "AAACCTGAGAAACCGC-1"], ["x", "y"], "rows"),
        (["ENSG00000243485", "ENSG00000237613"], ["x", "y"], "columns"),
        (["s1_AAACCTGAGAAACCAT", "s1_AAACCTGAGAAACCGC"], ["CD3", "CD4"], "rows"),
        (["Actb", "Gapdh"], ["cell_1", "cell_2"], "columns"),
        (["0", "1"], ["CD3", "CD4"], "rows"),
        (["CD3-CTCATTGTAACTCCT", "CD4-TGTTCCCGCTCAACT"], ["AAACCTGAGAAACCAT", "AAACCTGAGAAACCGC"], "columns"),
    ],
)
def test_names_tell_which_are_the_cells(tmp_path, rows, columns, cells):
    pd.DataFrame([[1, 2], [3, 4]], rows, columns).to_csv(tmp_path / "x.csv")
    assert list(read(tmp_path / "x.csv").obs_names) == (rows if cells == "rows" else columns)


def test_what_is_a_table(tmp_path):
    for name, text in {
        "a.csv": b"x",
        "b.TSV.gz": gzip.compress(b"x"),
        "c.txt": b"",
        "d.csv": b"a\0",
        "e.h5": b"x",
    }.items():
        (tmp_path / name).write_bytes(text)
    assert [path.name for path in sorted(tmp_path.iterdir()) if is_text_table(path)] == ["a.csv", "b.TSV.gz", "c.txt"]


def test_in_python(tmp_path, frame):
    frame.to_csv(tmp_path / "proteins.csv")
    assert list(xt.read(tmp_path / "proteins.csv")) == ["adt"]
