"""The run that commands work on: its data must be its own, its format known, and one message says so if not."""

import re
import shutil

import mudata as md
import pytest
from typer.testing import CliRunner

from cli.conftest import assert_refused
from crosstie.cli import app


@pytest.mark.filterwarnings("ignore:var_names are not unique")
def test_the_data_must_be_those_of_the_run(use, folder, views, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(folder / "run", moved)
    md.MuData({"rna": views["rna"][:50].copy(), "adt": views["adt"]}).write_h5mu(moved / "integrated.h5mu")
    assert_refused(use("impute", "rna", "adt", "--out", "x.h5ad", run=moved), tmp_path, "other cells", left={"moved"})
    (moved / "integrated.h5mu").write_bytes(b"x")
    result = use("relate", "rna", "adt", "--out", "x.csv", run=moved)
    assert_refused(result, tmp_path, "integrated.h5mu cannot be read", left={"moved"})


COMMANDS = {
    "transfer": "rna adt --label-key cell_type --out x.csv",
    "impute": "rna adt --out x.h5ad",
    "match": "rna adt --out x.csv",
    "map": "q.h5ad --like rna --out x.h5ad",
    "relate": "rna adt --out x.csv",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_run(use, folder, tmp_path, command):
    words = COMMANDS[command].split()
    for run, said in (
        ("nowhere", "nowhere is not the folder of a run. found: no such folder"),
        (folder / "rna.h5ad", "found: no folder"),
        (folder / "run" / "model", "found: no run.json in it"),
    ):
        assert_refused(use(command, *words, run=run), tmp_path, said)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_run_of_an_old_format(use, folder, tmp_path, command):
    old = tmp_path / "old"
    old.mkdir()
    (old / "model").mkdir()
    shutil.copy(folder / "run" / "run.json", old)
    (old / "model" / "model.json").write_text('{"format": 1, "crosstie": "0.0.1"}')
    result = use(command, *COMMANDS[command].split(), run=old)
    assert_refused(result, tmp_path, "found: format 1, written by crosstie 0.0.1", left={"old"})


def test_help_lists_them():
    listed = CliRunner().invoke(app, ["--help"]).output
    place = [re.search(rf"^\W*{command}\s", listed, re.MULTILINE).start() for command in ("integrate", *COMMANDS)]
    assert min(place) == place[0] < listed.index("Use a finished run") < min(place[1:])
    for command in COMMANDS:
        shown = CliRunner().invoke(app, [command, "--help"])
        assert (shown.exit_code, "Example:" in shown.output) == (0, True)
