import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import crosstie as xt
from crosstie._errors import InputError
from crosstie.data import View
from crosstie.data.stored import in_memory
from crosstie.data.view import read_slot
from data.conftest import counts, dense, make_adata


def full(kind):
    """An AnnData with something in every slot."""
    adata = make_adata(kind(counts()))
    adata.layers["counts"] = kind(2 * counts())
    adata.obsm["X_pca"] = counts()[:, :4] - 1
    adata.obsm["frame"] = pd.DataFrame(counts()[:, :3], index=adata.obs_names, columns=["a", "b", "c"])
    adata.obsm["sparse"] = sp.csr_matrix(counts()[:, :5])
    return adata


@pytest.mark.parametrize(
    ("slot", "expected", "names"),
    [
        ("X", counts(), [f"g{j}" for j in range(30)]),
        ("layers/counts", 2 * counts(), [f"g{j}" for j in range(30)]),
        ("obsm/X_pca", counts()[:, :4] - 1, ["X_pca_0", "X_pca_1", "X_pca_2", "X_pca_3"]),
        ("obsm/frame", counts()[:, :3], ["a", "b", "c"]),
        ("obsm/sparse", counts()[:, :5], [f"sparse_{j}" for j in range(5)]),
    ],
)
def test_slots(kind, slot, expected, names):
    matrix, features = read_slot(full(kind), slot)
    assert matrix.dtype == np.float32
    assert isinstance(matrix, np.ndarray) or matrix.format == "csr"
    np.testing.assert_array_equal(dense(matrix), expected)
    assert list(features) == names


@pytest.mark.parametrize("slot", ["layers/count", "obsm/", "layers", "raw", "x", "X/counts", ""])
def test_unknown_slot(slot):
    with pytest.raises(KeyError, match=r"view 'v': slot: unknown name(.|\n)*'X', 'layers/counts', 'obsm/X_pca'"):
        read_slot(full(np.asarray), slot, view="v")


def test_unknown_slot_suggests_the_nearest():
    with pytest.raises(KeyError, match="Did you mean 'layers/counts'"):
        read_slot(full(np.asarray), "layers/count")


def test_empty_x():
    names = {axis: pd.DataFrame(index=list(index)) for axis, index in (("obs", "abc"), ("var", "pq"))}
    adata = ad.AnnData(**names, layers={"counts": np.ones((3, 2))})
    with pytest.raises(ValueError, match=r"X is empty(.|\n)*slot={'rna': 'layers/counts'}"):
        read_slot(adata, "X", view="rna")


def test_view_of(kind):
    adata = full(kind)
    adata.obs["donor"] = pd.Categorical(np.arange(80) % 3)
    before = adata.copy()
    view = View.of("rna", adata, slot="layers/counts", batch_key="donor")
    assert (view.modality, view.values, view.slot) == ("rna", "counts", "layers/counts")
    assert (view.n_cells, view.n_features) == (80, 30)
    assert list(view.cells) == list(adata.obs_names)
    assert set(view.batch) == {"0", "1", "2"}
    assert str(view) == "rna: rna, 80 cells × 30 features (counts)"
    np.testing.assert_array_equal(dense(adata.X), dense(before.X))
    pd.testing.assert_frame_equal(adata.obs, before.obs)


def test_obsm_takes_any_numbers(kind):
    view = View.of("rna", full(kind), slot="obsm/X_pca")
    assert view.values == "any"


def test_repeated_feature_names_are_numbered_and_said(kind, caplog):
    x = counts()[:, :5]
    with pytest.warns(UserWarning, match="not unique"):
        adata = make_adata(kind(x), ["a", "b", "a", "c", "a"])
    view = View.of("rna", adata)
    assert list(view.features) == ["a", "b", "a-1", "c", "a-2"]
    assert list(adata.var_names) == ["a", "b", "a", "c", "a"]
    assert "1 occur more than once ('a')" in caplog.text


def test_errors():
    good = make_adata(counts())
    with pytest.raises(TypeError, match=r"view 'v' is not an AnnData.\n  found: ndarray\n  expected: AnnData"):
        View.of("v", counts())
    with pytest.raises(KeyError, match=r"view 'v': modality: unknown name 'prtein'(.|\n)*Did you mean 'protein'"):
        View.of("v", good, modality="prtein")
    with pytest.raises(KeyError, match=r"view 'v': batch_key, a column of obs: unknown name 'donor'"):
        View.of("v", good, batch_key="donor")
    with pytest.raises(ValueError, match=r"view 'v': too few cells(.|\n)*found: 9 cells(.|\n)*at least 10"):
        View.of("v", good[:9])
    with pytest.raises(ValueError, match=r"view 'v': too few cells(.|\n)*found: 0 cells"):
        View.of("v", good[:0])
    with pytest.raises(ValueError, match=r"view 'v': too few features(.|\n)*found: 2 features(.|\n)*at least 3"):
        View.of("v", good[:, :2])
    with pytest.raises(ValueError, match=r"view 'v': .*not finite"):
        View.of("v", make_adata(np.where(counts() == 1, np.nan, counts())))
    with pytest.raises(ValueError, match=r"view 'v': .*negative"):
        View.of("v", make_adata(counts() - 1), modality="rna")


def test_errors_have_one_parent():
    for bad in ({"slot": "nowhere"}, {"batch_key": "nowhere"}, {"modality": "nowhere"}):
        with pytest.raises(InputError):
            View.of("v", make_adata(counts()), **bad)


def test_least_sizes_will_do():
    assert View.of("rna", make_adata(counts(10, 30)[:, :3])).n_features == 3


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float64])
def test_number_types(dtype):
    x = (counts() > 1).astype(dtype)
    for matrix in (x, sp.csr_matrix(x), sp.coo_matrix(x)):
        read = in_memory(matrix)
        assert read.dtype == np.float32
        np.testing.assert_array_equal(dense(read), x.astype(np.float32))


def test_other_kinds_of_matrix():
    with pytest.raises(TypeError, match=r"view 'v': the matrix is not numeric.\n  found: dtype <U"):
        in_memory(np.array([["a", "b"]]), "v")
    with pytest.raises(TypeError, match=r"cannot be read(.|\n)*found: list(.|\n)*adata.to_memory\(\)"):
        in_memory([[1, 2]], "v")


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.csc_matrix])
def test_backed_view_has_the_same_cells_as_one_in_memory(tmp_path, kind):
    make_adata(kind(counts())).write_h5ad(tmp_path / "x.h5ad")
    backed = ad.read_h5ad(tmp_path / "x.h5ad", backed="r")
    view, whole = View.of("rna", backed), View.of("rna", ad.read_h5ad(tmp_path / "x.h5ad"))
    assert (view.n_cells, view.n_features, view.values) == (80, whole.n_features, "counts")
    rows = np.array([0, 3, 4, 40, 79])
    found, expected = view.subset(rows), whole.subset(rows)
    np.testing.assert_array_equal(dense(found.loaded), dense(expected.loaded))
    assert list(found.cells) == list(expected.cells) == [backed.obs_names[r] for r in rows]
    if kind is not sp.csc_matrix:  # which cannot be read by cell
        with pytest.raises(ValueError, match=r"not in memory(.|\n)*adata.to_memory\(\)"):
            _ = view.loaded
    backed.file.close()


def test_genes_and_antibodies_in_one_matrix_are_refused_with_how_to_split_them():
    var = pd.DataFrame({"feature_types": ["Gene Expression"] * 20 + ["Antibody Capture"] * 10})
    adata = ad.AnnData(np.ones((20, 30), np.float32), var=var.set_index(var.index.astype(str)))
    with pytest.raises(InputError, match=r"several types(.|\n)*20 of Gene Expression(.|\n)*split_by_type"):
        View.of("rna", adata)
    views = xt.data.split_by_type(adata)
    assert {name: View.of(name, view).n_features for name, view in views.items()} == {"rna": 20, "adt": 10}


def test_exchanged_cells_and_features_are_said(kind):
    adata = full(kind)
    adata.var_names = ["".join("ACGT"[i // 4**k % 4] for k in range(16)) + "-1" for i in range(adata.n_vars)]
    with pytest.raises(ValueError, match=r"features are named like cells(.|\n)*adata.T"):
        View.of("rna", adata, modality="rna")
