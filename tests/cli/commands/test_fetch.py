"""`crosstie fetch`, end to end on small files of the public layouts."""

from __future__ import annotations

import subprocess
import sys

import mudata as md
import pytest

from crosstie.datasets.public.registry import DATASETS
from made_files import public_files


def test_list(crosstie, server):
    for words in ((), ("--list",)):
        result = crosstie("fetch", *words)
        assert result.exit_code == 0
        assert all(name in result.stdout for name in DATASETS)
        assert "CC BY 4.0" in result.stdout
    assert server.requests == []


def test_fetch_writes_the_views(crosstie, cite, tmp_path):
    result = crosstie("fetch", "citeseq_pbmc", "--where", "donor=P1", "--out", "p1.h5mu")
    assert result.exit_code == 0, result.stderr
    assert "p1.h5mu" in result.stdout
    mdata = md.read_h5mu(tmp_path / "p1.h5mu")
    want = cite["rna"].obs
    assert mdata["adt"].n_obs == (want["donor"] == "P1").sum()
    assert set(mdata["adt"].obs["cell_type"]) <= set(want["celltype.l1"])
    assert not list(tmp_path.glob(".*part*"))


def test_what_fetch_writes_can_be_integrated(crosstie, cite):
    crosstie("fetch", "citeseq_pbmc", "--out", "all.h5mu")
    result = crosstie("links", "all.h5mu")
    assert result.exit_code == 0, result.stderr
    assert "independent links" in result.stdout


def test_progress_is_said_in_lines(crosstie, cite, server, monkeypatch):
    monkeypatch.setattr("crosstie.datasets.download.progress_bar.LEAST_SAID", 1000)
    result = crosstie("fetch", "citeseq_pbmc")
    assert f"downloading {server.url}/GSM5008737_RNA_3P-matrix.mtx.gz" in result.stderr
    assert " of " in result.stderr
    quiet = crosstie("fetch", "citeseq_pbmc", "--quiet")
    assert quiet.stderr == ""


def test_files_at_hand(crosstie, server, tmp_path):
    files, _ = public_files.tenx()
    (tmp_path / "here").mkdir()
    for name, body in files.items():
        (tmp_path / "here" / name).write_bytes(body)
    result = crosstie("fetch", "pbmc_10k_protein_v3", "--from", "here")
    assert result.exit_code == 0, result.stderr
    assert "no labels" in result.stdout
    assert server.requests == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fetch", "citeseq"], "Did you mean 'citeseq_pbmc'"),
        (["fetch", "citeseq_pbmc", "--out", "x.h5ad"], "FILE.h5mu"),
        (["fetch", "citeseq_pbmc", "--out", "no/where.h5mu"], "no folder"),
        (["fetch", "citeseq_pbmc", "--where", "P1"], "COLUMN=VALUE"),
        (["fetch", "citeseq_pbmc", "--from", "nowhere"], "no such folder"),
    ],
)
def test_wrong_words(crosstie, server, words, said):
    result = crosstie(*words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert server.requests == []


def test_a_fault_is_one_message_in_the_words_of_the_command_and_a_retry_completes(crosstie, cite, server, tmp_path):
    name = "GSM5008738_ADT_3P-matrix.mtx.gz"
    server.faults[name] = ["404"]
    result = crosstie("fetch", "citeseq_pbmc", "--out", "x.h5mu")
    assert result.exit_code == 2
    assert "there is no such file" in result.stderr
    assert "--from FOLDER" in result.stderr
    assert "source=" not in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "x.h5mu").exists()
    assert crosstie("fetch", "citeseq_pbmc", "--out", "x.h5mu").exit_code == 0


def test_the_command_line_as_a_process(cite, server, tmp_path):
    """As users run it: nothing of the test's process helps."""
    command = [sys.executable, "-m", "crosstie", "fetch", "citeseq_pbmc", "--cache", str(tmp_path), "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "citeseq_pbmc" in done.stdout
