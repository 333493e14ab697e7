import pytest

from crosstie.data.readers.imaging_columns import layout_of

QUPATH = ["Image", "Object ID", "Object type", "Classification", "Centroid X µm", "Centroid Y µm"]


@pytest.mark.parametrize(
    ("columns", "markers"),
    [
        (["Nucleus: CD3 mean", "Cell: CD3 mean", "Cell: CD3 max"], {"CD3": "Cell: CD3 mean"}),
        (["CD3: Nucleus: Mean", "CD3: Cell: Median", "CD3: Cell: Mean"], {"CD3": "CD3: Cell: Mean"}),
        (["Cell: CD3: Mean", "Nucleus: DAPI mean"], {"CD3": "Cell: CD3: Mean", "DAPI": "Nucleus: DAPI mean"}),
        (["Nucleus: Opal 480 mean", "Nucleus: Area"], {"Opal 480": "Nucleus: Opal 480 mean"}),
        (["ROI: 2.00 µm per pixel: CD3: Mean"], {"CD3": "ROI: 2.00 µm per pixel: CD3: Mean"}),
        (["AF (R4): Cell: Mean", "CD3: Mean"], {"AF (R4)": "AF (R4): Cell: Mean", "CD3": "CD3: Mean"}),
    ],
)
def test_qupath(columns, markers):
    found = layout_of([*QUPATH, *columns, "Nucleus/Cell area ratio"])
    assert (found.tool, found.unit, found.cell, found.image) == ("QuPath", "micrometre", "Object ID", "Image")
    assert (found.x, found.y) == ("Centroid X µm", "Centroid Y µm")
    assert found.markers == markers
    assert set(found.left_out) == set(columns) - set(markers.values()) - {"Nucleus: Area"}


@pytest.mark.parametrize(
    ("end", "unit"), [("µm", "micrometre"), ("μm", "micrometre"), ("\ufffdm", "micrometre"), ("px", "pixel")]
)
def test_units_of_qupath(end, unit):
    found = layout_of(["Image", f"Centroid X {end}", f"Centroid Y {end}", "Cell: CD3 mean"])
    assert found.unit == unit
    assert found.cell is None


def test_mcmicro():
    columns = ["CellID", "DNA_1", "CD3", "CD45", "X_centroid", "Y_centroid", "Area", "Eccentricity", "phenotype"]
    found = layout_of(columns)
    assert (found.tool, found.unit, found.image) == ("mcmicro", "pixel", None)
    assert found.markers == {"DNA_1": "DNA_1", "CD3": "CD3", "CD45": "CD45"}
    masks = layout_of(["CellID", "CD3_nucleiMask", "CD3_cellRingMask", "X_centroid", "Y_centroid"])
    assert masks.markers == {"CD3": "CD3_cellRingMask"}
    assert masks.left_out == ("CD3_nucleiMask",)


def test_cellprofiler():
    start = ["ImageNumber", "ObjectNumber", "AreaShape_Center_X", "AreaShape_Center_Y"]
    named = layout_of([*start, "Intensity_MeanIntensity_CD3", "Intensity_MaxIntensity_CD3"])
    assert named.markers == {"CD3": "Intensity_MeanIntensity_CD3"}
    assert named.left_out == ("Intensity_MaxIntensity_CD3",)
    stack = [f"Intensity_MeanIntensity_{name}" for name in ("FullStack_c1", "FullStackFiltered_c1", "ProbabStack_c1")]
    assert layout_of([*start, *stack]).markers == {"c1": "Intensity_MeanIntensity_FullStackFiltered_c1"}


def test_steinbock():
    found = layout_of(["Image", "Object", "CD3", "area", "centroid-0", "centroid-1", "axis_major_length"])
    assert (found.tool, found.x, found.y, found.image) == ("steinbock", "centroid-1", "centroid-0", "Image")
    assert found.markers == {"CD3": "CD3"}


@pytest.mark.parametrize(
    "columns", [[], ["", "CD3", "CD19"], ["cell", "x", "y", "CD3"], ["Object", "centroid-0", "centroid-1", "area"]]
)
def test_other_tables(columns):
    assert layout_of(columns) is None
