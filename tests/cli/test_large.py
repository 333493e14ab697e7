"""Files with more cells than are fitted on: matrices stay where they are, and a run that was cut off goes on."""

import json
import os

import anndata as ad
import mudata as md
import numpy as np
import pytest

import crosstie as xt
from crosstie._files import claimed
from crosstie.model.resume import ResumeFolder

FAST = ["--no-plots", "--no-verdict", "--set", "n_core=100", "--set", "n_components=30"]
VIEWS = ["rna=rna.h5ad", "adt=adt.h5ad"]


@pytest.fixture
def whole(run):
    """What the same run gives in Python, all in memory."""
    data = {name: ad.read_h5ad(f"{name}.h5ad") for name in ("rna", "adt")}
    return xt.integrate(data, config=xt.Config(n_core=100, n_components=30)).latents


def latents(folder):
    mdata = md.read_h5mu(folder / "integrated.h5mu")
    return {name: mdata[name].obsm["X_crosstie"] for name in ("rna", "adt")}


@pytest.mark.parametrize("kind", ["h5ad", "h5mu", "zarr"])
def test_run_leaves_matrices_in_place(run, whole, tmp_path, kind):
    words = {"h5ad": VIEWS, "h5mu": ["both.h5mu"], "zarr": ["rna=rna.zarr", "adt=adt.zarr"]}[kind]
    if kind == "zarr":
        for name in ("rna", "adt"):
            ad.read_h5ad(f"{name}.h5ad").write_zarr(f"{name}.zarr")
    done = run("integrate", *words, "--out", "out", *FAST)
    assert done.exit_code == 0, done.output
    for name, z in latents(tmp_path / "out").items():
        np.testing.assert_array_equal(z, whole[name])
    assert md.read_h5mu(tmp_path / "out" / "integrated.h5mu")["rna"].X is None
    done = run("impute", "out", "rna", "adt", "--out", "proteins.h5ad")
    assert done.exit_code == 0, done.output
    assert ad.read_h5ad("proteins.h5ad").shape == (240, 29)  # of 30, one is a control
    done = run("diagnose", "out")
    assert done.exit_code == 0, done.output
    assert not [p for p in tmp_path.iterdir() if "progress" in p.name]


def test_report_of_a_run_that_left_its_matrices(run, tmp_path):
    few = ["--set", "n_core=100", "--set", "n_components=30", "--no-verdict"]
    done = run("integrate", *VIEWS, "--out", "out", *few)
    assert done.exit_code == 0, done.output
    assert "the data, which are not available to this report" in (tmp_path / "out" / "report.html").read_text()


def test_matrices_that_have_gone_are_one_clear_error(run, tmp_path):
    assert run("integrate", *VIEWS, "--out", "out", *FAST).exit_code == 0
    (tmp_path / "adt.h5ad").rename(tmp_path / "moved.h5ad")
    done = run("impute", "out", "rna", "adt", "--out", "proteins.h5ad")
    assert done.exit_code == 2
    assert "adt.h5ad: there is no such file" in done.stderr
    assert "moved.h5ad" in done.stderr


def test_interrupted_run_goes_on(run, whole, tmp_path, monkeypatch):
    keep = ResumeFolder.keep

    def cut(self, view, bound, z):
        keep(self, view, bound, z)
        raise KeyboardInterrupt

    monkeypatch.setattr(ResumeFolder, "keep", cut)
    assert run("integrate", *VIEWS, "--out", "out", *FAST).exit_code != 0
    assert not (tmp_path / "out").exists()
    assert (tmp_path / ".out.progress" / "core" / "model.json").is_file()
    monkeypatch.setattr(ResumeFolder, "keep", keep)
    monkeypatch.setattr("crosstie.model.fit_model._fit_whole", lambda *_: pytest.fail("the core was fitted again"))
    done = run("integrate", *VIEWS, "--out", "out", *FAST, "--resume")
    assert done.exit_code == 0, done.output
    for name, z in latents(tmp_path / "out").items():
        np.testing.assert_array_equal(z, whole[name])
    assert not (tmp_path / ".out.progress").exists()


def test_without_resume_what_was_left_is_removed(run, tmp_path):
    (tmp_path / ".out.progress").mkdir()
    about = {"version": "0", "seed": 99, "settings": "", "links": "", "data": {}}
    (tmp_path / ".out.progress" / "progress.json").write_text(json.dumps(about))
    done = run("integrate", *VIEWS, "--out", "out", *FAST, "--verbose")
    assert done.exit_code == 0, done.output
    assert "use --resume to continue it" in done.stderr


TORCHRUN = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}
TORCHRUN |= {"TORCHELASTIC_RUN_ID": "none"}


@pytest.mark.parametrize("name", ["RANK", "WORLD_SIZE", "LOCAL_RANK"])
@pytest.mark.parametrize("value", ["1", "2", "x"])
def test_single_variables_of_torchrun_are_not_believed(run, tmp_path, monkeypatch, name, value):
    monkeypatch.setitem(os.environ, name, value)
    with claimed(tmp_path / "out"):
        done = run("integrate", *VIEWS, "--out", "out", *FAST)
    assert done.exit_code == 2
    assert "is being written by another process" in done.stderr


def test_a_stray_number_of_ranks_changes_nothing(run, tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, "WORLD_SIZE", "2")
    assert run("integrate", *VIEWS, "--out", "out", *FAST).exit_code == 0


def test_progress_of_others_is_left_alone(run, tmp_path):
    for text in (None, "notes", json.dumps({"seed": 99})):
        folder = tmp_path / ".out.progress"
        folder.mkdir(exist_ok=True)
        (folder / ("thesis.doc" if text is None else "progress.json")).write_text(text or "")
        before = sorted(folder.iterdir())
        done = run("integrate", *VIEWS, "--out", "out", *FAST)
        assert done.exit_code == 2
        assert "is needed for the progress of the run" in done.stderr
        assert sorted(folder.iterdir()) == before


def test_torchrun_and_scheduler_exclude_each_other(run, monkeypatch):
    for name, value in TORCHRUN.items():
        monkeypatch.setitem(os.environ, name, value)
    done = run("integrate", *VIEWS, "--out", "out", *FAST, "--scheduler", "tcp://127.0.0.1:1")
    assert done.exit_code == 2
    assert "--scheduler and torchrun exclude each other" in done.stderr
