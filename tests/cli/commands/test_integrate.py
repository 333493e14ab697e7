"""`crosstie integrate`: what it writes, and that wrong input ends in one message, status 2, and nothing written."""

import json
from importlib import import_module

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

import crosstie as xt
from crosstie._mudata import views_as_they_are
from crosstie.metrics import transfer_accuracy
from crosstie.model.model import Model
from crosstie.runs import background, write
from crosstie.runs.run import Run

VIEWS = ("rna=rna.h5ad", "adt=adt.h5ad")
FAST = ("--no-plots", "--no-verdict", "--set", "n_rounds=2", "--set", "n_sketches=1")
ALWAYS = {"anchors.csv", "integrated.h5mu", "links.csv", "links_report.csv", "matches.csv", "model", "run.json"}
LABELS = {"labels_rna_to_adt.csv", "labels_adt_to_rna.csv"}


def names(folder):
    return {p.name for p in folder.iterdir()}


def assert_refused(result, tmp_path, said, out="run"):
    """One message, no traceback, nothing written."""
    assert result.exit_code == 2, result.output
    text = " ".join(result.stderr.split())  # usage errors stand in a box
    assert said in text
    assert "Traceback" not in result.output
    assert result.stderr.count("error:") + result.stderr.count("─ Error ─") == 1
    assert not [p for p in tmp_path.iterdir() if out in p.name]


def test_the_verdict_is_said_and_kept(run, tmp_path):
    result = run("integrate", *VIEWS, "--out", "run", "--no-plots")
    assert result.exit_code == 0, result.output
    assert any(word in result.stdout for word in ("trustworthy", "use with care", "do not use"))
    table = pd.read_csv(tmp_path / "run" / "diagnosis.csv")
    assert set(table.columns) == {"edge", "signal", "value", "expected", "ok"}
    with views_as_they_are():
        written = md.read_h5mu(tmp_path / "run" / "integrated.h5mu")
    assert written["rna"].obs["crosstie_confidence"].between(0, 1).all()


def test_two_files(run, tmp_path, mdata):
    result = run("integrate", *VIEWS, "--out", "run", "--pairs", "true_cell", *FAST)
    assert result.exit_code == 0, result.output
    out = tmp_path / "run"
    assert names(out) == ALWAYS | LABELS | {"scores.csv"}

    with views_as_they_are():
        written = md.read_h5mu(out / "integrated.h5mu")
    model = Model.load(out / "model")
    for name, adata in written.mod.items():
        assert list(adata.obs_names) == list(mdata[name].obs_names)
        assert (adata.X != mdata[name].X).nnz == 0
        np.testing.assert_array_equal(adata.obsm["X_crosstie"], model.embed(name))
    labels = pd.read_csv(out / "labels_rna_to_adt.csv", index_col="cell")
    assert list(labels.index) == list(written["adt"].obs_names)
    assert transfer_accuracy(mdata["adt"].obs["cell_type"], labels["label"]) > 0.6
    assert list(written["adt"].obs["cell_type_from_rna"]) == list(labels["label"])

    scores = pd.read_csv(out / "scores.csv").set_index(["metric", "source", "target"])["value"]
    assert scores["accuracy", "rna", "adt"] > 0.6
    assert scores["foscttm", "rna", "adt"] < 0.4
    for name in ("matches", "anchors"):
        pairs = pd.read_csv(out / f"{name}.csv")
        assert set(pairs["source"]) <= set(mdata["rna"].obs_names)
        assert set(pairs["target"]) <= set(mdata["adt"].obs_names)
    about = json.loads((out / "run.json").read_text())
    assert about["config"]["n_rounds"] == 2
    assert about["inputs"]["rna"]["path"].endswith("rna.h5ad")
    assert (about["seed"], about["views"]["adt"]["modality"]) == (0, "protein")
    assert "Scores" in result.stdout
    assert "linked" in result.stderr


def test_no_labels_no_pairs(run, tmp_path, write):
    rna, adt = (write(name, lambda a: AnnData(a.X, obs=a.obs[[]], var=a.var)) for name in ("rna", "adt"))
    assert run("integrate", f"rna={rna}", f"adt={adt}", "--out", "run", *FAST).exit_code == 0
    assert names(tmp_path / "run") == ALWAYS


def test_labels_of_one_view(run, tmp_path, write):
    adt = write("adt", lambda a: AnnData(a.X, obs=a.obs[[]], var=a.var))
    assert run("integrate", VIEWS[0], f"adt={adt}", "--out", "run", *FAST).exit_code == 0
    assert names(tmp_path / "run") == ALWAYS | {"labels_rna_to_adt.csv"}


def test_missing_labels_are_unknown(run, tmp_path, write):
    def some(adata):
        adata.obs["kind"] = adata.obs["cell_type"].astype(object)
        adata.obs.loc[adata.obs_names[:20], "kind"] = None
        return adata

    rna, adt = write("rna", some), write("adt", some)
    views = (f"rna={rna}", f"adt={adt}")
    result = run("integrate", *views, "--label-key", "kind", "--out", "run", *FAST)
    assert result.exit_code == 0, result.output
    assert names(tmp_path / "run") == ALWAYS | LABELS | {"scores.csv"}
    with views_as_they_are():
        assert "kind_from_rna" in md.read_h5mu(tmp_path / "run" / "integrated.h5mu")["adt"].obs


def test_pairing_is_no_input(run, tmp_path, write):
    """The same cells under the same names, or under others: the same coordinates."""

    def named(adata):
        adata.obs_names = [f"cell {i}" for i in adata.obs["true_cell"]]
        return adata

    rna, adt = write("rna", named), write("adt", named)
    assert run("integrate", f"rna={rna}", f"adt={adt}", "--out", "named", *FAST).exit_code == 0
    assert run("integrate", *VIEWS, "--out", "other", *FAST).exit_code == 0
    assert "foscttm" in (tmp_path / "named" / "scores.csv").read_text()
    assert "foscttm" not in (tmp_path / "other" / "scores.csv").read_text()
    one, two = (Model.load(tmp_path / out / "model").latents for out in ("named", "other"))
    np.testing.assert_array_equal(one["rna"], two["rna"])


def test_one_mudata_file(run, tmp_path):
    assert run("integrate", "both.h5mu", "--out", "run", "--seed", 3, *FAST).exit_code == 0
    assert run("integrate", *VIEWS, "--out", "two", "--seed", 3, *FAST).exit_code == 0
    one, two = (Model.load(tmp_path / out / "model").latents for out in ("run", "two"))
    np.testing.assert_array_equal(one["adt"], two["adt"])


def test_three_views(run, tmp_path, write):
    other = write("adt", lambda a: a[::2].copy())
    result = run("integrate", *VIEWS, f"other={other}", "--modality", "other=protein", "--out", "run", *FAST)
    assert result.exit_code == 0, result.output
    assert {p.name for p in (tmp_path / "run").glob("labels_*")} == {
        f"labels_{a}_to_{b}.csv" for a in ("rna", "adt", "other") for b in ("rna", "adt", "other") if a != b
    }
    links = pd.read_csv(tmp_path / "run" / "links.csv")
    assert set(zip(links["source_view"], links["target_view"], strict=True)) == {
        ("rna", "adt"), ("rna", "other"), ("adt", "other"),
    }  # fmt: skip
    result = run("integrate", *VIEWS, f"other={other}", "--links", "x.csv", "--out", "no", *FAST)
    assert_refused(result, tmp_path, "a table links two views", out="no")


@pytest.mark.trains
def test_training(run, tmp_path):
    result = run("integrate", *VIEWS, "--out", "run", "--preset", "trained", "--set", "n_steps=10", *FAST)
    assert result.exit_code == 0, result.output
    assert "history.csv" in names(tmp_path / "run")
    assert "step 10 of 10" in result.stderr


def test_options_of_views(run, tmp_path, write):
    def moved(adata):
        adata.layers["counts"] = adata.X.copy()
        adata.X = sp.csr_matrix(adata.shape, dtype=np.float32)
        adata.var["symbol"] = adata.var_names
        adata.var_names = [f"G{i}" for i in range(adata.n_vars)]
        return adata

    rna = write("rna", moved)
    options = ("--slot", "rna=layers/counts", "--names", "rna=symbol", "--batch-key", "batch", "--modality", "x=rna")
    result = run("integrate", f"x={rna}", VIEWS[1], "--out", "run", *[o.replace("rna=", "x=") for o in options], *FAST)
    assert result.exit_code == 0, result.output
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    assert about["views"]["x"]["slot"] == "layers/counts"
    assert pd.read_csv(tmp_path / "run" / "links.csv")["source"].str.startswith("G").all()


@pytest.mark.parametrize("back", [False, True])
def test_a_table_of_links_stands_either_way(run, tmp_path, mdata, back):
    var = mdata["adt"].var
    table = pd.DataFrame({"gene": var["gene"], "protein": var.index})[lambda x: x["gene"] != ""].head(12)
    table.iloc[:, :: -1 if back else 1].to_csv("table.csv", index=False)
    result = run("integrate", *VIEWS, "--links", "table.csv", "--out", "run", *FAST)
    assert result.exit_code == 0, result.output
    links = pd.read_csv(tmp_path / "run" / "links.csv")
    assert set(links["target" if links["target_view"][0] == "adt" else "source"]) == set(table["protein"])


def test_written_links_can_be_given_back(run, tmp_path):
    assert run("links", *VIEWS, "--out", "links.csv").exit_code == 0
    assert run("integrate", *VIEWS, "--out", "one", *FAST).exit_code == 0
    assert run("integrate", *VIEWS, "--links", "links.csv", "--out", "two", *FAST).exit_code == 0
    one, two = (pd.read_csv(tmp_path / out / "links.csv") for out in ("one", "two"))
    pd.testing.assert_frame_equal(one[["source", "target", "weight"]], two[["source", "target", "weight"]])


def test_the_same_file_twice_is_warned_of(run):
    result = run("integrate", "rna=rna.h5ad", "rna2=rna.h5ad", "--out", "run", *FAST)
    assert result.exit_code == 0, result.output
    assert "warning: rna and rna2 hold the same matrix" in result.stderr


def test_what_a_quick_check_finds_is_warned_of(run, tmp_path, write):
    def some_without_counts(adata):
        x = sp.csr_matrix(adata.X).toarray()
        x[::10] = 0
        adata.X = x
        return adata

    views = "rna=rna.h5ad", f"adt={write('adt', some_without_counts)}"
    result = run("integrate", *views, "--label-key", "cell_type", "--out", "run", *FAST)
    assert result.exit_code == 0, result.output
    assert "warning: adt, empty cells: " in result.stderr.partition("fitting")[0]  # before what takes long
    with views_as_they_are():
        missing = md.read_h5mu(tmp_path / "run" / "integrated.h5mu")["adt"].obs["cell_type_from_rna"].isna()
    assert missing.tolist() == [i % 10 == 0 for i in range(len(missing))]


def test_normalised_values_are_said(run, write):
    def normalised(adata):
        adata.X = sp.csr_matrix(np.log1p(1e3 * adata.X.toarray() / adata.X.sum(1)))
        return adata

    result = run("integrate", f"rna={write('rna', normalised)}", VIEWS[1], "--out", "run", *FAST)
    assert result.exit_code == 0, result.output
    assert "warning: rna: the matrix is not counts" in result.stderr


def changed(value):
    def change(adata):
        x = adata.X.toarray()
        x[3, 5] = value
        return AnnData(x, obs=adata.obs, var=adata.var)

    return change


def renamed(adata):
    adata.var_names = [f"ENSG{i:011d}" for i in range(adata.n_vars)]
    return adata


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed(-1), "view 'rna': the matrix holds negative values"),
        (changed(-1), "--slot layers/counts"),
        (changed(np.nan), "values that are not finite"),
        (lambda a: AnnData(a.X * 0, obs=a.obs, var=a.var), "all values are zero"),
        (lambda a: a[:1].copy(), "too few cells"),
        (lambda a: a[:, :2].copy(), "too few features"),
        (renamed, "rna features look like: 'ENSG00000000000'"),
        (renamed, "adt features look like: 'CD"),
        (renamed, "--names rna="),
    ],
)
def test_bad_data(run, tmp_path, write, change, said):
    result = run("integrate", f"rna={write('rna', change)}", VIEWS[1], "--out", "run", "-q", *FAST)
    assert_refused(result, tmp_path, said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rna=rna.h5ad", "adt=missing.h5ad"], "missing.h5ad: there is no such file"),
        (["rna=rna.h5ad", "adt=bad.h5ad"], "bad.h5ad cannot be read"),
        (["rna.h5ad", "adt.h5ad"], "not of the form NAME=PATH"),
        (["rna=rna.h5ad"], "only one view"),
        ([*VIEWS, "--lnks", "x"], "No such option"),
        ([*VIEWS, "--lnks", "x"], "--lnks"),
        ([*VIEWS, "--seed", "x"], "--seed"),
        ([*VIEWS, "--preset", "scmodl"], "Did you mean 'scmodal'"),
        ([*VIEWS, "--set", "entropi=1"], "Did you mean 'entropy'"),
        ([*VIEWS, "--set", "entropy=-1"], "entropy is out of its range"),
        ([*VIEWS, "--config", "missing.json"], "there is no such file"),
        ([*VIEWS, "--config", "bad.h5ad"], "bad.h5ad cannot be read"),
        ([*VIEWS, "--links", "missing.csv"], "there is no such table"),
        ([*VIEWS, "--links", "bad.h5ad"], "cannot be read as a table"),
        ([*VIEWS, "--names", "rna=symbl"], "unknown name 'symbl'"),
        ([*VIEWS, "--slot", "layers/counts"], "unknown name 'layers/counts'"),
        ([*VIEWS, "--modality", "adt=protien"], "Did you mean 'protein'"),
        ([*VIEWS, "--modality", "atd=protein"], "Did you mean 'adt'"),
        ([*VIEWS, "--batch-key", "batches"], "Did you mean 'batch'"),
        ([*VIEWS, "--label-key", "celltype"], "Did you mean 'cell_type'"),
        ([*VIEWS, "--pairs", "true_cells"], "Did you mean 'true_cell'"),
        ([*VIEWS, "--pairs", "cell_type"], "occur more than once"),
        pytest.param(
            [*VIEWS, "--preset", "trained", "--device", "gpuu"], "--device gpuu is unknown", marks=pytest.mark.trains
        ),
    ],
)
def test_bad_words(run, tmp_path, words, said):
    (tmp_path / "bad.h5ad").write_bytes(np.random.default_rng(0).bytes(3000))
    assert_refused(run("integrate", *words, "--out", "run", "-q", *FAST), tmp_path, said)


def test_out_must_be_given_and_free(run, tmp_path):
    assert_refused(run("integrate", *VIEWS), tmp_path, "Missing option '--out'")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.doc").write_text("")
    for option, said in ((), "is not empty"), (("--overwrite",), "not the folder of an earlier run"):
        result = run("integrate", *VIEWS, "--out", "mine", *option, *FAST)
        assert_refused(result, tmp_path, said)
    assert names(tmp_path / "mine") == {"thesis.doc"}


def test_interrupted(run, tmp_path, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "_write_views", interrupt)  # when half of the files are there
    result = run("integrate", *VIEWS, "--out", "run", *FAST)
    assert result.exit_code == 130
    assert result.stderr.endswith("crosstie: interrupted.\n")
    assert not [p for p in tmp_path.iterdir() if "run" in p.name]


def test_a_fault_of_ours(run, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(Run, "with_labels", fail)
    result = run("integrate", *VIEWS, "--out", "run", "-q", *FAST)
    assert result.exit_code == 1
    assert result.stderr.startswith("crosstie: error: ZeroDivisionError: oops\n")
    assert "report it" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Traceback" in run("integrate", *VIEWS, "--out", "run", "-v", *FAST).stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.trains
def test_pictures(run, tmp_path, monkeypatch):
    embedding = import_module("crosstie.pl.joint_umap")
    layout, computed = embedding.plane_layout, []
    monkeypatch.setattr(embedding, "plane_layout", lambda *a, **kw: computed.append(0) or layout(*a, **kw))
    asked = ("--preset", "trained", "--set", "n_steps=10", "--no-verdict")
    result = run("integrate", *VIEWS, "--out", "run", *asked)
    assert result.exit_code == 0, result.output
    pictures = {"umap_view", "umap_label", "umap_label_by_view", "umap_novelty", "linked_rna_to_adt"}
    pictures |= {"confusion_rna_to_adt", "confusion_adt_to_rna", "losses"}
    assert {p.stem for p in (tmp_path / "run").glob("*.png")} == pictures
    assert all(p.stat().st_size > 5000 for p in (tmp_path / "run").glob("*.png"))
    assert len(computed) == 1
    # Larger views are mapped by a process beside this one, to the same places.
    monkeypatch.setattr(background, "FEW_CELLS", 0)
    monkeypatch.setattr(background, "n_cores", lambda: 2)
    result = run("integrate", *VIEWS, "--out", "beside", *asked)
    assert result.exit_code == 0, result.output
    assert len(computed) == 1
    assert (tmp_path / "run" / "umap.csv").read_text() == (tmp_path / "beside" / "umap.csv").read_text()


# ---- peaks, shared cells --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def multiome(tmp_path_factory):
    """Files of RNA and peaks; half of the cells have one name in both. A gene table as BED."""
    folder = tmp_path_factory.mktemp("multiome")
    mdata = xt.datasets.simulate_teaseq(n_cells=200, n_genes=200, peaks=True, seed=0)
    for view in ("rna", "atac"):
        adata = mdata[view].copy()
        number = adata.obs.pop("true_cell").to_numpy()
        adata.obs_names = [f"cell{n}" if n % 2 else f"{view}{n}" for n in number]
        adata.var = adata.var.drop(columns="linked_gene", errors="ignore")
        adata.write_h5ad(folder / f"{view}.h5ad")
    genes = xt.datasets.gene_table()
    bed = pd.DataFrame({"c": genes["chrom"], "s": genes["start"], "e": genes["end"], "n": genes.index, "v": 0})
    bed.assign(t=genes["strand"]).to_csv(folder / "genes.bed", sep="\t", header=False, index=False)
    return folder


def test_peaks_are_linked_through_a_gene_table(run, multiome, tmp_path):
    views = [f"rna={multiome}/rna.h5ad", f"atac={multiome}/atac.h5ad"]
    refused = run("integrate", *views, "--out", tmp_path / "none", *FAST)
    assert refused.exit_code == 2
    assert "gene_activity" in refused.output
    done = run("integrate", *views, "--out", tmp_path / "run", *FAST, "--genes", multiome / "genes.bed")
    assert done.exit_code == 0, done.output
    links = pd.read_csv(tmp_path / "run" / "links.csv")
    assert (links["source"] == links["target"]).all()
    assert len(links) > 50
    # What the links read is kept, so that commands on the run can have it again.
    said = run("diagnose", tmp_path / "run")
    assert said.exit_code == 0, said.output
    assert "agreement of links" in said.stdout


def test_cells_of_one_name_tie_views(run, multiome, tmp_path):
    views = [f"rna={multiome}/rna.h5ad", f"atac={multiome}/atac.h5ad"]
    done = run("integrate", *views, "--out", tmp_path / "run", *FAST, "--paired", "rna,atac")
    assert done.exit_code == 0, done.output
    joint = ad.read_h5ad(tmp_path / "run" / "joint.h5ad")
    assert joint.n_obs == 300
    assert (joint.obs["views"] == "rna+atac").sum() == 100
    assert json.loads((tmp_path / "run" / "run.json").read_text())["paired"][0]["n_cells"] == 100
    for words, message in (("rna", "is not of the form NAME,NAME"), ("rna,adt", "view: unknown name 'adt'")):
        refused = run("integrate", *views, "--out", tmp_path / "no", *FAST, "--paired", words)
        assert refused.exit_code == 2
        assert message in refused.output
        assert not (tmp_path / "no").exists()


def test_droplets_take_the_background_off_proteins(run, tmp_path, write):
    adt = ad.read_h5ad(tmp_path / "adt.h5ad")
    empty = np.random.default_rng(0).poisson(np.asarray(adt.X.mean(0)) / 4, (400, adt.n_vars)).astype(np.float32)
    names_of = [*adt.obs_names, *(f"empty-{i}" for i in range(len(empty)))]
    raw = ad.AnnData(sp.vstack([adt.X, empty], "csr"), pd.DataFrame(index=names_of), adt.var[[]].copy())
    raw.write_h5ad(tmp_path / "raw.h5ad")
    result = run("integrate", *VIEWS, "--out", "run", "--droplets", "raw.h5ad", *FAST)
    assert result.exit_code == 0, result.output
    with views_as_they_are():
        written = md.read_h5mu(tmp_path / "run" / "integrated.h5mu")["adt"]
    assert written.uns["crosstie_background"]["source"] == "droplets"
    assert written.var["crosstie_background"].notna().sum() > 20
    assert abs(written.X - adt.X).sum() == 0
    assert json.loads((tmp_path / "run" / "run.json").read_text())["files"]["droplets"]["path"].endswith("raw.h5ad")
    again = run("rerun", "run", "--out", "again", "-q")
    assert again.exit_code == 0, again.output
    assert "different" not in again.stdout


def test_droplets_that_cannot_be_used(run, tmp_path):
    for words, said in (
        (("--droplets", "rna.h5ad"), "the droplets lack proteins of the cells"),
        (("--droplets", "adt.h5ad"), "too few empty droplets"),
        (("--droplets", "adt.h5ad", "--slot", "adt=raw"), "--droplets reads X of 'adt'"),
        (("--droplets", "adt.h5ad", "--modality", "adt=cytometry"), "no view holds proteins"),
    ):
        assert_refused(run("integrate", *VIEWS, "--out", "run", *words, *FAST), tmp_path, said)


def test_positions_are_read_by_section_or_left_aside(run, tmp_path, write):
    def placed(adt):
        adt.obsm["spatial"] = np.random.default_rng(0).random((adt.n_obs, 2))
        adt.obs["slide"] = [f"s{i % 2}" for i in range(adt.n_obs)]
        return adt

    views = (VIEWS[0], f"adt={write('adt', placed)}")
    wrong = run("integrate", *views, "--section-key", "slid", "--out", "no", *FAST)
    assert wrong.exit_code == 2
    assert "section_key, a column of obs: unknown name 'slid'" in wrong.output
    assert run("integrate", *views, "--section-key", "adt=slide", "--out", "run", *FAST).exit_code == 0
    assert xt.Model.load(tmp_path / "run" / "model").positions["adt"].sections == ("s0", "s1")
    assert run("integrate", *views, "--no-positions", "--out", "flat", *FAST).exit_code == 0
    assert not xt.Model.load(tmp_path / "flat" / "model").positions
    settings = json.loads((tmp_path / "flat" / "run.json").read_text())["settings"]["options"]
    assert settings["positions"] is False
