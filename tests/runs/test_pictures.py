"""Which pictures a run has, and whose labels they show."""

import xml.etree.ElementTree
from dataclasses import replace

import numpy as np
import pandas as pd

from crosstie.runs.folder import not_of_a_run
from crosstie.runs.pictures import draw, transferred_labels
from crosstie.space import Positions


def table(label, confidence, novelty):
    return pd.DataFrame({"label": label, "confidence": confidence, "novelty": novelty})


def test_of_several_sources_the_most_confident_one_labels_a_view(run):
    n = len(run.model.latents["adt"])
    labels = {("rna", "adt"): table(["T"] * n, 0.9, 0.1), ("atac", "adt"): table(["B"] * n, 0.6, 0.1)}
    found = transferred_labels(replace(run, labels=labels))
    assert list(found) == ["adt"]
    assert set(found["adt"]) == {"T"}


def test_a_run_without_labels_and_verdict_has_its_views_and_its_links(run, tmp_path):
    bare = replace(run, label_key=None, labels={}, confidence={})
    plane = {
        name: pd.DataFrame({"row": np.arange(len(z)), "x": z[:, 0], "y": z[:, 1]})
        for name, z in run.model.latents.items()
    }
    assert draw(replace(bare, plane=plane), tmp_path, ending="svg") == ["umap_view.svg", "linked_rna_to_adt.svg"]


def test_names_are_no_formulas_and_no_control_characters(run, tmp_path):
    names = ["$\\frac{", "a$b$c", "esc\x1b[2J", "\u202eback", "_hidden"]
    labels = {edge: table.assign(label=[names[i % 5] for i in range(len(table))]) for edge, table in run.labels.items()}
    n = len(run.model.latents["adt"])
    labels = labels or {("rna", "adt"): table([names[i % 5] for i in range(n)], 0.9, 0.1)}
    for ending in ("svg", "pdf", "png"):
        files = draw(replace(run, labels=labels), tmp_path, ending=ending)
        assert f"confusion_rna_to_adt.{ending}" in files
    texts = [file.read_text(encoding="utf-8") for file in tmp_path.glob("*.svg")]
    for text in texts:
        xml.etree.ElementTree.fromstring(text)
    for shown in ("$\\frac{", "a$b$c", "esc\\x1b[2J", "\\u202eback"):
        assert any(shown in text for text in texts), shown


def test_a_view_with_positions_is_drawn_in_its_tissue(run, tmp_path):
    n = len(run.model.latents["adt"])
    here = Positions(np.random.default_rng(0).random((n, 2)), np.arange(n) % 2, ("a", "b"))
    placed = run.model.of(replace(run.model.inputs, positions={"adt": here}), run.model.fitted)
    plane = {name: pd.DataFrame({"row": [0], "x": [0.0], "y": [0.0]}) for name in run.model.latents}
    found = draw(replace(run, model=placed, plane=plane, confidence={}), tmp_path)
    assert "tissue_adt.png" in found
    assert "tissue" not in not_of_a_run(tmp_path)
