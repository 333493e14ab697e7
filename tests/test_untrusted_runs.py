"""Subject: run folders and settings of others. They run no code, lead nowhere, crash nothing: exit 2, one sentence."""

import json
import os
import shutil

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import crosstie as xt
from crosstie._mudata import views_as_they_are
from crosstie.cli import app

FAST = ("--no-verdict", "--no-plots", "--set", "n_rounds=2", "--set", "n_sketches=1", "-q")


def call(*words, env=None):
    return CliRunner().invoke(app, list(map(str, words)), env=env)


def refused(result, *said):
    assert result.exit_code == 2, (result.output, result.exception)
    assert "bug in crosstie" not in result.stderr
    for words in said:
        assert words in result.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run with all its tables, and its inputs."""
    folder = tmp_path_factory.mktemp("made")
    mdata = xt.datasets.simulate_citeseq(n_cells=120, n_genes=200, n_proteins=30, seed=1)
    for name, adata in mdata.mod.items():
        adata.write_h5ad(folder / f"{name}.h5ad")
    done = call("integrate", f"rna={folder}/rna.h5ad", f"adt={folder}/adt.h5ad", "--out", folder / "run", *FAST)
    assert done.exit_code == 0, done.output
    assert call("report", folder / "run", "--verdict", "-q", "--max-cells", 60).exit_code == 0
    model = xt.Model.load(folder / "run" / "model")
    parts = [
        pd.DataFrame({"view": name, "row": range(len(obs)), "cell": obs.index, "umap_1": 0.5, "umap_2": 1.0})
        for name, obs in model.obs.items()
    ]
    pd.concat(parts).to_csv(folder / "run" / "umap.csv", index=False)
    signals = {"edge": ["rna -> adt"], "signal": ["agreement"], "value": [0.5], "expected": ["above .1"], "ok": [True]}
    pd.DataFrame(signals).to_csv(folder / "run" / "diagnosis.csv", index=False)
    return folder


@pytest.fixture
def run(made, tmp_path):
    shutil.copytree(made / "run", tmp_path / "run")
    return tmp_path / "run"


def report(run):
    return call("report", run, "--no-verdict", "-q")


def change_about(run, **changes):
    about = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(about | changes))


# ---- settings name no scheduler ------------------------------------------------------------------------------------


@pytest.mark.parametrize("section", ["[options]\n", "[config]\n", ""])
def test_a_file_cannot_name_a_scheduler(made, tmp_path, section):
    (tmp_path / "x.toml").write_text(f'{section}scheduler = "tcp://127.0.0.1:9"\n')
    views = f"rna={made}/rna.h5ad", f"adt={made}/adt.h5ad"
    result = call("integrate", *views, "--out", tmp_path / "out", "--config", tmp_path / "x.toml", *FAST)
    refused(result, "a file cannot name a scheduler", "CROSSTIE_SCHEDULER")


def test_run_json_cannot_name_a_scheduler(run, tmp_path):
    settings = json.loads((run / "run.json").read_text())["settings"]
    settings["options"]["scheduler"] = "tcp://127.0.0.1:9"
    change_about(run, settings=settings)
    refused(call("rerun", run, "--out", tmp_path / "again", "-q"), "a file cannot name a scheduler")


def test_the_environment_can(made, tmp_path):
    pytest.importorskip("distributed")
    views = f"rna={made}/rna.h5ad", f"adt={made}/adt.h5ad"
    env = {"CROSSTIE_SCHEDULER": "nonsense://x"}
    refused(call("integrate", *views, "--out", tmp_path / "out", *FAST, env=env), "no dask scheduler answers")


# ---- entries of a run folder ---------------------------------------------------------------------------------------

ENTRIES = (
    "run.json", "integrated.h5mu", "scores.csv", "umap.csv", "matches.csv", "diagnosis.csv", "labels_rna_to_adt.csv",
    "links_0.h5ad", "model/obs_0.csv", "model/weights.safetensors", "model/model.json",
)  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="links and pipes of POSIX")
@pytest.mark.parametrize("kind", ["link", "dangling", "zero", "pipe"])
@pytest.mark.parametrize("name", ENTRIES)
def test_only_regular_files_inside_are_read(run, tmp_path, name, kind):
    path = run / name
    if kind == "link":
        moved = tmp_path / "outside"
        (path.rename if path.exists() else moved.touch)(*([moved] if path.exists() else []))
        path.symlink_to(moved)
    elif kind == "pipe":
        path.unlink(missing_ok=True)
        os.mkfifo(path)
    else:
        path.unlink(missing_ok=True)
        path.symlink_to("/dev/zero" if kind == "zero" else "nowhere")
    refused(report(run), "cannot be used", "a pipe" if kind == "pipe" else "a symbolic link")


def test_the_model_is_inside(run, tmp_path):
    (run / "model").rename(tmp_path / "elsewhere")
    (run / "model").symlink_to(tmp_path / "elsewhere")
    refused(report(run), "a symbolic link")


def test_large_tables_are_refused(run):
    with (run / "run.json").open("ab") as file:
        file.truncate(2**26 + 1)
    refused(report(run), "is too large")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="sparse files of POSIX")
@pytest.mark.parametrize("name", ["model/weights.safetensors", "integrated.h5mu", "links_0.h5ad"])
def test_arrays_larger_than_cells_and_features_can_need_are_refused_unread(run, name):
    with (run / name).open("ab") as file:
        file.truncate(2**40)  # no blocks are taken
    refused(report(run), f"{name.rpartition('/')[2]} is too large", f"{2**40:,} bytes")


# ---- data that are not those of the model --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "change", "said"),
    [
        ("rna", lambda a: a[:70], "other cells"),
        ("rna", lambda a: a[::-1], "other cells"),
        ("adt", lambda a: a[:, ::-1], "other features"),
    ],
)
@pytest.mark.parametrize("matrices", [True, False])
def test_other_cells_or_features(run, view, change, said, matrices):
    with views_as_they_are():
        views = dict(md.read_h5mu(run / "integrated.h5mu").mod)
        views[view] = change(views[view]).copy()
        if not matrices:
            views = {name: ad.AnnData(obs=a.obs, var=a.var) for name, a in views.items()}
        md.MuData(views).write_h5mu(run / "integrated.h5mu")
    if matrices or said == "other cells":
        refused(report(run), f"view '{view}' has {said}")


@pytest.mark.parametrize(("row", "value"), [(0, -5), (0, 1.5), (1, 0), (0, 10**12), (0, "nan")])
def test_wrong_rows_of_the_map(run, row, value):
    from crosstie.runs.joint_map import plane_of_table

    table = pd.read_csv(run / "umap.csv")
    model = xt.Model.load(run / "model")
    assert plane_of_table(table, model) is not None
    table["row"] = table["row"].astype(float)
    table.loc[row, "row"] = float(value)
    assert plane_of_table(table, model) is None


def test_unknown_cells_among_the_matches(run):
    table = pd.read_csv(run / "matches.csv")
    table.loc[0, "target"] = "nobody"
    table.to_csv(run / "matches.csv", index=False)
    refused(report(run), "unknown cells of view", "nobody")


# ---- damaged tables, and wrong kinds in run.json -------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'a,b\n"1', b"a\n1,2,3\n4,5\n", b"", b"x,y\n1,2\n", b"\x00" * 40])
@pytest.mark.parametrize(
    "name", ["scores.csv", "umap.csv", "matches.csv", "diagnosis.csv", "labels_rna_to_adt.csv", "model/obs_0.csv"]
)
def test_damaged_tables(run, name, content):
    (run / name).write_bytes(content)
    refused(report(run), name.rpartition("/")[2])


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("scores.csv", "value"), ("umap.csv", "row"), ("matches.csv", "weight"), ("diagnosis.csv", "ok"),
        ("labels_rna_to_adt.csv", "confidence"),
    ],
)  # fmt: skip
def test_words_in_place_of_numbers(run, name, column):
    table = pd.read_csv(run / name, dtype=str)
    table[column] = "word"
    table.to_csv(run / name, index=False)
    refused(report(run), name, column)


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": 1}, {"verdict": {"level": [], "reasons": []}}, {"verdict": {"level": "ok", "reasons": [1]}},
        {"verdict": {"level": "ok", "reasons": [], "findings": [{"about": "rna", "id": 5}]}},
        {"label_key": 5}, {"label_key": ["a"]}, {"inputs": []}, {"inputs": {"rna": 1}},
        {"inputs": {"rna": {"path": 1}}},
        {"inputs": {"rna": {"path": "x", "n_bytes": "y"}}}, {"command": 1}, {"command": [1]}, {"versions": []},
        {"seed": "x"}, {"seconds": []}, {"platform": 1}, {"crosstie": {}},
    ],
)  # fmt: skip
def test_wrong_kinds_in_run_json(run, changes):
    change_about(run, **changes)
    refused(report(run), "run.json is damaged", next(iter(changes)))


# ---- rerun ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s["inputs"].update({"../../x": s["inputs"]["rna"]}), "cannot be used in file names"),
        (lambda s: s["inputs"].update(rna="/etc/hostname"), "names two files for 'rna'"),
        (lambda s: s["inputs"].update(rna=5), "do not name the file of each view"),
        (lambda s: s["options"].update(links="/etc/hostname"), "names two files for 'links'"),
        (lambda s: s["options"].update(seed="x"), "wrong kind"),
        (lambda s: s["options"].update(nonsense=1), "wrong kind"),
        (lambda s: s.pop("options"), "lack options or config"),
        (lambda s: s["config"].update(n_latent="x"), "n_latent"),
        (lambda s: s.update(demo={"n_cells": "x"}), "how to repeat the demo"),
    ],
)
def test_settings_of_a_rerun(run, tmp_path, change, said):
    settings = json.loads((run / "run.json").read_text())["settings"]
    change(settings)
    change_about(run, settings=settings)
    refused(call("rerun", run, "--out", tmp_path / "again", "-q", "--changed-inputs"), said)
    assert not (tmp_path / "again").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
@pytest.mark.parametrize("kind", ["pipe", "/dev/zero", "folder"])
def test_a_rerun_opens_files_only(run, tmp_path, kind):
    path = tmp_path / "odd" if kind != "/dev/zero" else "/dev/zero"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    about = json.loads((run / "run.json").read_text())
    about["settings"]["inputs"]["rna"] = about["inputs"]["rna"]["path"] = str(path)
    change_about(run, **about)
    refused(
        call("rerun", run, "--out", tmp_path / "again", "-q", "--changed-inputs"),
        "a file, or a folder that crosstie reads",
    )


@pytest.mark.parametrize("name", ["umap.csv", "model/obs_0.csv"])
def test_a_table_of_very_many_columns_is_refused_at_once(run, name):
    (run / name).write_text(",".join(f"c{i}" for i in range(200_000)) + "\n")
    refused(report(run), f"{name} is damaged", "200,000 columns")


# ---- names on the terminal -----------------------------------------------------------------------------------------


def test_names_do_not_reach_the_terminal(made, tmp_path):
    adata = ad.read_h5ad(made / "adt.h5ad")
    names = adata.var_names.to_list()
    names[0] = names[0] + "\x1b]52;c;eA==\x07\ncrosstie: done"
    adata.var_names = names
    adata.obs["cell_type"] = np.where(np.arange(adata.n_obs) % 2, "T\x1b[2J", "B\u202e\nforged")
    adata.write_h5ad(tmp_path / "adt.h5ad")
    views = f"rna={made}/rna.h5ad", f"adt={tmp_path}/adt.h5ad"
    results = [call("links", *views), call("integrate", *views, "--out", tmp_path / "out", *FAST)]
    words = "--label-key", "cell_type", "--out", tmp_path / "x.csv"
    results.append(call("transfer", tmp_path / "out", "adt", "rna", *words))
    for result in results:
        for sign in ("\x1b", "\x07", "\u202e", "\nforged", "\ncrosstie: done"):
            assert sign not in result.output, result.output
    assert "T\\x1b[2J" in results[2].output, results[2].output
