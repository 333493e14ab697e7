"""Which cells there are, and which of them each view measures."""

from __future__ import annotations

import numpy as np
import pytest

from crosstie._errors import InputValueError
from crosstie.datasets import simulate_citeseq
from crosstie.datasets.simulator.profile import load_profile


@pytest.fixture(scope="module")
def mdata():
    return simulate_citeseq(n_cells=600, n_genes=300, seed=1)


def test_row_order_and_names_tell_nothing(mdata):
    rna, adt = mdata["rna"].obs["true_cell"].to_numpy(), mdata["adt"].obs["true_cell"].to_numpy()
    assert (rna == adt).mean() < 0.05
    assert abs(np.corrcoef(rna, np.arange(600))[0, 1]) < 0.15
    assert not set(mdata["rna"].obs_names) & set(mdata["adt"].obs_names)


@pytest.mark.parametrize("overlap", [0.0, 0.4, 1.0])
def test_overlap_is_the_share_of_common_cells(overlap):
    mdata = simulate_citeseq(n_cells=500, n_genes=150, overlap=overlap)
    rna, adt = (set(mdata[v].obs["true_cell"]) for v in ("rna", "adt"))
    assert len(rna) == len(adt) == 500
    assert len(rna & adt) == round(500 * overlap)


def test_views_of_different_size():
    mdata = simulate_citeseq(n_cells={"rna": 400, "adt": 150}, n_genes=150)
    rna, adt = (set(mdata[v].obs["true_cell"]) for v in ("rna", "adt"))
    assert (len(rna), len(adt)) == (400, 150)
    assert adt < rna


def test_dropped_types_leave_one_view():
    mdata = simulate_citeseq(n_cells=500, n_genes=150, drop_types={"adt": ["NK cells", "Naive B"]})
    assert mdata["adt"].n_obs == 500
    assert not {"NK cells"} & set(mdata["adt"].obs["cell_type"])
    assert "Naive B" not in set(mdata["adt"].obs["state"])
    assert {"NK cells"} <= set(mdata["rna"].obs["cell_type"])
    rna, adt = (mdata[v].obs.set_index("true_cell") for v in ("rna", "adt"))
    common = rna.index.intersection(adt.index)
    assert 300 < len(common) < 500
    assert (rna.loc[common, "state"].astype(str) == adt.loc[common, "state"].astype(str)).all()


def test_composition_is_a_factor_on_the_odds():
    mdata = simulate_citeseq(n_cells=4000, n_genes=150, composition={"adt": {"CD14+ monocytes": 0.1}})
    share = {v: (mdata[v].obs["cell_type"] == "CD14+ monocytes").mean() for v in ("rna", "adt")}
    odds = {v: p / (1 - p) for v, p in share.items()}
    assert odds["adt"] / odds["rna"] == pytest.approx(0.1, rel=0.3)


def test_dropping_everything_is_an_error():
    with pytest.raises(InputValueError, match="view 'adt' has no cell types left"):
        simulate_citeseq(drop_types={"adt": list(load_profile()[0].state)})
