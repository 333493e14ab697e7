"""What a fit of large views keeps is gone on with by the same fit, and by no other."""

import os

import numpy as np
import pytest

import crosstie as xt
from crosstie.model.resume import ResumeFolder

CONFIG = xt.Config(n_core=60, n_components=20, n_rounds=1, n_sketches=1)


def folder_of(folder, model, seed):
    return ResumeFolder(folder, model.inputs, model.config, seed)


@pytest.fixture(scope="module")
def data():
    return dict(xt.datasets.simulate_citeseq(n_cells=120, n_genes=120, n_proteins=20, seed=3).mod)


def model_of(data, change=None, **options):
    views = {name: adata.copy() for name, adata in data.items()}
    if change is not None:
        change(views["adt"])
    return xt.Model(views, config=CONFIG, **options)


def reverse(adata):
    adata.X = adata.X[::-1].copy()


def rename(adata):
    adata.obs_names = [f"other_{name}" for name in adata.obs_names]


@pytest.mark.parametrize(
    ("change", "options", "what"),
    [(reverse, {}, "data"), (rename, {}, "data"), (None, {"batch_key": "batch"}, "batches")],
)
def test_other_numbers_names_or_batches_are_another_fit(data, tmp_path, change, options, what):
    folder_of(tmp_path / "work", model_of(data), 0)
    folder_of(tmp_path / "work", model_of(data), 0)
    with pytest.raises(ValueError, match=rf"is of another fit.\n  found: another {what}"):
        folder_of(tmp_path / "work", model_of(data, change, **options), 0)


def test_what_links_read_counts(data, tmp_path):
    def linked(scale):
        activity = data["rna"].copy()
        activity.X = activity.X * np.float32(scale)
        return model_of(data, link_data={"rna": activity})

    folder_of(tmp_path / "work", linked(1), 0)
    with pytest.raises(ValueError, match="another data of links"):
        folder_of(tmp_path / "work", linked(2), 0)


def test_a_folder_in_which_nothing_has_begun_is_new(data, tmp_path):
    """A process was killed while it wrote the first file."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / ".progress.crosstie-0123456789abcdef.part.json").write_text("{")
    folder_of(tmp_path / "work", model_of(data), 0)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.part").write_text("x")
    with pytest.raises(ValueError, match="is not a folder of an earlier fit"):
        folder_of(tmp_path / "other", model_of(data), 0)


def test_only_what_is_of_the_fit_is_removed(data, tmp_path):
    kept = folder_of(tmp_path / "work", model_of(data), 0)
    (tmp_path / "work" / "0_0_60.npy").write_bytes(b"")
    (tmp_path / "work" / "notes.txt").write_text("mine")
    kept.remove()
    assert sorted(p.name for p in (tmp_path / "work").iterdir()) == ["notes.txt", "progress.json"]
    (tmp_path / "work" / "notes.txt").unlink()
    kept.remove()
    assert not (tmp_path / "work").exists()


def test_links_in_the_folder_are_not_followed(data, tmp_path):
    model = model_of(data).fit()
    model.save(tmp_path / "saved")
    before = {p.name: p.read_bytes() for p in (tmp_path / "saved").iterdir()}
    (tmp_path / "mine").write_text("mine")
    kept = folder_of(tmp_path / "work", model, 1)
    (tmp_path / "work" / "core").symlink_to(tmp_path / "saved")
    (tmp_path / "work" / f"0_0_60.{os.getpid()}.part").symlink_to(tmp_path / "mine")
    kept.keep_core(model.inputs, model.fitted)
    kept.keep("rna", (0, 60), model.latents["rna"])
    assert {p.name: p.read_bytes() for p in (tmp_path / "saved").iterdir()} == before
    assert (tmp_path / "mine").read_text() == "mine"
    assert not (tmp_path / "work" / "core").is_symlink()
