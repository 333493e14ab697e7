"""The run of `tests/runs`, read back from its folder; and one whose proteins have positions."""

from dataclasses import replace

import numpy as np
import pytest

from crosstie.runs.read import read
from runs.conftest import data, model, quiet_mudata, run, written

__all__ = ["data", "model", "quiet_mudata", "run", "written"]


@pytest.fixture(scope="package")
def found(written):
    return read(written)


@pytest.fixture
def in_tissue(found):
    """The run with positions of the cells of proteins, in two sections."""
    adt = found.data["adt"].copy()
    adt.obsm["spatial"] = np.random.default_rng(0).uniform(0, 900, (adt.n_obs, 2)).round(2)
    adt.obs["section"] = ["left", "right"] * (adt.n_obs // 2)
    adt.uns["spatial_unit"] = "micrometre"
    return replace(found, data={**found.data, "adt": adt})
