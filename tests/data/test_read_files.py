"""Files of views, and every file that is not what it should be."""

import mudata as md
import numpy as np
import pytest

import crosstie as xt
from crosstie._mudata import views_as_they_are
from crosstie.data.read_files import read_features, read_views
from crosstie.datasets import simulate_citeseq


@pytest.fixture(scope="module", autouse=True)
def quiet_mudata():
    with views_as_they_are():
        yield


@pytest.fixture(scope="module")
def mdata():
    return simulate_citeseq(n_cells=60, n_genes=100, n_proteins=30, seed=1)


@pytest.fixture(scope="module")
def files(mdata, tmp_path_factory):
    """Two files of views, and one of both."""
    folder = tmp_path_factory.mktemp("files")
    for name, adata in mdata.mod.items():
        adata.write_h5ad(folder / f"{name}.h5ad")
    mdata.write_h5mu(folder / "both.h5mu")
    return folder


def test_reading(files, mdata):
    paths = {name: files / f"{name}.h5ad" for name in mdata.mod}
    for found in (read_views(paths), read_views({"": files / "both.h5mu"})):
        assert list(found) == ["rna", "adt"]
        np.testing.assert_array_equal(found["adt"].X.toarray(), mdata["adt"].X.toarray())
    for found in (read_features(paths), read_features({"": files / "both.h5mu"})):
        assert list(found) == ["rna", "adt"]
        assert found["adt"].shape == (0, 30)
        assert list(found["rna"].var_names) == list(mdata["rna"].var_names)


def test_labels_kept_for_all_views_together_are_read(files, tmp_path):
    mdata = md.read_h5mu(files / "both.h5mu")
    mdata.obs["donor"] = "d1"
    mdata.write_h5mu(tmp_path / "common.h5mu")
    found = read_views({"": tmp_path / "common.h5mu"})
    assert set(found["rna"].obs["donor"]) == set(found["adt"].obs["donor"]) == {"d1"}


def bad_file(folder, kind, files):
    path = folder / f"bad.{'csv' if kind == 'csv' else 'h5ad'}"
    whole = (files / "adt.h5ad").read_bytes()
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(
            {
                "random": np.random.default_rng(0).bytes(5000),
                "csv": b"cell,CD3\0a,1\n",
                "empty": b"",
                "truncated": whole[: len(whole) // 2],
                "overwritten": whole[:2048] + bytes(len(whole) - 2048),
            }[kind]
        )
    return path


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing", "there is no such file"),
        ("folder", "is a folder"),
        ("random", "not an HDF5 file"),
        ("csv", "is not text"),
        ("empty", "the file is empty"),
        ("truncated", "Is the file whole?"),
        ("overwritten", "Is the file whole?"),
    ],
)
@pytest.mark.parametrize("read", [read_views, read_features])
def test_bad_files(files, tmp_path, kind, said, read):
    path = bad_file(tmp_path, kind, files)
    with pytest.raises(ValueError, match=said.replace("?", r"\?")) as error:
        read({"rna": files / "rna.h5ad", "adt": path})
    assert str(path) in str(error.value)


def test_files_of_the_other_kind(files, tmp_path):
    (tmp_path / "views.h5ad").write_bytes((files / "both.h5mu").read_bytes())
    (tmp_path / "view.h5mu").write_bytes((files / "adt.h5ad").read_bytes())
    with pytest.raises(ValueError, match="holds several views"):
        read_views({"x": tmp_path / "views.h5ad", "adt": files / "adt.h5ad"})
    with pytest.raises(ValueError, match="holds one view only"):
        read_views({"": tmp_path / "view.h5mu"})


def test_a_name_chooses_a_view_of_a_file_of_several(files, mdata):
    found = read_views({"adt": files / "both.h5mu", "x": files / "rna.h5ad"})
    assert list(found) == ["adt", "x"]
    np.testing.assert_array_equal(found["adt"].X.toarray(), mdata["adt"].X.toarray())
    assert read_features({"adt": files / "both.h5mu", "rna": files / "both.h5mu"})["rna"].n_vars == 100


def test_reading_in_python(files, mdata):
    assert list(xt.read(files / "both.h5mu")) == ["rna", "adt"]
    (name, adata), *more = xt.read(str(files / "adt.h5ad")).items()
    assert (name, adata.shape, more) == ("adt", mdata["adt"].shape, [])
    assert type(xt.read(files / "adt.h5ad", backed=True)["adt"].X).__name__ == "_CSRDataset"
