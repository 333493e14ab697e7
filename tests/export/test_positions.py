from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crosstie import Model
from crosstie._errors import InputError
from crosstie.export.positions import napari_table, qupath_table, view_with_positions, write_table
from crosstie.space.positions import Positions


def test_qupath(in_tissue, tmp_path):
    write_table(qupath_table(in_tissue), tmp_path / "cells.csv")
    table, adt = pd.read_csv(tmp_path / "cells.csv"), in_tissue.data["adt"]
    assert list(table["Image"][:2]) == ["left", "right"]
    assert list(table["Object ID"]) == list(adt.obs_names)
    np.testing.assert_allclose(table[["Centroid X µm", "Centroid Y µm"]], adt.obsm["spatial"])
    assert list(table["Classification"]) == list(in_tissue.truth["adt"])
    assert "crosstie_label_confidence" in table


def test_napari(in_tissue, tmp_path):
    """Columns as napari's reader of points expects them: index, then the axes of an image, y first."""
    write_table(napari_table(in_tissue), tmp_path / "points.csv")
    table = pd.read_csv(tmp_path / "points.csv")
    assert list(table.columns[:3]) == ["index", "axis-0", "axis-1"]
    np.testing.assert_allclose(table[["axis-1", "axis-0"]], in_tissue.data["adt"].obsm["spatial"])
    assert list(table["crosstie_label"]) == list(in_tissue.truth["adt"])
    assert set(table["section"]) == {"left", "right"}


def test_which_view(found, in_tissue):
    assert view_with_positions(in_tissue) == "adt"
    with pytest.raises(InputError, match="no view has positions"):
        view_with_positions(found)
    with pytest.raises(InputError, match="view 'rna' has no positions"):
        view_with_positions(in_tissue, "rna")
    with pytest.raises(InputError, match="unknown name 'x'"):
        view_with_positions(in_tissue, "x")
    rna = in_tissue.data["rna"].copy()
    rna.obsm["spatial"] = np.zeros((rna.n_obs, 2))
    with pytest.raises(InputError, match="several views have positions"):
        view_with_positions(replace(in_tissue, data={"rna": rna, "adt": in_tissue.data["adt"]}))


def test_an_unknown_unit_is_asked_for(in_tissue):
    adt = in_tissue.data["adt"].copy()
    del adt.uns["spatial_unit"]
    run = replace(in_tissue, data=in_tissue.data | {"adt": adt})
    with pytest.raises(InputError, match="QuPath asks for the unit"):
        qupath_table(run)
    assert {"Centroid X px", "Centroid Y px"} <= set(qupath_table(run, unit="pixel"))
    with pytest.raises(InputError, match="unknown name 'inch'"):
        qupath_table(run, unit="inch")


def test_three_dimensions(in_tissue):
    adt = in_tissue.data["adt"].copy()
    adt.obsm["spatial"] = np.c_[adt.obsm["spatial"], np.arange(adt.n_obs) % 7]
    run = replace(in_tissue, data=in_tissue.data | {"adt": adt})
    np.testing.assert_allclose(napari_table(run)[["axis-2", "axis-1", "axis-0"]], adt.obsm["spatial"])
    with pytest.raises(InputError, match="QuPath lists two coordinates"):
        qupath_table(run)


def test_positions_are_those_that_the_model_used(in_tissue):
    """Whatever they are called in the data."""
    adata = in_tissue.data["adt"]
    here = Positions(np.full((adata.n_obs, 2), 5.0), np.zeros(adata.n_obs, np.int64), ("one",), "pixel")
    model = Model.of(replace(in_tissue.model._inputs, positions={"adt": here}), in_tissue.model._fitted)
    table = qupath_table(replace(in_tissue, model=model))
    assert (table[["Centroid X px", "Centroid Y px"]] == 5).all(axis=None)
    assert set(table["Image"]) == {"adt"}
