"""A folder gives back the run that was written, or one message if something in it is not right."""

import shutil
from dataclasses import replace

import h5py
import mudata as md
import numpy as np
import pandas as pd
import pytest

from crosstie.runs.read import read, read_model, with_data
from crosstie.runs.write import write
from crosstie.trust.check import Finding

COLUMNS = ["edge", "signal", "value", "expected", "ok"]  # of the figures behind a verdict


def change_views(folder, change):
    """Write the views of a run anew, changed."""
    views = dict(md.read_h5mu(folder / "integrated.h5mu").mod)
    md.MuData(change(views)).write_h5mu(folder / "integrated.h5mu")


def test_a_run_comes_back(run, written):
    found = read(written)
    assert (found.label_key, found.level, found.reasons) == (run.label_key, None, ())
    assert found.about["seed"] == 7
    for name, z in run.model.latents.items():
        np.testing.assert_array_equal(found.model.latents[name], z)
        np.testing.assert_array_equal(found.truth[name], run.truth[name])
        pd.testing.assert_series_equal(found.reliability[name], run.reliability[name], rtol=1e-4)
        np.testing.assert_array_equal(found.plane[name]["row"], run.plane[name]["row"])
        np.testing.assert_allclose(found.plane[name][["x", "y"]], run.plane[name][["x", "y"]], rtol=1e-3)
    assert list(found.labels) == list(run.labels)
    for edge, labels in run.labels.items():
        assert list(found.labels[edge]["label"]) == list(labels["label"])
        np.testing.assert_allclose(found.labels[edge]["confidence"], labels["confidence"], rtol=1e-3)
    for edge, matches in run.matches.items():
        pd.testing.assert_frame_equal(found.matches[edge].reset_index(drop=True), matches, rtol=1e-3, check_dtype=False)
    pd.testing.assert_frame_equal(found.scores, run.scores, rtol=1e-4)


def test_a_verdict_comes_back_with_its_findings(run, tmp_path):
    finding = Finding("adt", "controls", "note", "2 × isotype control; set aside")
    signals = pd.DataFrame([("rna – adt", "mixing", 1.0, ">= 0.5", True)], columns=COLUMNS)
    judged = replace(run, level="ok", findings=(finding,), plane={}, signals=signals)
    write(judged, tmp_path)
    assert read(tmp_path).findings == (finding,)


def test_what_was_read_can_be_written(written, tmp_path):
    (tmp_path / "again").mkdir()
    write(read(written), tmp_path / "again")
    assert {p.name for p in (tmp_path / "again").iterdir()} == {p.name for p in written.iterdir()}
    for name in ("run.json", "labels_rna_to_adt.csv", "matches.csv", "anchors.csv", "scores.csv", "umap.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (written / name).read_bytes(), name


def test_without_data(copied):
    (copied / "integrated.h5mu").unlink()
    found = read(copied)
    assert (found.model.views, found.data, found.reliability) == ({}, {}, {})
    with pytest.raises(ValueError, match=r"lacks integrated.h5mu"):
        with_data(read_model(copied), copied)


def test_matrices_that_are_not_in_the_folder(copied):
    def bare(views):
        for adata in views.values():
            adata.X = None
        return views

    change_views(copied, bare)
    found = read(copied)
    assert found.model.views == {}
    assert set(found.data) == {"rna", "adt"}


def test_a_view_that_is_not_in_the_folder(copied):
    change_views(copied, lambda views: {"rna": views["rna"]})
    assert read(copied).model.views == {}


def test_data_of_other_cells_are_refused(copied):
    change_views(copied, lambda views: views | {"rna": views["rna"][::-1].copy()})
    for act in (read, lambda folder: with_data(read_model(folder), folder)):
        with pytest.raises(ValueError, match="view 'rna' has other cells than the fitted one, or in another order"):
            act(copied)


def test_data_of_other_features_are_refused(copied):
    change_views(copied, lambda views: views | {"adt": views["adt"][:, :10].copy()})
    with pytest.raises(ValueError, match="view 'adt' has other features than the fitted one"):
        read(copied)


def test_data_that_are_elsewhere_are_refused(copied):
    with h5py.File(copied / "integrated.h5mu", "r+") as file:
        file["mod/rna/uns/x"] = h5py.ExternalLink("secret.h5", "/x")
    for act in (read, lambda folder: with_data(read_model(folder), folder)):
        with pytest.raises(ValueError, match="takes data from other files"):
            act(copied)


def test_damaged_views_are_one_message(copied):
    (copied / "integrated.h5mu").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"integrated.h5mu cannot be read"):
        read(copied)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda run: run / "nowhere", "is not the folder of a run"),
        (lambda run: run / "model", "no run.json in it"),
    ],
)
def test_wrong_folders(written, change, said):
    for act in (read, read_model):
        with pytest.raises(ValueError, match=said):
            act(change(written))


def test_a_map_of_other_cells_is_not_believed(copied, caplog):
    plane = pd.read_csv(copied / "umap.csv")
    plane["row"] += 1000
    plane.to_csv(copied / "umap.csv", index=False)
    assert sum(map(len, read(copied).plane.values())) == 240
    assert "are not those of this run" in caplog.text
    shutil.rmtree(copied)


def test_names_that_pandas_takes_for_missing(copied):
    table = pd.read_csv(copied / "labels_rna_to_adt.csv")
    table["label"] = "NA"
    table.to_csv(copied / "labels_rna_to_adt.csv", index=False)
    assert set(read(copied).labels["rna", "adt"]["label"]) == {"NA"}
