from crosstie.runs.read import read
from report.conftest import text_of


def test_confusion_counts_right_labels(folder):
    run = read(folder)
    predicted = run.labels["rna", "adt"]["label"].to_numpy(str)
    right = (predicted == run.truth["adt"]).mean()
    assert f"{right:.1%} of the 240 labelled cells of adt" in text_of((folder / "report.html").read_text(), "labels")


def test_views_without_labels_are_named(mosaic):
    assert "adt has no labels of its own" in text_of(mosaic, "labels")
