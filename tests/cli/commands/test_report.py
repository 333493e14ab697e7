"""`crosstie report`: where it writes, and what it says to wrong words. What is in the page: tests/report."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from crosstie.cli import app


def run(*words):
    return CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture(scope="module")
def folder(files, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "run"
    words = (f"rna={files}/rna.h5ad", f"adt={files}/adt.h5ad", "--out", out, "--no-plots", "--no-verdict", "-q")
    result = run("integrate", *words, "--set", "n_rounds=2", "--set", "n_sketches=1")
    assert result.exit_code == 0, result.output
    return out


def test_without_pictures_there_is_no_report_until_it_is_asked_for(folder):
    assert not (folder / "report.html").exists()
    result = run("report", folder, "--no-verdict")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{folder / 'report.html'}: 0.")
    assert "writing the report" in result.stderr
    assert "Not judged" in (folder / "report.html").read_text()


def test_verdict_is_made_where_there_is_none(folder, tmp_path):
    assert run("report", folder, "--out", tmp_path / "page.html", "-q").exit_code == 0
    assert {p.name for p in tmp_path.iterdir()} == {"page.html"}
    assert "Not judged" not in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "nowhere is not the folder of a run.\n  found: no such folder"),
        (("{0}/model",), "found: no run.json in it\n  Integrate the views first"),
        (("{0}", "--out", "{0}/report.pdf"), "expected: '.html'"),
        (("{0}", "--out", "{0}/no/report.html"), "cannot be written"),
    ],
)
def test_wrong_words(folder, words, said):
    result = run("report", *(word.format(folder) for word in words))
    assert result.exit_code == 2
    assert said in result.stderr


def test_damaged_run(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "run")
    for text, said in (("{", "is damaged"), (json.dumps([1]), "expected: a JSON object")):
        (tmp_path / "run" / "run.json").write_text(text)
        result = run("report", tmp_path / "run")
        assert result.exit_code == 2
        assert said in result.stderr
