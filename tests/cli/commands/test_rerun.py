"""A run once more: the same bits, and no other files in silence."""

import json
import shutil

import pytest

VIEWS = ("rna=rna.h5ad", "adt=adt.h5ad")
FAST = ("--no-plots", "--no-verdict", "--set", "n_rounds=2", "--set", "n_sketches=1")


@pytest.fixture
def first(run, tmp_path):
    made = run("integrate", *VIEWS, "--out", "run", "--seed", 5, *FAST)
    assert made.exit_code == 0, made.output
    return tmp_path / "run"


def about(folder):
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def test_the_same_bits(run, first, tmp_path):
    before = about(first)
    assert before["settings"]["options"]["seed"] == 5
    assert set(before["inputs"]["rna"]) == {"path", "n_bytes", "sha256"}
    assert before["threads"]["cores"] >= 1
    result = run("rerun", "run", "--out", "again", "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["same_bits"] is True
    assert said["same_bits_by_view"] == {"rna": True, "adt": True}
    assert about(tmp_path / "again")["coordinates"] == before["coordinates"]
    assert (tmp_path / "again" / "labels_rna_to_adt.csv").read_bytes() == (first / "labels_rna_to_adt.csv").read_bytes()


def test_other_bits_are_said(run, first):
    before = about(first)
    before["coordinates"]["adt"] = "0" * 64
    before["versions"]["numpy"] = "1.0"
    (first / "run.json").write_text(json.dumps(before), encoding="utf-8")
    result = run("rerun", "run", "--out", "again", "--json")
    said = json.loads(result.stdout)
    assert said["same_bits"] is False
    assert said["same_bits_by_view"] == {"rna": True, "adt": False}
    assert said["differences"]["numpy"][0] == "1.0"
    assert "numpy: 1.0 then" in result.stderr


def test_changed_files_are_refused(run, first, tmp_path, mdata):
    table = tmp_path / "links.csv"
    table.write_text("gene,protein\nCD3D,CD3\nCD4,CD4\nCD8A,CD8\nCD14,CD14\nCD19,CD19\n", encoding="utf-8")
    made = run("integrate", *VIEWS, "--out", "linked", "--links", "links.csv", *FAST)
    assert made.exit_code == 0, made.output
    table.write_text(table.read_text() + "NCAM1,CD56\n", encoding="utf-8")
    refused = run("rerun", "linked", "--out", "again", "-q")
    assert refused.exit_code == 2
    assert "links.csv" in refused.stderr
    assert "rna.h5ad" not in refused.stderr
    assert not (tmp_path / "again").exists()
    result = run("rerun", "linked", "--out", "again", "--changed-inputs", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["same_bits"] is False
    (tmp_path / "rna.h5ad").unlink()
    gone = run("rerun", "run", "--out", "third")
    assert (gone.exit_code, "no longer there" in gone.stderr) == (2, True)


def test_demo(run, first, tmp_path, monkeypatch):
    """A demo is simulated anew; that it gives the same twice is tested where the demo is."""
    asked = {}

    def demo(*, out, **options):
        asked.update(options)
        shutil.copytree(first, out)

    old = about(first)
    old["settings"] = {"demo": {"n_cells": 150, "seed": 2, "plots": False}}
    (first / "run.json").write_text(json.dumps(old), encoding="utf-8")
    monkeypatch.setattr("crosstie.cli.commands.demo.demo", demo)
    assert json.loads(run("rerun", "run", "--out", "again", "--json").stdout)["same_bits"] is True
    assert asked == {"n_cells": 150, "seed": 2, "plots": False, "overwrite": False, "verbose": False, "quiet": False}


def test_wrong(run, first, tmp_path):
    for words, said in (
        (("run", "--out", "run", "--overwrite"), "is the run itself"),
        (("none", "--out", "again"), "no such folder"),
        (("run", "--out", "rna.h5ad"), "is a file"),
    ):
        result = run("rerun", *words, "-q")
        assert (result.exit_code, said in result.stderr) == (2, True), result.output
    old = about(first)
    del old["settings"]
    (first / "run.json").write_text(json.dumps(old), encoding="utf-8")
    result = run("rerun", "run", "--out", "again")
    assert (result.exit_code, "does not say how to repeat" in result.stderr) == (2, True)
