"""Names of views that no file or group can have are refused before data are read or fitted."""

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

import crosstie as xt
from crosstie.cli import app
from crosstie.data.view_names import LONGEST
from crosstie.runs.folder import confusion_picture

LONG = "p" * 300


@pytest.fixture(scope="module")
def views():
    return dict(xt.datasets.simulate_citeseq(n_cells=60, n_genes=60, n_proteins=10, seed=0).mod)


def test_two_of_the_longest_names_and_a_temporary_ending_fit_into_one_file_name():
    assert len(confusion_picture("a" * LONGEST, "b" * LONGEST)) + len(".png") + 32 <= 255


@pytest.mark.parametrize("name", [LONG, "\N{GREEK SMALL LETTER ALPHA}" * 60, "a\0b", "\udcff", ".", ".."])
def test_python_refuses_them_before_the_data_are_looked_at(views, name):
    with pytest.raises(ValueError, match=r"data: view name .*(is too long: files are named|cannot be written)"):
        xt.Model({name: None, "adt": views["adt"]})


def test_the_longest_name_is_integrated_and_saved(views, tmp_path):
    name = "r" * LONGEST
    model = xt.integrate({name: views["rna"], "adt": views["adt"]}, config=xt.Config(n_components=5))
    model.save(tmp_path / "model")
    assert list(xt.Model.load(tmp_path / "model").latents) == [name, "adt"]


def test_the_command_line_refuses_them_before_files_are_opened(tmp_path):
    done = CliRunner().invoke(app, ["integrate", f"{LONG}=none.h5ad", "adt=none.h5ad", "--out", str(tmp_path / "out")])
    assert done.exit_code == 2, done.output
    assert "is too long: files are named after views" in done.stderr
    assert "300 bytes" in done.stderr
    assert "no such file" not in done.stderr


def test_a_file_of_views_is_refused_before_its_matrices_are_read(tmp_path, monkeypatch):
    import mudata

    monkeypatch.setattr(mudata, "read_h5mu", lambda path: pytest.fail("it was read"))
    with h5py.File(tmp_path / "x.h5mu", "w") as file:
        for name in (f"mod/{LONG}", "mod/adt"):
            for table in ("obs", "var"):
                group = file.create_group(f"{name}/{table}")
                group.attrs["_index"] = "_index"
                group["_index"] = np.array([b"a", b"b"])
    with pytest.raises(ValueError, match=r"x\.h5mu: view name 'p+…' is too long"):
        xt.read(tmp_path / "x.h5mu")
