"""The run that commands work on: its data must be its own, its format known, and one message says so if not."""

import json
import re
import shutil

import anndata as ad
import mudata as md
import pandas as pd
import pytest
from typer.testing import CliRunner

from cli.conftest import assert_refused, names
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
        assert (shown.exit_code, "Example" in shown.output) == (0, True)


def judged_as(folder, level, reasons=("the links do not agree",)):
    file = folder / "run.json"
    about = json.loads(file.read_text())
    file.write_text(json.dumps(about | {"verdict": {"level": level, "reasons": list(reasons)}}))


ANSWERS = {
    "transfer": ("transfer", "run", "rna", "adt", "--label-key", "cell_type", "--out", "out.csv"),
    "match": ("match", "run", "rna", "adt", "--out", "out.csv"),
    "impute": ("impute", "run", "rna", "adt", "--out", "out.h5ad"),
    "export": ("export", "run", "--to", "h5ad", "--out", "out.h5ad"),
    "map": ("map", "run", "rna.h5ad", "--like", "rna", "--label-key", "cell_type", "--out", "out.h5ad"),
}


@pytest.mark.parametrize("command", ANSWERS)
def test_a_condemned_run_answers_only_when_told_to_and_the_file_says_so(use, folder, tmp_path, command):
    shutil.copytree(folder / "run", tmp_path / "run")
    shutil.copy(folder / "rna.h5ad", tmp_path / "rna.h5ad")
    before = names(tmp_path)
    go = lambda *more: CliRunner().invoke(app, [*ANSWERS[command], *more])  # noqa: E731
    judged_as(tmp_path / "run", "fail")
    refused = go()
    assert refused.exit_code == 2
    assert "error: the verdict on run is: do not use.\n  found: the links do not agree\n" in refused.stderr
    assert "--use-anyway" in refused.stderr
    assert names(tmp_path) == before
    given = go("--use-anyway")
    assert given.exit_code == 0, given.output
    assert "warning: the verdict on run is: do not use (the links do not agree). The result carries" in given.stderr
    (out,) = names(tmp_path) - before
    if out.endswith(".csv"):
        assert set(pd.read_csv(tmp_path / out)["verdict"]) == {"do not use"}
    else:
        assert ad.read_h5ad(tmp_path / out).uns["crosstie"]["verdict"] == "do not use"


def test_runs_that_may_be_used_and_runs_without_verdict_answer(use, folder, tmp_path):
    shutil.copytree(folder / "run", tmp_path / "run")
    for level in ("ok", "care"):
        judged_as(tmp_path / "run", level)
        assert CliRunner().invoke(app, [*ANSWERS["match"], "-q"]).exit_code == 0
        assert "verdict" not in pd.read_csv(tmp_path / "out.csv")
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    del about["verdict"]
    (tmp_path / "run" / "run.json").write_text(json.dumps(about))
    assert "this run has not been judged: crosstie diagnose run" in CliRunner().invoke(app, ANSWERS["match"]).stderr
