"""`crosstie fetch` and `crosstie reproduce seed`, end to end on small files of the public layouts."""

from __future__ import annotations

import subprocess
import sys

import mudata as md
import pandas as pd
import pytest

from crosstie.cli import scmodal_study as study
from crosstie.datasets.public.registry import DATASETS
from made_files import public_files


@pytest.fixture
def cite(server):
    files, views = public_files.citeseq_pbmc(n_cells=300)
    server.files |= files
    return views


@pytest.fixture
def tea(server):
    files, views = public_files.teaseq("teaseq_pbmc_w3", n_cells=150)
    server.files |= files
    return views


@pytest.fixture
def crosstie(run, tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSTIE_CACHE", str(tmp_path / "cache"))
    return run


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
        (["reproduce", "sed"], "Did you mean 'seed'"),
        (["reproduce", "seed", "--teaseq", "tea"], "unknown name 'tea'"),
        (["reproduce", "seed", "--out", "no/where.csv"], "no folder"),
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


# ---- reproduce ------------------------------------------------------------------------------------------------------


def test_reproduce_from_end_to_end_with_faults(crosstie, cite, tea, server, tmp_path):
    server.faults["GSM5008737_RNA_3P-matrix.mtx.gz"] = ["cut", "503"]
    result = crosstie("reproduce", "seed", "--out", "seed.csv", "--cells", "140")
    assert result.exit_code == 0, result.stderr
    for experiment in (study.TABLE, study.LEARNED, study.TRIMODAL, study.CONTROL):
        assert experiment in result.stdout
    for figure in (".9782", ".8096", ".0436", "VOID .9796", "VOID .00092", "≥ .9796"):
        assert figure in result.stdout
    table = pd.read_csv(tmp_path / "seed.csv")
    assert table["value"].notna().all()
    assert set(table.loc[table["void"].notna(), "published"]) == {".9796", ".00092"}
    assert (table.loc[table["experiment"] == study.LEARNED, "void"].notna().sum()) == 2
    assert (table["n_cells"] <= 140).all()
    control = table[table["experiment"] == study.CONTROL].set_index("score")["value"]
    assert control["level 2, copy → adt"] >= 0.9796
    assert control["FOSCTTM"] <= 0.00092
    cite_scores = table[table["experiment"] == study.TABLE].set_index("score")["value"]
    assert cite_scores["level 1, adt → rna"].min() > 0.6
    assert "the same" in result.stderr, "the control is seen for what it is"


def test_reproduce_is_the_same_twice(crosstie, cite, tea, tmp_path):
    for name in ("a.csv", "b.csv"):
        assert crosstie("reproduce", "seed", "--out", name, "--cells", "100", "-q").exit_code == 0
    a, b = (pd.read_csv(tmp_path / name).drop(columns="seconds") for name in ("a.csv", "b.csv"))
    pd.testing.assert_frame_equal(a, b)


def test_reproduce_without_labels_of_teaseq(crosstie, cite, server, tmp_path):
    files, _ = public_files.teaseq("teaseq_pbmc", n_cells=100)
    (tmp_path / "here").mkdir()
    for name, body in files.items():
        (tmp_path / "here" / name).write_bytes(body)
    result = crosstie("reproduce", "seed", "--from", "here", "--cells", "100", "--out", "seed.csv")
    assert result.exit_code == 0, result.stderr
    assert f"{study.TRIMODAL}: teaseq_pbmc" in result.stdout
    assert "no labels" in result.stdout
    table = pd.read_csv(tmp_path / "seed.csv")
    tri = table[table["experiment"] == study.TRIMODAL].set_index("score")
    assert tri.loc["cell types, atac → adt", "value"].isna().all()
    assert tri["value"].notna().sum() == 3


def test_reproduce_takes_the_sample_of_the_study_where_it_has_labels(crosstie, cite, tmp_path):
    files, views = public_files.teaseq("teaseq_pbmc", n_cells=100)
    labels = public_files.own_labels(views, public_files.barcodes(100, seed=2))
    (tmp_path / "here").mkdir()
    for name, body in (files | {"teaseq_pbmc_labels.csv": labels}).items():
        (tmp_path / "here" / name).write_bytes(body)
    result = crosstie("reproduce", "seed", "--from", "here", "--cells", "100")
    assert result.exit_code == 0, result.stderr
    assert f"{study.TRIMODAL}: teaseq_pbmc (" in result.stdout
    assert "no labels" not in result.stdout


def test_hidden_views_tell_nothing(cite, server):
    task = study.hide(cite, {"level 1": cite["rna"].obs["celltype.l1"].to_numpy()}, seed=0)
    for view, adata in task.views.items():
        assert list(adata.obs.columns) == []
        assert sorted(task.cell[view]) == list(range(adata.n_obs))
        assert (cite[view].X[task.cell[view]] != adata.X).nnz == 0
    assert (task.cell["rna"] != task.cell["adt"]).mean() > 0.9
    assert not set(task.views["rna"].obs_names) & set(task.views["adt"].obs_names)


def test_the_command_line_as_a_process(cite, server, tmp_path):
    """As users run it: nothing of the test's process helps."""
    command = [sys.executable, "-m", "crosstie", "fetch", "citeseq_pbmc", "--cache", str(tmp_path), "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "citeseq_pbmc" in done.stdout
