"""`crosstie map`: a file that holds what Python gives, and one message where the words are wrong."""

import anndata as ad
import numpy as np
import pytest
from anndata import AnnData

import crosstie as xt
from cli.conftest import assert_refused, names

LEVELS = ["cell_type", "state"]
KEYS = ("--label-key", "cell_type", "--label-key", "state")


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
    return adata[:, :5].copy()


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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("missing.h5ad --like rna --out x.h5ad", "missing.h5ad: there is no such file"),
        ("x.h5ad --like rna --out x.h5ad", "is the query itself"),
        ("q.h5ad --like gex --out x.h5ad", "view: unknown name 'gex'"),
        ("q.h5ad --like rna --name adt --out x.h5ad", "--name adt: the run has a view of this name"),
        ("q.h5ad --like rna --from adt --out x.h5ad", "--from is about labels"),
        ("q.h5ad --like rna --abstain-at 0 --out x.h5ad", "--abstain-at is about labels"),
        ("q.h5ad --like rna --label-key kind --out x.h5ad", "--label-key, a column of obs of 'rna'"),
        ("q.h5ad --like rna --label-key state --from gex --out x.h5ad", "unknown name 'gex'"),
    ],
)
def test_bad_words(use, tmp_path, words, said):
    assert_refused(use("map", *words.split(), "-q"), tmp_path, said)


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
