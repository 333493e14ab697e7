"""Cells placed block by block: the same bits whoever works, and what others return is checked before it is used."""

from dataclasses import replace

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import crosstie as xt
from crosstie.data import stored
from crosstie.data.stored import bounds_of
from crosstie.model.placement import CellReader, Threads, place

CONFIG = xt.Config(n_core=300, n_components=30)


@pytest.fixture(scope="module")
def data():
    mdata = xt.datasets.simulate_citeseq(n_cells={"rna": 900, "adt": 700}, n_genes=150, n_proteins=30, seed=3)
    return {name: mdata[name] for name in ("rna", "adt")}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(stored, "MAX_BLOCK", 128)


@pytest.fixture(scope="module")
def fitted(data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "MAX_BLOCK", 128)
        return xt.integrate(data, config=CONFIG)


def written(data, folder, kind):
    """The views in files, not in memory."""
    out = {}
    for name, adata in data.items():
        if kind == "zarr":
            zarr = pytest.importorskip("zarr")

            adata.write_zarr(folder / f"{name}.zarr")
            group = zarr.open_group(folder / f"{name}.zarr", mode="r")
            out[name] = ad.AnnData(X=ad.io.sparse_dataset(group["X"]), obs=adata.obs, var=adata.var)
        elif kind == "dask":
            da = pytest.importorskip("dask.array")

            x = da.from_array(adata.X.toarray(), chunks=(100, -1)).map_blocks(sp.csr_matrix)
            out[name] = ad.AnnData(X=x, obs=adata.obs, var=adata.var)
        else:
            matrix = {"csr": sp.csr_matrix, "csc": sp.csc_matrix, "dense": lambda x: x.toarray()}[kind](adata.X)
            ad.AnnData(X=matrix, obs=adata.obs, var=adata.var).write_h5ad(folder / f"{name}.h5ad")
            out[name] = ad.read_h5ad(folder / f"{name}.h5ad", backed="r")
    return out


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("kind", ["csr", "csc", "dense", "zarr", "dask"])
def test_matrices_that_stay_where_they_are_give_the_same_bits(data, fitted, tmp_path, kind):
    model = xt.integrate(written(data, tmp_path, kind), config=CONFIG)
    for name, z in fitted.latents.items():
        np.testing.assert_allclose(model.latents[name], z, atol=2e-5 if kind == "dense" else 0)


def test_number_of_threads_changes_no_bit(data, fitted):
    for n_threads in (1, 3):
        model = xt.integrate(data, config=CONFIG, pool=Threads(n_threads))
        for name, z in fitted.latents.items():
            np.testing.assert_array_equal(model.latents[name], z)


def test_small_stored_view_is_fitted_whole(data, tmp_path):
    model = xt.integrate(written(data, tmp_path, "csr"), config=replace(CONFIG, n_core=1000))
    whole = xt.integrate(data, config=replace(CONFIG, n_core=1000))
    for name, z in whole.latents.items():
        np.testing.assert_array_equal(model.latents[name], z)


def test_stored_queries(data, fitted, tmp_path):
    backed = written(data, tmp_path, "csr")["rna"]
    np.testing.assert_array_equal(fitted.embed("rna", backed), fitted.latents["rna"])


def test_bad_numbers_anywhere_stop_the_fit(data):
    bad = data["rna"].copy()
    outside = np.setdiff1d(np.arange(900), xt.integrate(data, config=CONFIG).core_rows["rna"])[0]
    bad.X.data[bad.X.indptr[outside]] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        xt.integrate({"rna": bad, "adt": data["adt"]}, config=CONFIG)


class Answers(Threads):
    """Workers whose answers are changed on the way."""

    def __init__(self, change):
        super().__init__(1)
        self.change = change

    def run(self, encoder, tasks):
        for i, z in super().run(encoder, tasks):
            yield i, self.change(z)


class Kept:
    """A resume folder that holds the same for every block."""

    def __init__(self, z):
        self.z = z

    def find(self, view, bound):
        return self.z

    def keep(self, view, bound, z):
        raise AssertionError("nothing was computed")


@pytest.fixture(scope="module")
def model():
    data = xt.datasets.simulate_citeseq(n_cells=60, n_genes=120, n_proteins=20, seed=0)
    return xt.integrate(data, config=xt.Config(n_rounds=1, n_sketches=1, n_components=20))


def placed(model, **options):
    cells = CellReader("rna", model.views["rna"].matrix, model.recipes["rna"].values)
    assert bounds_of(cells.matrix) == [(0, 60)]
    return place(model.fitted.map, cells, None, **options)


WRONG = [
    (lambda z: 0, "found: int"),
    (lambda z: None, "found: NoneType"),
    (lambda z: z[:1], r"found: shape \(1, "),
    (lambda z: z[:, :1], r"found: shape \(60, 1\)"),
    (lambda z: z.astype(np.float64), "float64"),
    (lambda z: np.where(z == z[0, 0], np.float32(np.nan), z), "not finite"),
]


def test_right_answers_are_used(model):
    np.testing.assert_array_equal(placed(model, pool=Answers(np.copy)), placed(model))


@pytest.mark.parametrize(("change", "said"), WRONG)
def test_wrong_answers_of_workers(model, change, said):
    with pytest.raises(ValueError, match=rf"cells 0 to 59 of view 'rna': a worker returned unusable(.|\n)*{said}"):
        placed(model, pool=Answers(change))


@pytest.mark.parametrize(("change", "said"), [w for w in WRONG if "None" not in w[1]])
def test_wrong_coordinates_in_a_resume_folder(model, change, said):
    with pytest.raises(ValueError, match=rf"cells 0 to 59 of view 'rna': the resume folder(.|\n)*{said}"):
        placed(model, parts=Kept(change(model.latents["rna"])))
