"""Names of the files of a run, and how its folder is recognised."""

import json

import pytest

from crosstie.runs.folder import RUN_FILE, about_of, check_run, confusion_picture, files_of, label_file, link_file


def test_names_of_views_stay_inside():
    assert label_file("rna", "adt") == "labels_rna_to_adt.csv"
    assert confusion_picture("rna 1.2+", "adt") == "confusion_rna 1.2+_to_adt"
    for view in ("a/../../secret", "a\\..\\b", "C:x"):
        name = label_file(view, "adt")
        assert not set(name) & set("/\\:")
    assert link_file(1) == "links_1.h5ad"


def test_files_of(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "a.csv").write_text("")
    assert files_of(tmp_path) == ["a.csv", "model/"]


def test_folders_of_other_kinds(tmp_path):
    (tmp_path / "file").write_text("")
    for folder, found in (("none", "no such folder"), ("file", "no folder"), (".", "no run.json in it")):
        with pytest.raises(ValueError, match=rf"is not the folder of a run.\n  found: {found}"):
            check_run(tmp_path / folder)


def test_about(tmp_path):
    (tmp_path / RUN_FILE).write_text(json.dumps({"seed": 3}))
    assert about_of(tmp_path) == {"seed": 3}
    for text, said in (("{", "is damaged"), ("[1]", "found: list")):
        (tmp_path / RUN_FILE).write_text(text)
        with pytest.raises(ValueError, match=said):
            about_of(tmp_path)
