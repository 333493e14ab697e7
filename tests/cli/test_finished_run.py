"""What is done with a finished run: files that hold what Python gives, and one message where the words are wrong."""

import re
import shutil
from dataclasses import replace

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData
from typer.testing import CliRunner

import crosstie as xt
from crosstie.cli import app
from crosstie.cli.commands.relate import _pictures

N_FITTED = 200  # of 240 cells of RNA; the others are the query
SLOT = {"rna": "layers/counts", "adt": "X"}
LEVELS = ["cell_type", "state"]
KEYS = ("--label-key", "cell_type", "--label-key", "state")


@pytest.fixture(scope="module")
def views(mdata):
    """The views of the run; the counts of RNA are in a layer, and X is of no use."""
    rna = mdata["rna"].copy()
    rna.layers["counts"], rna.X = rna.X, sp.csr_matrix(rna.shape, dtype=np.float32)
    return {"rna": rna[:N_FITTED].copy(), "adt": mdata["adt"].copy(), "query": rna[N_FITTED:].copy()}


@pytest.fixture(scope="module")
def folder(views, tmp_path_factory):
    """A run, beside the files that it was made of."""
    out = tmp_path_factory.mktemp("after")
    for name, adata in views.items():
        adata.write_h5ad(out / f"{name}.h5ad")
    words = [f"rna={out}/rna.h5ad", f"adt={out}/adt.h5ad", "--slot", "rna=layers/counts", "--out", out / "run"]
    fast = ["--no-plots", "--no-verdict", "--set", "n_rounds=2", "--set", "n_sketches=1"]
    done = CliRunner().invoke(app, list(map(str, ["integrate", *words, *fast])))
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture(scope="module")
def model(views):
    """The same in Python, with its data."""
    config = replace(xt.Config(), n_rounds=2, n_sketches=1)
    return xt.Model({name: views[name] for name in SLOT}, slot=SLOT, config=config).fit(seed=0)


@pytest.fixture
def use(folder, tmp_path, monkeypatch):
    """Run a command on the run, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def used(command, *words, run=folder / "run"):
        return CliRunner().invoke(app, list(map(str, [command, run, *words])))

    return used


def names(folder):
    return {p.name for p in folder.iterdir()}


def assert_refused(result, folder, said, left=frozenset()):
    """One message, no traceback, nothing written."""
    text = " ".join(result.stderr.split())  # usage errors stand in a box
    assert (result.exit_code, said in text) == (2, True), result.output
    assert "Traceback" not in result.output
    assert result.stderr.count("error:") + result.stderr.count("─ Error ─") == 1
    assert names(folder) == set(left)


# ---- transfer -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (KEYS[:2], {"key": "cell_type"}),
        ((*KEYS, "--abstain-at", 0.9, "--k", 20), {"key": LEVELS, "abstain_at": 0.9, "k": 20}),
    ],
)
def test_transfer(use, model, tmp_path, words, options):
    result = use("transfer", "rna", "adt", *words, "--out", "labels.csv")
    assert result.exit_code == 0, result.output
    assert names(tmp_path) == {"labels.csv"}
    expected = xt.tl.transfer_labels(model, "rna", "adt", **options)
    written = pd.read_csv(tmp_path / "labels.csv", index_col="cell")
    pd.testing.assert_frame_equal(written, expected.astype({c: object for c in expected if "label" in c}), rtol=1e-3,
                                  check_names=False, check_dtype=False)  # fmt: skip
    assert ("(no label)" in result.stdout) == bool(expected["label"].isna().sum()) == ("abstain_at" in options)
    assert "adt: cell_type, from rna" in result.stdout
    assert result.stdout.endswith("labels.csv: 240 cells of adt\n")


def test_transfer_is_what_integrate_wrote(use, folder, tmp_path):
    assert use("transfer", "adt", "rna", *KEYS[:2], "--out", "labels.csv").exit_code == 0
    assert (tmp_path / "labels.csv").read_text() == (folder / "run" / "labels_adt_to_rna.csv").read_text()


# ---- impute ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pair", "words", "options"),
    [
        (("rna", "adt"), (), {}),
        (("adt", "rna"), ("--method", "both", "--k", 15, "--scaled"), {"method": "both", "k": 15, "scaled": True}),
    ],
)
def test_impute(use, model, tmp_path, pair, words, options):
    result = use("impute", *pair, *words, "--out", "imputed.h5ad")
    assert result.exit_code == 0, result.output
    assert names(tmp_path) == {"imputed.h5ad"}
    expected, written = xt.tl.impute(model, *pair, **options), ad.read_h5ad("imputed.h5ad")
    np.testing.assert_allclose(written.X, expected.X, rtol=1e-5, atol=1e-6)
    assert list(written.obs_names) == list(expected.obs_names)
    assert list(written.obs["state"]) == list(model.obs[pair[0]]["state"])
    np.testing.assert_allclose(written.var["reliability"], expected.var["reliability"], rtol=1e-5)
    assert f"{pair[1]} in the cells of {pair[0]}" in result.stdout


def test_regression_needs_no_data(use, model, folder, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(folder / "run" / "model", moved / "model")
    shutil.copy(folder / "run" / "run.json", moved)
    result = use("impute", "rna", "adt", "--method", "regression", "--out", "imputed.h5ad", run=moved)
    assert result.exit_code == 0, result.output
    expected = xt.tl.impute(model, "rna", "adt", method="regression")
    np.testing.assert_allclose(ad.read_h5ad("imputed.h5ad").X, expected.X, rtol=1e-4, atol=1e-5)
    for words in (("impute", "rna", "adt", "--out", "x.h5ad"), ("relate", "rna", "adt", "--out", "x.csv")):
        assert_refused(use(*words, run=moved), tmp_path, "lacks integrated.h5mu", left={"moved", "imputed.h5ad"})


@pytest.mark.filterwarnings("ignore:var_names are not unique")
def test_the_data_must_be_those_of_the_run(use, folder, views, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(folder / "run", moved)
    md.MuData({"rna": views["rna"][:50].copy(), "adt": views["adt"]}).write_h5mu(moved / "integrated.h5mu")
    assert_refused(use("impute", "rna", "adt", "--out", "x.h5ad", run=moved), tmp_path, "other cells", left={"moved"})
    (moved / "integrated.h5mu").write_bytes(b"x")
    result = use("relate", "rna", "adt", "--out", "x.csv", run=moved)
    assert_refused(result, tmp_path, "integrated.h5mu cannot be read", left={"moved"})


# ---- match ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["one-to-one", "many-to-one"])
def test_match(use, model, tmp_path, how):
    result = use("match", "adt", "rna", "--how", how, "--out", "matches.csv")
    assert result.exit_code == 0, result.output
    assert names(tmp_path) == {"matches.csv"}
    expected = xt.tl.match_cells(model, "adt", "rna", how=how)
    written = pd.read_csv("matches.csv")
    assert list(written.columns) == ["source_view", "target_view", "source", "target", "weight"]
    assert list(written["source"]) == list(model.obs["adt"].index[expected.source])
    assert list(written["target"]) == list(model.obs["rna"].index[expected.target])
    np.testing.assert_allclose(written["weight"], expected.weight, rtol=1e-3)
    assert f"{len(expected.source)} pairs, {how}" in result.stdout


# ---- map ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mapped(model, views):
    return model.extend(views["query"], like="rna", name="new")


def test_map(use, folder, model, mapped, views, tmp_path):
    before = {p: p.stat().st_mtime_ns for p in (folder / "run").rglob("*")}
    words = (folder / "query.h5ad", "--like", "rna", "--name", "new", *KEYS, "--from", "adt", "--out", "mapped.h5ad")
    result = use("map", *words)
    assert result.exit_code == 0, result.output
    assert names(tmp_path) == {"mapped.h5ad"}
    assert before == {p: p.stat().st_mtime_ns for p in (folder / "run").rglob("*")}
    written, labels = ad.read_h5ad("mapped.h5ad"), xt.tl.transfer_labels(mapped, "adt", "new", key=LEVELS)
    np.testing.assert_allclose(written.obsm["X_crosstie"], mapped.latents["new"], atol=1e-5)
    assert (written.layers["counts"] != views["query"].layers["counts"]).nnz == 0
    assert list(written.obs["state_from_adt"]) == list(labels["label"])
    assert list(written.obs["cell_type_from_adt"]) == list(labels["label_cell_type"])
    for column, expected in (
        ("cell_type_from_adt_confidence", "confidence_cell_type"),
        ("state_from_adt_confidence", "confidence"),
        ("state_from_adt_novelty", "novelty"),
    ):
        np.testing.assert_allclose(written.obs[column], labels[expected], atol=1e-4)
    assert "new: state, from adt" in result.stdout
    assert "missing" not in result.stderr


def test_map_says_what_is_missing(use, model, views, tmp_path):
    query = views["query"][:, 10:].copy()
    query.write_h5ad(tmp_path / "query.h5ad")
    result = use("map", "query.h5ad", "--like", "rna", "--out", "mapped.h5ad", "-q")
    assert result.exit_code == 0, result.output
    assert f"of {len(model.recipes['rna'].names)} used features of rna_query are missing" in result.stderr
    assert "cell_type_from_rna" not in ad.read_h5ad("mapped.h5ad").obs


def test_map_abstains(use, folder, model, views):
    words = (*KEYS[:2], "--abstain-at", 0.99, "--out", "mapped.h5ad")
    result = use("map", folder / "query.h5ad", "--like", "rna", *words)  # labels come from the view that it is like
    assert result.exit_code == 0, result.output
    obs = ad.read_h5ad("mapped.h5ad").obs
    unsure = obs["cell_type_from_rna_confidence"] < 0.99
    assert unsure.any()
    assert list(obs["cell_type_from_rna"].isna()) == list(unsure)


def few(adata):
    return adata[:, :40].copy()


def negative(adata):
    adata.layers["counts"] = -adata.layers["counts"]
    return adata


@pytest.mark.filterwarnings("ignore:Transforming to str index")  # of an index of no names: older anndata
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (few, "used features are there"),
        (negative, "negative values"),
        (lambda a: AnnData(a.layers["counts"], obs=a.obs, var=a.var), "unknown name 'layers/counts'"),
        (lambda a: a[:0].copy(), "query.h5ad holds no cells"),
    ],
)
def test_map_bad_queries(use, views, tmp_path, change, said):
    change(views["query"].copy()).write_h5ad(tmp_path / "query.h5ad")
    result = use("map", "query.h5ad", "--like", "rna", "--out", "mapped.h5ad")
    assert_refused(result, tmp_path, said, left={"query.h5ad"})


# ---- relate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [None, "cell_type"])
def test_relate(use, model, tmp_path, by):
    words = [] if by is None else ["--by", by]
    result = use("relate", "rna", "adt", *words, "--n-top", 5, "--seed", 3, "--out", "relations.csv")
    assert result.exit_code == 0, result.output
    expected = xt.tl.relate(model, "rna", "adt", by=by, n_top=5, seed=3)
    written = pd.read_csv("relations.csv")
    pd.testing.assert_frame_equal(written, expected, rtol=1e-3, atol=1e-6, check_dtype=False)
    groups = [] if by is None else expected["group"].unique()
    pictures = {f"relations_{g.replace(' ', '_')}.png" for g in groups} or {"relations.png"}
    assert names(tmp_path) == {"relations.csv"} | pictures
    assert all((tmp_path / p).stat().st_size > 5000 for p in pictures)
    best = expected.sort_values("score", ascending=False).iloc[0]
    line = next(line for line in result.stdout.splitlines() if best["source"] in line)
    assert best["target"] in line


def test_relate_without_pictures(use, model, tmp_path):
    assert use("relate", "rna", "adt", "--n-top", 5, "--no-plots", "--out", "relations.csv").exit_code == 0
    assert names(tmp_path) == {"relations.csv"}
    expected = xt.tl.relate(model, "rna", "adt", n_top=5)
    assert list(pd.read_csv("relations.csv")["source"]) == list(expected["source"])


def test_pictures_of_groups_have_names_of_their_own(tmp_path):
    groups = pd.DataFrame({"group": ["CD4/T", "CD4/T", "CD4 T", "CD4+T"]})
    found = _pictures(groups, tmp_path / "r.csv")
    assert [p.name for p in found.values()] == ["r_CD4_T.png", "r_CD4_T_1.png", "r_CD4+T.png"]
    assert {p.parent for p in found.values()} == {tmp_path}


# ---- what is wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("transfer rna adt --out x.csv", "Missing option '--label-key'"),
        ("transfer rna adt --label-key cell_type", "Missing option '--out'"),
        ("transfer rna adt --label-key celltype --out x.csv", "Did you mean 'cell_type'"),
        ("transfer rna adt --label-key state --label-key cell_type --out x.csv", "from coarse to fine"),
        ("transfer rna adt --label-key cell_type --abstain-at 2 --out x.csv", "--abstain-at"),
        ("transfer rna adt --label-key cell_type --k 0 --out x.csv", "--k"),
        ("transfer rna atd --label-key cell_type --out x.csv", "Did you mean 'adt'"),
        ("impute rna adt --method neighbors --out x.h5ad", "Did you mean 'neighbours'"),
        ("impute adt adt --out x.h5ad", "SOURCE and TARGET are one view"),
        ("impute rna adt --out x.csv", "expected: '.h5ad'"),
        ("match rna adt --how one-to-many --out x.csv", "--how: unknown name 'one-to-many'"),
        ("match rna adt --out no/where/x.csv", "no folder"),
        ("match rna adt --out x.png", "expected: '.csv'"),
        ("map missing.h5ad --like rna --out x.h5ad", "missing.h5ad: there is no such file"),
        ("map x.h5ad --like rna --out x.h5ad", "is the query itself"),
        ("map q.h5ad --like gex --out x.h5ad", "view: unknown name 'gex'"),
        ("map q.h5ad --like rna --name adt --out x.h5ad", "--name adt: the run has a view of this name"),
        ("map q.h5ad --like rna --from adt --out x.h5ad", "--from is about labels"),
        ("map q.h5ad --like rna --abstain-at 0 --out x.h5ad", "--abstain-at is about labels"),
        ("map q.h5ad --like rna --label-key kind --out x.h5ad", "--label-key, a column of obs of 'rna'"),
        ("map q.h5ad --like rna --label-key state --from gex --out x.h5ad", "unknown name 'gex'"),
        ("relate rna adt --by kind --out x.csv", "--by, a column of obs of 'rna'"),
        ("relate rna adt --by true_cell --out x.csv", "no group of 'true_cell' has enough cells"),
        ("relate rna adt --n-top 0 --out x.csv", "--n-top"),
    ],
)
def test_bad_words(use, tmp_path, words, said):
    command, *rest = words.split()
    assert_refused(use(command, *rest, "-q"), tmp_path, said)


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


def test_interrupted(use, folder, tmp_path, monkeypatch):
    """What stood there before stays, and half a file does not."""

    def half(adata, path, **options):
        path.write_text("half")
        raise KeyboardInterrupt

    (tmp_path / "x.h5ad").write_text("earlier")
    monkeypatch.setattr(AnnData, "write_h5ad", half)
    result = use("map", folder / "query.h5ad", "--like", "rna", "--out", "x.h5ad")
    assert result.exit_code == 130
    assert names(tmp_path) == {"x.h5ad"}
    assert (tmp_path / "x.h5ad").read_text() == "earlier"


def test_no_table_without_its_picture(use, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    assert_refused(use("relate", "rna", "adt", "--out", "x.csv"), tmp_path, "No space left on device")


def test_help_lists_them():
    listed = CliRunner().invoke(app, ["--help"]).output
    place = [re.search(rf"^\W*{command}\s", listed, re.MULTILINE).start() for command in ("integrate", *COMMANDS)]
    assert min(place) == place[0] < listed.index("Use a finished run") < min(place[1:])
    for command in COMMANDS:
        shown = CliRunner().invoke(app, [command, "--help"])
        assert (shown.exit_code, "Example:" in shown.output) == (0, True)
