"""Paired data as a reference: simulated views in which the same cells have the same names."""

import anndata as ad
import mudata as md
import numpy as np

from crosstie._mudata import views_as_they_are


def reference_of(mdata):
    """Return simulated data with the hidden pairing shown in the names of the cells."""
    views = {}
    for name, adata in mdata.mod.items():
        number = adata.obs["true_cell"].to_numpy()
        views[name] = ad.AnnData(
            adata.X[np.argsort(number)], obs=adata.obs[["cell_type"]].iloc[np.argsort(number)], var=adata.var[[]].copy()
        )
        views[name].obs_names = [f"reference-{i}" for i in np.sort(number)]
    with views_as_they_are():
        return md.MuData(views)
