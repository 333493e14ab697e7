"""What imaging makes of the proteins of true cells."""

import numpy as np
import pytest

from crosstie.datasets.simulator.cells import Cells
from crosstie.datasets.simulator.imaging import Image, image
from crosstie.datasets.simulator.placement import SPACING, Placed

CLEAN = {"merged": 0.0, "split": 0.0, "spillover": 0.0, "autofluorescence": 0.0, "noise": 0.0, "batch_effect": 0.0}


def stained(n=100, seed=0):
    """Return true cells on a line of pairs, every other one bright, all of one size."""
    import anndata as ad
    import pandas as pd

    bright = np.arange(n) % 2
    x = np.column_stack([1 + 99 * bright, np.full(n, 10.0), 100 - 99 * bright]).astype(np.float32)
    obs = pd.DataFrame(
        {"cell_type": bright.astype(str), "batch": "b", "true_cell": np.arange(n)}, index=map(str, range(n))
    )
    cells = Cells(bright, np.zeros(n, np.int64), np.zeros(n, np.float32), np.zeros((n, 1), np.float32))
    xy = np.column_stack([np.arange(n) * SPACING, np.zeros(n)])
    from scipy import sparse

    return ad.AnnData(sparse.csr_matrix(x), obs), Placed(cells, xy, bright, np.zeros(n, bool))


def measured(**options):
    return image(*stained(), Image(**CLEAN | options), 0)


def contrast(adata):
    return adata.X[:, 0].max() / adata.X[:, 0].min()


def test_a_clean_image_keeps_ratios_and_places():
    adata = measured()
    assert contrast(adata) == pytest.approx(100, rel=1e-4)
    assert sorted(adata.obsm["spatial"][:, 0]) == [SPACING * i for i in range(100)]


def test_spillover_comes_from_the_neighbours():
    dim, bright = 0.9 * 1 + 0.1 * 100, 0.9 * 100 + 0.1 * 1
    assert contrast(measured(spillover=0.1)) == pytest.approx(bright / dim, rel=0.01)


def test_a_merged_segment_is_the_mean_of_two_neighbours():
    adata = measured(merged=0.2)
    one = adata[adata.obs["merged"].to_numpy()]
    assert len(one) == round(0.2 * adata.n_obs)
    level = np.unique(adata.X[~adata.obs["merged"].to_numpy(), 0])
    assert np.allclose(one.X[:, 0], (level[0] + level[-1]) / 2, rtol=1e-3)
    assert np.allclose(one.obs["area"], 2 * adata[~adata.obs["merged"].to_numpy()].obs["area"].iloc[0])
    assert np.allclose(one.obsm["spatial"][:, 0] % SPACING, SPACING / 2)


def test_a_split_cell_is_two_segments_of_half_the_area():
    adata = measured(split=0.2)
    parts = adata.obs["split"].to_numpy()
    assert parts.sum() == 22  # 11 of the 111 cells that give 100 segments more or less
    assert np.allclose(adata.obs["area"][parts], adata.obs["area"][~parts].iloc[0] / 2)


def test_autofluorescence_and_noise_add_to_what_is_dark():
    assert contrast(measured(autofluorescence=1.0)) < 60
    spread = np.log(measured(noise=0.5).X[:, 1]).std()
    assert spread == pytest.approx(0.5, abs=0.1)
