"""`crosstie reproduce seed`, end to end on small files of the public layouts."""

from __future__ import annotations

import pandas as pd
import pytest

from crosstie.cli import scmodal_study as study
from made_files import public_files


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


@pytest.mark.parametrize(
    ("words", "said"),
    [
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
