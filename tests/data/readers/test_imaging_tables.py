import gzip
import logging

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from crosstie._errors import InputError
from crosstie.data.readers.imaging_tables import is_imaging_table, read_imaging_table
from crosstie.data.readers.request import Request
from made_files.imaging_files import MARKERS, cells, write_cellprofiler, write_mcmicro, write_qupath, write_steinbock


def read(path):
    assert is_imaging_table(path)
    found = read_imaging_table(path, Request())
    found.write_h5ad(path.parent / "written.h5ad")
    back = ad.read_h5ad(path.parent / "written.h5ad")
    assert back.uns["spatial_unit"] == found.uns["spatial_unit"]
    assert found.obs_names.is_unique
    return found


def same(found, x, xy):
    assert list(found.var_names) == MARKERS
    assert found.X.dtype == np.float32
    np.testing.assert_allclose(found.X, x, rtol=1e-5)
    np.testing.assert_allclose(found.obsm["spatial"], xy)


@pytest.mark.parametrize(("name", "sep"), [("a.csv", ","), ("a.tsv", "\t"), ("a.csv.gz", ",")])
def test_mcmicro(tmp_path, name, sep, caplog):
    x, dna, xy, area = cells()
    write_mcmicro(tmp_path / name, x, dna, xy, area, sep=sep)
    with caplog.at_level(logging.INFO, "crosstie"):
        found = read(tmp_path / name)
    same(found, x, xy)
    assert found.uns["spatial_unit"] == "pixel"
    assert found.obs_names[0] == "a_1"
    np.testing.assert_array_equal(found.obs["Area"], area)
    np.testing.assert_allclose(found.obs["DNA_1"], dna)
    assert "section" not in found.obs
    assert "table of mcmicro, 3 markers (mean); set aside in obs (DNA, background, no marker): 'DNA_1'" in caplog.text
    assert "40 cells of 1 images, positions in pixels" in caplog.text


@pytest.mark.parametrize(("encoding", "sep"), [("utf-8", "\t"), ("utf-8-sig", ","), ("latin-1", "\t"), ("utf-8", ";")])
def test_qupath(tmp_path, encoding, sep, caplog):
    x, dna, xy, area = cells()
    write_qupath(tmp_path / "m.txt", x, dna, xy, area, encoding=encoding, sep=sep, annotations=2)
    found = read(tmp_path / "m.txt")
    same(found, x, xy / 2)
    assert found.uns["spatial_unit"] == "micrometre"
    assert found.obs_names[0] == "uuid-slide.ome.tif-0"
    assert set(found.obs["Classification"]) == {"Tumor", "Stroma"}
    assert {"Nucleus_Cell area ratio", "DAPI"} <= set(found.obs)
    assert "Nucleus: CD3 max" not in found.obs
    assert "2 rows are not cells ('annotation'), and left out" in caplog.text


def test_images_of_one_table_are_sections(tmp_path):
    parts = []
    for image, seed in (("s1.tif", 0), ("s2.tif", 1)):
        write_qupath(tmp_path / "part.tsv", *cells(seed=seed), image=image)
        parts.append(pd.read_csv(tmp_path / "part.tsv", sep="\t"))
    (tmp_path / "all").mkdir()
    pd.concat(parts).to_csv(tmp_path / "all" / "m.csv", index=False)
    found = read(tmp_path / "all" / "m.csv")
    assert found.obs["section"].value_counts().to_dict() == {"s1": 40, "s2": 40}
    same(found[found.obs["section"] == "s2"], cells(seed=1)[0], cells(seed=1)[2] / 2)


def test_a_folder_of_tables_is_sections(tmp_path, caplog):
    folder = tmp_path / "quantification"
    folder.mkdir()
    for name, seed in (("left", 0), ("right", 1)):
        write_mcmicro(folder / f"{name}.csv", *cells(seed=seed))
    (folder / "notes.csv").write_text("this,that\n1,2\n")
    with caplog.at_level(logging.INFO, "crosstie"):
        found = read(folder)
    same(found, np.vstack([cells(seed=s)[0] for s in (0, 1)]), np.vstack([cells(seed=s)[2] for s in (0, 1)]))
    assert list(found.obs["section"].cat.categories) == ["left", "right"]
    assert caplog.text.count("table of mcmicro") == 1


def test_units_must_agree(tmp_path):
    (tmp_path / "in").mkdir()
    write_mcmicro(tmp_path / "in" / "a.csv", *cells())
    write_qupath(tmp_path / "in" / "b.csv", *cells(), sep=",")
    with pytest.raises(InputError, match=r"positions in different units\.\n  found: micrometre, pixel"):
        read_imaging_table(tmp_path / "in", Request())


def test_steinbock(tmp_path):
    images = {"slide_001": cells(seed=0), "slide_002": cells(seed=1)}
    write_steinbock(tmp_path / "steinbock", images)
    found = read(tmp_path / "steinbock")
    same(found, np.vstack([part[0] for part in images.values()]), np.vstack([part[2] for part in images.values()]))
    assert found.obs_names[0] == "slide_001_1"
    assert {"Ir191", "area", "section"} <= set(found.obs)
    (tmp_path / "steinbock" / "regionprops" / "slide_002.csv").unlink()
    with pytest.raises(InputError, match=r"regionprops.slide_002\.csv is missing"):
        read_imaging_table(tmp_path / "steinbock", Request())


def test_objects_of_steinbock_in_one_table(tmp_path):
    x, dna, xy, area = cells()
    table = pd.DataFrame({"Image": "a.tiff", "Object": range(1, 41), "Ir191": dna})
    table[MARKERS] = x
    table["area"], table["centroid-0"], table["centroid-1"] = area, xy[:, 1], xy[:, 0]
    table.to_csv(tmp_path / "objects.csv", index=False)
    same(read(tmp_path / "objects.csv"), x, xy)


def test_cellprofiler(tmp_path, caplog):
    images = {"slide_a": cells(seed=0), "slide_b": cells(seed=1)}
    write_cellprofiler(tmp_path / "cpout", images)
    with caplog.at_level(logging.INFO, "crosstie"):
        found = read(tmp_path / "cpout")
    same(found, np.vstack([part[0] for part in images.values()]), np.vstack([part[2] for part in images.values()]))
    assert list(found.obs["section"].cat.categories) == ["slide_a", "slide_b"]
    np.testing.assert_allclose(found.obs["DNA1"][:40], images["slide_a"][1], rtol=1e-5)
    assert "intensities are multiplied by the range of the image" in caplog.text


def test_cellprofiler_without_names(tmp_path, caplog):
    write_cellprofiler(tmp_path / "cpout", {"a": cells()}, named=False)
    found = read(tmp_path / "cpout" / "cell.csv")
    assert list(found.var_names) == ["c1", "c2", "c3", "c4"]
    assert "channels have no names: var_cell.csv and panel.csv are not beside it" in caplog.text


def test_cells_without_intensities_are_left_out(tmp_path, caplog):
    x, dna, xy, area = cells()
    x[3, 1] = np.nan
    write_mcmicro(tmp_path / "a.csv", x, dna, xy, area)
    assert read(tmp_path / "a.csv").n_obs == 39
    assert "1 of 40 cells lack an intensity, and are left out" in caplog.text


@pytest.mark.parametrize(("column", "said"), [(2, "positions are missing"), (0, "no cell has an intensity")])
def test_what_is_missing_is_an_error(tmp_path, column, said):
    parts = list(cells())
    parts[column] = np.full_like(parts[column], np.nan)
    write_mcmicro(tmp_path / "a.csv", *parts)
    with pytest.raises(InputError, match=said):
        read_imaging_table(tmp_path / "a.csv", Request())


def test_only_stains_that_are_no_proteins(tmp_path):
    table = pd.DataFrame({"CellID": [1], "DAPI": [1.0], "AF": [2.0], "X_centroid": [1.0], "Y_centroid": [1.0]})
    table.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InputError, match=r"holds no protein\.\n  found: 'DAPI', 'AF'"):
        read_imaging_table(tmp_path / "a.csv", Request())


@pytest.mark.parametrize(
    "body", [b"", b"\x1f\x8b\x08", b"\x89HDF\r\n", b",CD3,CD19\nc1,1,2\n", gzip.compress(b"a,b\n", mtime=0)]
)
def test_other_files(tmp_path, body):
    for name in ("a.csv", "a.csv.gz", "a.h5ad"):
        (tmp_path / name).write_bytes(body)
        assert not is_imaging_table(tmp_path / name)
    assert not is_imaging_table(tmp_path)


def test_links_in_a_folder_are_not_followed(tmp_path):
    write_mcmicro(tmp_path / "outside.csv", *cells())
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").symlink_to(tmp_path / "outside.csv")
    with pytest.raises(InputError, match=r"a\.csv cannot be used.\n  found: a symbolic link"):
        read_imaging_table(tmp_path / "in", Request())
