"""--json: one object on stdout, whatever happens, that says what the table for people says."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from crosstie.cli import COMMANDS, app, json_answer
from crosstie.trust.diagnosis import WORDS

FAST = ("--no-plots", "--no-verdict", "--set", "n_rounds=2", "--set", "n_sketches=1")
VIEWS = ("rna=rna.h5ad", "adt=adt.h5ad")


def refused(constant):
    raise AssertionError(f"{constant} is no JSON")


def parsed(result):
    return json.loads(result.stdout, parse_constant=refused)


@pytest.fixture(scope="module")
def done(files, tmp_path_factory):
    """A run, in a folder with the files that it was made of."""
    folder = tmp_path_factory.mktemp("done")
    words = [f"{name}={files}/{name}.h5ad" for name in ("rna", "adt")]
    made = CliRunner().invoke(app, ["integrate", *words, "--out", str(folder / "run"), *FAST])
    assert made.exit_code == 0, made.output
    return folder


@pytest.fixture
def use(done, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda command, *words: CliRunner().invoke(app, [command, f"{done}/run", *map(str, words), "--json"])


def test_plain_values():
    table = pd.DataFrame({"a": [1.5, np.nan], "b": pd.Categorical(["x", "y"])})
    given = {"t": table, "s": pd.Series({"k": np.inf}), "i": np.int64(3), "f": np.float32(0.5), "b": np.bool_(True)}
    assert json_answer.plain(given | {"n": (None, {1: float("nan")})}) == {
        "t": [{"a": 1.5, "b": "x"}, {"a": None, "b": "y"}],
        "s": {"k": None},
        "i": 3,
        "f": 0.5,
        "b": True,
        "n": [None, {"1": None}],
    }


def test_every_command_offers_it():
    for name in COMMANDS:
        assert "--json" in CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"}).stdout, name


def test_it_is_asked_for_before_the_end_of_options():
    assert json_answer.wanted(["links", "--json", "--", "x"])
    assert not json_answer.wanted(["links", "--", "--json"])


def test_integrate(run, tmp_path):
    result = run("integrate", *VIEWS, "--out", "run", *FAST, "--json")
    said = parsed(result)
    assert (result.exit_code, said["status"]) == (0, 0)
    assert said["out"] == "run"
    assert sorted(os.listdir(tmp_path / "run")) == [path.removeprefix("run/").rstrip("/") for path in said["files"]]
    assert said["files"] == sorted(said["files"])
    scores = pd.read_csv(tmp_path / "run" / "scores.csv")
    np.testing.assert_allclose([row["value"] for row in said["scores"]], scores["value"], rtol=1e-5)
    assert said["views"]["rna"]["n_cells"] == 240
    assert "label accuracy, nearest cell" in result.stderr


def test_links(run, mdata):
    (link,) = parsed(run("links", *VIEWS, "--json"))["links"]
    proteins = {pair["target"] for pair in link["pairs"]} | {row["feature"] for row in link["unlinked"]}
    assert proteins == set(mdata["adt"].var_names)
    assert sum(link["features"].values()) == mdata["adt"].n_vars


def test_diagnose(use, done):
    said = parsed(use("diagnose", "-q"))
    assert said["verdict"] == WORDS[said["level"]]
    assert {"edge", "signal", "value", "expected"} <= set(said["signals"][0])


def test_what_is_taken_from_a_run(use, tmp_path):
    labels = parsed(use("transfer", "rna", "adt", "--label-key", "cell_type", "--out", "labels.csv"))
    written = pd.read_csv(tmp_path / "labels.csv")
    counts = written["label"].value_counts()
    assert {row["label"]: row["n_cells"] for row in labels["levels"][0]["labels"]} == counts.to_dict()
    assert labels["n_cells"] == len(written)
    assert labels["n_novel"] == (written["novelty"] >= 0.3).sum()
    pairs = parsed(use("match", "rna", "adt", "--out", "pairs.csv"))
    assert pairs["n_pairs"] == len(pd.read_csv(tmp_path / "pairs.csv"))
    imputed = parsed(use("impute", "rna", "adt", "--out", "adt.h5ad"))
    assert len(imputed["reliability"]) == imputed["n_features"]
    related = parsed(use("relate", "rna", "adt", "--out", "pairs_of_features.csv", "--no-plots"))
    assert related["n_pairs"] == len(pd.read_csv(tmp_path / "pairs_of_features.csv"))
    scores = parsed(use("evaluate", "--pairs", "true_cell"))["scores"]
    assert {"foscttm", "accuracy"} <= {row["metric"] for row in scores}


def test_map(use, files, tmp_path):
    said = parsed(use("map", files / "rna.h5ad", "--like", "rna", "--out", "m.h5ad", "--label-key", "cell_type"))
    assert (said["n_cells"], said["out"], said["levels"][0]["key"]) == (240, "m.h5ad", "cell_type")


def test_the_list_of_data_sets():
    said = parsed(CliRunner().invoke(app, ["fetch", "--list", "--json"]))
    assert "citeseq_pbmc" in [row["name"] for row in said["datasets"]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["links", "rna=rna.h5ad", "adt=none.h5ad"], "none.h5ad: there is no such file"),
        (["links", "rna=rna.h5ad", "--only"], "--only"),
        (["links"], "NAME=PATH"),
        (["integrate", *VIEWS, "--out", "run", "--set", "n_latents=3"], "Did you mean 'n_latent'?"),
        (["nothing"], "nothing"),
        (["--nothing"], "--nothing"),
    ],
)
def test_errors(run, words, said):
    result = (
        run(*words[:1], *words[1:], "--json")
        if words != ["links", "rna=rna.h5ad", "--only"]
        else run("links", "rna=rna.h5ad", "--json", "--only")
    )
    error = parsed(result)
    assert (result.exit_code, error["status"]) == (2, 2)
    assert said in error["error"]
    assert set(error) == {"status", "error"}


def test_faults_are_said_too(run, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("crosstie.data.read_files.read_features", fail)
    result = run("links", *VIEWS, "--json")
    assert (result.exit_code, parsed(result)["status"]) == (1, 1)
    assert parsed(result)["error"].startswith("ZeroDivisionError")


def test_without_it_nothing_is_given(run):
    plain = run("links", *VIEWS, "-q").stdout
    assert run("links", *VIEWS, "-q", "--json").stderr == plain


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
@pytest.mark.parametrize("words", [["fetch", "--list", "--json"], ["--help"], ["--version"]])
def test_a_closed_pipe_is_no_fault(words):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "crosstie", *words], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert done.returncode == 141
    assert not any(word in done.stderr for word in (b"Traceback", b"Exception", b"error"))


@pytest.mark.skipif(os.name == "nt", reason="shells of POSIX")
def test_streams_that_are_closed_from_the_start():
    command = f"'{sys.executable}' -m crosstie fetch --list 1>&- 2>&-"
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a full disk on Linux")
def test_a_full_disk_is_one_message(tmp_path):
    with open("/dev/full", "w") as full:
        words = [sys.executable, "-m", "crosstie", "fetch", "--list", "--json"]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("crosstie: error: the answer cannot be written to standard output.") == 1
    assert "Traceback" not in done.stderr
