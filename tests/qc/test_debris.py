"""Debris of segmentation: what is unlike the cells of its section in size, sum and nuclear stain; never whole types."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import crosstie as xt
from crosstie.qc import find_debris


def objects(n=300, *, seed=0, area="area", dna="DAPI"):
    """Two sections, the second with intensities and sizes of its own; the last six of each are debris of six kinds."""
    rng = np.random.default_rng(seed)
    x = rng.lognormal(3, 0.3, (n, 12))
    size, stain = rng.lognormal(4, 0.15, n), rng.lognormal(6, 0.15, n)
    for end in (n // 2, n):
        size[end - 6 : end - 4] *= [0.2, 4]
        x[end - 4] *= 0.05
        stain[end - 3] *= 0.1
    x[n // 2 :] *= 30
    size[n // 2 :] *= 7
    obs = pd.DataFrame({"section": ["a"] * (n // 2) + ["b"] * (n - n // 2)}, index=[f"c{i}" for i in range(n)])
    obs[area], obs[dna] = size, stain
    return ad.AnnData(x.astype(np.float32), obs, obsm={"spatial": rng.random((n, 2))})


def test_each_kind_is_found_in_each_section():
    found = find_debris(objects())
    for end in (150, 300):
        assert found.table["small"].iloc[end - 6]
        assert found.table["large"].iloc[end - 5]
        assert found.table["faint"].iloc[end - 4]
        assert found.table["little DNA"].iloc[end - 3]
    assert found.flagged.sum() <= 8 + 6  # three standard deviations: about one in 400 cells for each kind
    assert found.measures == {"small": "area", "large": "area", "faint": "total", "little DNA": "DAPI"}
    assert str(found).startswith(f"{found.flagged.sum()} of 300 (")


def test_it_is_the_formula():
    adata = objects()
    log = np.log(adata.obs["area"].to_numpy() + 1e-3 * np.median(adata.obs["area"]))[:150]
    far = (log - np.median(log)) / (1.4826 * np.median(np.abs(log - np.median(log))))
    assert (find_debris(adata).table["small"].to_numpy()[:150] == (far < -3)).all()


@pytest.mark.parametrize(
    ("area", "dna"),
    [("Area", "191Ir"), ("Cell: Area µm^2", "Hoechst 33342"), ("AreaShape_Area", "DNA1"), ("cell_area", "DRAQ5")],
)
def test_names_of_the_usual_programs_are_known(area, dna):
    measures = find_debris(objects(area=area, dna=dna)).measures
    assert measures["small"] == area
    assert measures["little DNA"] == dna


def test_the_nuclear_stain_may_be_a_feature_and_the_order_of_cells_does_not_matter():
    adata = objects()
    stain = adata.obs.pop("DAPI").to_numpy(np.float32)
    adata = ad.AnnData(
        np.column_stack([adata.X, stain]), adata.obs, pd.DataFrame(index=[*map(str, range(12)), "DAPI_nucleus"])
    )
    found = find_debris(adata)
    assert found.measures["little DNA"] == "DAPI_nucleus"
    assert found.table["little DNA"].iloc[[147, 297]].all()
    order = np.random.default_rng(1).permutation(300)
    pd.testing.assert_frame_equal(find_debris(adata[order]).table, found.table.iloc[order])


def test_a_bright_type_is_no_debris_and_few_cells_say_nothing():
    adata = objects()
    adata.X[:20] *= 10
    assert not find_debris(adata).flagged[:20].any()
    few = objects()[:40]
    assert not find_debris(few).flagged.any()
    with pytest.raises(KeyError, match="slide"):
        find_debris(adata, section_key="slide")


def test_segmentation_errors_of_simulated_tissue_stand_out_and_check_says_so():
    mdata = xt.datasets.simulate_tissue(n_cells=3000, merged=0.1, split=0.1, n_sections=2, seed=0)
    obs = mdata["tissue"].obs
    flagged = find_debris(mdata["tissue"]).flagged
    wrong = (obs["merged"] | obs["split"]).to_numpy()
    assert flagged[wrong].mean() > 8 * flagged[~wrong].mean()
    found = {f.id: f for f in xt.trust.check(mdata).findings if f.about == "tissue"}["debris"]
    assert found.value == pytest.approx(flagged.mean())
    assert found.level == "note"
