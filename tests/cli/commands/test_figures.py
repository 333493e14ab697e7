"""`crosstie figures`: the pictures of a run at the size of print."""

import json
import re

import pytest
from typer.testing import CliRunner

from crosstie.cli import app


def run(*words):
    return CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture(scope="module")
def folder(files, tmp_path_factory):
    out = tmp_path_factory.mktemp("figures") / "run"
    words = (f"rna={files}/rna.h5ad", f"adt={files}/adt.h5ad", "--out", out, "--no-plots", "--no-verdict", "-q")
    result = run("integrate", *words, "--set", "n_rounds=2", "--set", "n_sketches=1")
    assert result.exit_code == 0, result.output
    return out


@pytest.mark.parametrize(("ending", "width"), [("pdf", "single"), ("svg", "120")])
def test_every_picture_is_drawn_for_print(folder, tmp_path, ending, width):
    before = {p.name for p in folder.iterdir()}
    result = run("figures", folder, "--out", tmp_path / "out", "--format", ending, "--width", width, "--json")
    assert result.exit_code == 0, result.output
    named = {p.name for p in (tmp_path / "out").iterdir()}
    assert {p.rsplit("/", 1)[1] for p in json.loads(result.stdout)["files"]} == named
    maps = {"umap_view", "umap_label", "umap_label_by_view", "umap_novelty"}
    expected = maps | {"linked_rna_to_adt", "confusion_rna_to_adt", "confusion_adt_to_rna"}
    assert named == {f"{name}.{ending}" for name in expected}
    if ending == "svg":
        text = (tmp_path / "out" / "umap_label.svg").read_text()
        assert float(re.search(r'width="([0-9.]+)pt"', text)[1]) / 72 * 25.4 == pytest.approx(120, abs=0.5)
    assert {p.name for p in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere", "--out", "{1}/new"), "nowhere is not the folder of a run"),
        (("{0}", "--out", "{0}"), "--out"),
        (("{0}", "--out", "{1}"), "is there already"),
        (("{0}", "--out", "{1}/no/new"), "no folder"),
        (("{0}", "--out", "{1}/new", "--format", "tiff"), "--format: unknown name 'tiff'"),
        (("{0}", "--out", "{1}/new", "--width", "wide"), "expected: single, double, or 30 to 400"),
        (("{0}", "--out", "{1}/new", "--width", "nan"), "expected: single, double, or 30 to 400"),
    ],
)
def test_wrong_words(folder, tmp_path, words, said):
    (tmp_path / "full").touch()
    result = run("figures", *(word.format(folder, tmp_path) for word in words))
    assert result.exit_code == 2
    assert said in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["full"]
