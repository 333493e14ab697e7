"""What a fit of large views keeps is gone on with by the same fit, and by no other."""

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
    (tmp_path / "work" / "progress.123.part").write_text("{")
    folder_of(tmp_path / "work", model_of(data), 0)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.part").write_text("x")
    with pytest.raises(ValueError, match="is not a folder of an earlier fit"):
        folder_of(tmp_path / "other", model_of(data), 0)
