"""Settings in a TOML file: read, written, and beaten by the command line."""

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstie.cli import settings_file
from crosstie.config import Config

VIEWS = ("rna=rna.h5ad", "adt=adt.h5ad")
FILE = """
[inputs]
rna = "../rna.h5ad"
adt = "../adt.h5ad"

[options]
out = "run"
modality = {adt = "protein"}
label-key = "state"
seed = 3
plots = false
verdict = false

[config]
n_rounds = 2
n_sketches = 1
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "settings").mkdir()
    path = tmp_path / "settings" / "settings.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def about(folder):
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def test_a_file_says_all(run, file, tmp_path):
    result = run("integrate", "--config", file)
    assert result.exit_code == 0, result.output
    said = about(file.parent / "run")  # beside the file, not where the command was called
    assert (said["seed"], said["label_key"], said["config"]["n_rounds"]) == (3, "state", 2)
    assert said["views"]["adt"]["modality"] == "protein"
    assert Path(said["inputs"]["rna"]["path"]) == (tmp_path / "rna.h5ad").resolve()


def test_the_command_line_wins(run, file, tmp_path):
    words = ("--out", "other", "--seed", 4, "--label-key", "cell_type", "--set", "n_rounds=1", "rna=rna.h5ad")
    result = run("integrate", "--config", file, *words, "adt=adt.h5ad")
    assert result.exit_code == 0, result.output
    said = about(tmp_path / "other")
    assert (said["seed"], said["label_key"]) == (4, "cell_type")
    assert (said["config"]["n_rounds"], said["config"]["n_sketches"]) == (1, 1)
    assert not (file.parent / "run").exists()


def test_what_is_in_use_can_be_written_and_read(run, tmp_path):
    words = ("--out", "run", "--paired", "rna,adt", "--slot", "rna=X", "--preset", "trained", "--set", "betas=0.8,0.9")
    written = run("integrate", *VIEWS, *words, "--names", "adt=names", "--write-config", "new.toml")
    assert written.exit_code == 0, written.output
    assert not (tmp_path / "run").exists()
    found = tomllib.loads((tmp_path / "new.toml").read_text(encoding="utf-8"))
    assert found["inputs"] == {"rna": "rna.h5ad", "adt": "adt.h5ad"}
    assert settings_file.make_config("default", tmp_path / "new.toml", None) == Config(
        training="full", betas=(0.8, 0.9)
    )
    again = run("integrate", "--config", "new.toml", "--write-config", "newer.toml")
    assert again.exit_code == 0, again.output
    assert (tmp_path / "newer.toml").read_text() == (tmp_path / "new.toml").read_text()
    assert run("integrate", "--config", "new.toml", "--write-config", "new.toml").exit_code == 2  # it exists


def test_one_file_of_all_views(run, tmp_path):
    assert run("integrate", "both.h5mu", "--out", "run", "--write-config", "new.toml").exit_code == 0
    assert settings_file.defaults_of(tmp_path / "new.toml")["views"] == [str(tmp_path / "both.h5mu")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[options]\nlable-key = 'x'\nsede = 1\n",
            ["2 unknown keys", "did you mean label-key or panel-key?", "did you mean seed?"],
        ),
        ("[option]\n", ["1 unknown key.", "did you mean options?"]),
        ("[config]\nn_latnet = 1\n", ["did you mean n_latent"]),
        ("[config]\nseed = 1\n", ["[config] seed: it belongs in [options]"]),
        ("n_latent = 1\n", ["n_latent: it belongs in [config]"]),
        ("[options]\nseed = 'one'\n", ["[options] seed is of the wrong kind", "'one'", "whole number"]),
        ("[options]\nplots = 1\n", ["plots is of the wrong kind", "true or false"]),
        ("[options]\nslot = {rna = 1}\n", ["slot is of the wrong kind"]),
        ("[options]\nout = 5\n", ["a path, as text"]),
        ("[config]\nn_latent = 0\n", ["n_latent is out of its range"]),
        ("inputs = 3\n", ["inputs is neither a section nor a file"]),
        ("options = 3\n", ["options is not a section"]),
        ("[options\n", ["cannot be read", "a TOML file"]),
    ],
)
def test_wrong_files(run, tmp_path, text, said):
    (tmp_path / "wrong.toml").write_text(text, encoding="utf-8")
    result = run("integrate", *VIEWS, "--out", "run", "--config", "wrong.toml", "-q")
    assert result.exit_code == 2
    assert result.stderr.count("error:") == 1
    for words in said:
        assert words in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_file_that_is_not_there(run):
    result = run("integrate", "--config", "none.toml")
    assert (result.exit_code, "none.toml: there is no such file" in result.stderr) == (2, True)


text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
values = st.one_of(text, st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))


@given(st.fixed_dictionaries({"s": st.dictionaries(text, st.one_of(values, st.lists(text)))}), text)
def test_what_is_written_is_toml(sections, alone):
    found = {"inputs": alone, **sections}
    assert tomllib.loads(settings_file.as_toml(found)) == found


def test_settings_larger_than_any_are_not_read(run, tmp_path):
    for name in ("x.toml", "x.json"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(2**33)  # no blocks are taken
        result = run("integrate", *VIEWS, "--out", "run", "--config", tmp_path / name, "-q")
        assert result.exit_code == 2
        assert "too large for settings" in result.stderr
