"""Positions are read, checked and kept; what cannot be used ends in one message."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from crosstie.space import Positions
from crosstie.space.positions import positions_of


def tissue(n=40, *, sections=1, sides=(300.0, 100.0), unit="pixel", seed=0):
    """Return cells at random places, in sections of the same size."""
    rng = np.random.default_rng(seed)
    obs = pd.DataFrame({"slide": [f"s{i % sections}" for i in range(n)]}, index=[f"c{i}" for i in range(n)])
    uns = {} if unit is None else {"spatial_unit": unit}
    return ad.AnnData(np.ones((n, 3), np.float32), obs, obsm={"spatial": rng.random((n, 2)) * sides}, uns=uns)


@pytest.mark.parametrize(
    ("word", "unit"), [("micrometre", "micrometre"), ("µm", "micrometre"), ("Microns", "micrometre"), ("px", "pixel")]
)
def test_coordinates_sections_and_unit_are_read(word, unit):
    adata = tissue(sections=2, unit=word)
    here = Positions.of("codex", adata, section_key="slide")
    assert here.xy.dtype == np.float64
    assert here.unit == unit
    assert here.sections == ("s0", "s1")
    for name, rows in here.by_section():
        assert (adata.obs["slide"].iloc[rows] == name).all()
    some = here.take(np.array([3, 0]))
    assert (some.xy == adata.obsm["spatial"][[3, 0]]).all()
    assert some.section.tolist() == [1, 0]


def test_without_a_column_the_view_is_one_section_and_the_readers_column_is_taken():
    adata = tissue(sections=3, unit=None)
    assert Positions.of("codex", adata).sections == ("codex",)
    assert Positions.of("codex", adata).unit is None
    adata.obs["section"] = adata.obs["slide"]
    assert Positions.of("codex", adata).sections == ("s0", "s1", "s2")


def spoilt(change):
    adata = tissue(sections=2)
    change(adata)
    return adata


def at(rows, value):
    def change(adata):
        adata.obsm["spatial"][rows] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (at([0, 5], np.nan), "view 'codex': cells without a position.\n  found: 2 of 40 cells have NaN"),
        (
            at(slice(0, None, 2), 7.0),
            "view 'codex', section 's0': all cells are at one place.\n  found: 20 cells at (7,",
        ),
        (
            at([0, 2, 4], 7.0),
            "view 'codex', section 's0': many cells are at the place of another cell.\n  found: 3 of 20",
        ),
        (lambda a: a.uns.update(spatial_unit="furlong"), "the unit of its positions is unknown.\n  found: uns"),
        (lambda a: a.obs.__setitem__("slide", None), "view 'codex': 40 cells have no 'slide'"),
    ],
)
def test_bad_positions_end_in_one_message(change, message):
    with pytest.raises(ValueError, match="view 'codex'") as error:
        Positions.of("codex", spoilt(change), section_key="slide")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("coordinates", "message"),
    [
        (np.zeros((39, 2)), "there are not as many positions as cells.\n  found: 39 positions\n  expected: 40"),
        (np.zeros((40, 4)), "positions have a wrong shape"),
    ],
)
def test_coordinates_given_directly_must_fit_the_cells(coordinates, message):
    with pytest.raises(ValueError, match="view 'codex'") as error:
        Positions.of("codex", tissue(), coordinates)
    assert message in str(error.value)
    with pytest.raises(TypeError, match="positions are not numbers"):
        Positions.of("codex", tissue(), np.full((40, 2), "left"))


def test_swapped_axes_of_one_section_are_said(caplog):
    adata = tissue(400, sections=4)
    Positions.of("codex", adata, section_key="slide")
    assert "swapped" not in caplog.text
    third = (adata.obs["slide"] == "s2").to_numpy()
    adata.obsm["spatial"][third] = adata.obsm["spatial"][third][:, ::-1]
    Positions.of("codex", adata, section_key="slide")
    assert "x and y of section 's2' look swapped" in caplog.text


def test_views_with_positions_are_found():
    rna = tissue()
    del rna.obsm["spatial"]
    data = {"rna": rna, "codex": tissue(sections=2)}
    assert list(positions_of(data)) == ["codex"]
    assert positions_of(data, section_key="slide")["codex"].sections == ("s0", "s1")
    assert positions_of(data, spatial=None) == {}
    assert positions_of({"rna": rna}) == {}
    with pytest.raises(ValueError, match="section_key: no view has positions"):
        positions_of({"rna": rna}, section_key="slide")
    with pytest.raises(ValueError, match="spatial: no view has these positions"):
        positions_of(data, spatial="X_xy")
    with pytest.raises(KeyError, match="section_key, a column of obs: unknown name 'slid'"):
        positions_of(data, section_key="slid")
    with pytest.raises(KeyError, match="view 'rna': spatial, a key of obsm: unknown name 'spatial'"):
        positions_of(data, spatial={"rna": "spatial"})
