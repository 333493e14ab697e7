"""The experiments of the scMODAL study: what a method is shown of them."""

from __future__ import annotations

from crosstie.cli import scmodal_study as study
from made_files import public_files


def test_hidden_views_tell_nothing():
    _, cite = public_files.citeseq_pbmc(n_cells=300)
    task = study.hide(cite, {"level 1": cite["rna"].obs["celltype.l1"].to_numpy()}, seed=0)
    for view, adata in task.views.items():
        assert list(adata.obs.columns) == []
        assert sorted(task.cell[view]) == list(range(adata.n_obs))
        assert (cite[view].X[task.cell[view]] != adata.X).nnz == 0
    assert (task.cell["rna"] != task.cell["adt"]).mean() > 0.9
    assert not set(task.views["rna"].obs_names) & set(task.views["adt"].obs_names)
