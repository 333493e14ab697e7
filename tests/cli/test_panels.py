"""`--panel-key`."""

from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData

from crosstie.cli.job import Job
from crosstie.cli.panels import by_panel
from crosstie.config import Config


def view(lacking=()):
    x = np.random.default_rng(0).poisson(5, (80, 4)).astype(np.float32) + 1
    x[:40, list(lacking)] = 0
    adata = AnnData(x)
    adata.obs["lane"] = np.repeat(["one", "two"], 40)
    return adata


def job(**options):
    return Job(inputs={"": Path("x.h5mu")}, out=Path("run"), config=Config(), **options)


def test_options_of_a_split_view_are_those_of_each_panel():
    data = {"rna": view(), "adt": view([0]), "atac": view()}
    asked = job(
        panel_key=("adt=lane",), modality=("adt=protein",), batch_key=("lane",), slot=("rna=X",), paired=("adt,rna",)
    )
    found, split = by_panel(data, asked)
    assert list(found) == ["rna", "adt_1", "adt_2", "atac"]
    assert found["adt_1"].n_vars == 3
    assert split.modality == ("adt_1=protein", "adt_2=protein")
    assert split.batch_key == ("lane",)
    assert split.slot == ("rna=X",)
    assert split.paired == ("adt_1,rna", "adt_2,rna")
    assert by_panel(data, job()) == (data, job())


def test_what_cannot_be_split_is_said():
    data = {"adt": view([0]), "adt_1": view()}
    with pytest.raises(ValueError, match="'adt_1' is there already"):
        by_panel(data, job(panel_key=("adt=lane",)))
    with pytest.raises(ValueError, match="which view"):
        by_panel(data, job(panel_key=("lane",)))
    with pytest.raises(KeyError, match="--panel-key protein=lane"):
        by_panel(data, job(panel_key=("protein=lane",)))
