"""What is in the folder of a run. That the command line writes the same: tests/cli/commands/test_integrate.py."""

import json
from contextlib import contextmanager

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest

import crosstie as xt
from crosstie.runs.joint_map import Map
from crosstie.runs.run import Run
from crosstie.runs.write import write

TABLES = {"anchors.csv", "matches.csv", "links.csv", "links_report.csv", "scores.csv", "umap.csv"}
LABELS = {"labels_rna_to_adt.csv", "labels_adt_to_rna.csv"}
MAPS = {"umap_view.png", "umap_label.png", "umap_label_by_view.png", "umap_novelty.png"}
PICTURES = MAPS | {"linked_rna_to_adt.png", "confusion_rna_to_adt.png", "confusion_adt_to_rna.png"}


def names(folder):
    return {p.name for p in folder.iterdir()}


def test_files(written):
    assert names(written) == TABLES | LABELS | PICTURES | {"run.json", "integrated.h5mu", "model"}


def test_views_have_what_was_learned(run, written, model, data):
    for name, adata in md.read_h5mu(written / "integrated.h5mu").mod.items():
        other = "adt" if name == "rna" else "rna"
        np.testing.assert_array_equal(adata.obsm["X_crosstie"], model.latents[name])
        assert list(adata.obs[f"cell_type_from_{other}"]) == list(run.labels[other, name]["label"])
        assert (adata.X != data[name].X).nnz == 0


def test_record(run, written):
    about = json.loads((written / "run.json").read_text(encoding="utf-8"))
    assert about["seed"] == 7
    assert (about["label_key"], about["views"]["adt"]["n_cells"]) == ("cell_type", 120)
    assert "verdict" not in about
    assert list(about["coordinates"]) == ["rna", "adt"]


def test_a_verdict_is_written(run, model, tmp_path):
    diagnosis = xt.trust.diagnose(model)
    data = {name: adata.copy() for name, adata in run.data.items()}
    write(Run.of(model, data).with_matches().with_verdict(diagnosis), tmp_path)
    assert json.loads((tmp_path / "run.json").read_text())["verdict"]["level"] == diagnosis.level
    table = pd.read_csv(tmp_path / "diagnosis.csv")
    np.testing.assert_allclose(table["value"], diagnosis.table["value"], rtol=1e-3)
    confidence = md.read_h5mu(tmp_path / "integrated.h5mu")["rna"].obs["crosstie_confidence"]
    np.testing.assert_allclose(confidence, diagnosis.confidence["rna"])
    assert not (names(tmp_path) & (PICTURES | LABELS | {"umap.csv", "scores.csv"}))


def test_the_confidence_of_an_earlier_run_is_not_that_of_this_one(run, model, tmp_path, caplog):
    data = {name: adata.copy() for name, adata in run.data.items()}
    data["rna"].obs["crosstie_confidence"] = 0.5
    write(Run.of(model, data), tmp_path)
    assert "crosstie_confidence" not in md.read_h5mu(tmp_path / "integrated.h5mu")["rna"].obs
    assert "rna: obs['crosstie_confidence'] is of another run, and left out" in caplog.text


def test_the_map_is_waited_for_last(run, model, tmp_path):
    said = []

    @contextmanager
    def stage(text):
        said.append(text)
        yield

    def wait():
        assert (tmp_path / "run.json").is_file()
        said.append("waited")
        return run.plane

    def report(folder):
        assert (folder / "umap.csv").is_file()
        said.append("reported")

    data = {name: adata.copy() for name, adata in run.data.items()}
    write(Run.of(model, data), tmp_path, plane=Map(wait), stage=stage, report=report)
    assert said == ["writing", "drawing the map", "waited", "reported", "drawing pictures"]
    assert "umap_view.png" in names(tmp_path)


def test_without_a_map_there_is_no_report(run, model, tmp_path):
    called = []
    for plane in (None, Map(dict)):
        folder = tmp_path / str(plane is None)
        folder.mkdir()
        data = {name: adata.copy() for name, adata in run.data.items()}
        write(Run.of(model, data), folder, plane=plane, report=called.append)
        assert (folder / "run.json").is_file()
    assert not called


def test_what_links_read_beside_a_view(run, model, data, tmp_path):
    views = {name: adata.copy() for name, adata in data.items()}
    write(Run.of(model, views, {"adt": data["adt"][:, :3].copy()}), tmp_path)
    assert ad.read_h5ad(tmp_path / "links_1.h5ad").shape == (120, 3)


def test_other_cells_are_refused(run, model, data, tmp_path):
    with pytest.raises(ValueError, match="has other cells than the fitted one"):
        write(Run.of(model, {"rna": data["rna"][:50].copy(), "adt": data["adt"]}), tmp_path)
