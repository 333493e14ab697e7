"""MaxFuse on a folder of views, in its own environment: its tutorial for CITE-seq (maxfuse.readthedocs.io)."""

import sys
import time
from pathlib import Path

import anndata as ad
import maxfuse as mf
import numpy as np
import pandas as pd
import scanpy as sc

folder, out = map(Path, sys.argv[1:3])
rna, adt = (ad.read_h5ad(folder / f"{view}.h5ad") for view in ("rna", "adt"))
links = pd.read_csv(folder / "links.csv")
start = time.perf_counter()


def prepared(adata, names=None, *, variable=False):
    """Return some columns, or the variable ones, normalised and scaled."""
    adata = adata[:, names].copy() if names is not None else adata.copy()
    adata.X = adata.X.astype(np.float32)
    adata.var_names_make_unique()
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    if variable:
        sc.pp.highly_variable_genes(adata)
        adata = adata[:, adata.var.highly_variable].copy()
    sc.pp.scale(adata)
    return adata.X.toarray() if hasattr(adata.X, "toarray") else adata.X


shared_rna, shared_adt = prepared(rna, links["rna"].to_numpy()), prepared(adt, links["adt"].to_numpy())
varies = (shared_rna.std(0) > 1e-5) & (shared_adt.std(0) > 1e-5)
active_rna, active_adt = prepared(rna, variable=True), prepared(adt)
active_rna, active_adt = (x[:, x.std(0) > 1e-5] for x in (active_rna, active_adt))
fusor = mf.model.Fusor(
    shared_arr1=shared_rna[:, varies], shared_arr2=shared_adt[:, varies], active_arr1=active_rna, active_arr2=active_adt
)
fusor.split_into_batches(max_outward_size=8000, matching_ratio=4, metacell_size=2)
k = min(15, active_adt.shape[1] - 1)
few = min(20, int(varies.sum()) - 1)
fusor.construct_graphs(
    n_neighbors1=15, n_neighbors2=15, svd_components1=40, svd_components2=k, resolution1=2, resolution2=2,
    randomized_svd=False, svd_runs=1,
)  # fmt: skip
fusor.find_initial_pivots(wt1=0.3, wt2=0.3, svd_components1=min(25, few), svd_components2=few)
fusor.refine_pivots(
    wt1=0.3, wt2=0.3, svd_components1=40, svd_components2=None, cca_components=min(25, active_adt.shape[1] - 1),
    n_iters=1, randomized_svd=False, svd_runs=1,
)  # fmt: skip
fusor.filter_bad_matches(target="pivot", filter_prop=0.5)
fusor.propagate(svd_components1=40, svd_components2=None, wt1=0.7, wt2=0.7)
fusor.filter_bad_matches(target="propagated", filter_prop=0.3)
found = fusor.get_embedding(active_arr1=fusor.active_arr1, active_arr2=fusor.active_arr2)
for view, z in zip(("rna", "adt"), found, strict=True):
    z = np.asarray(z)[:, :15]
    z = z - z.mean(1, keepdims=True)  # its distance is that of correlation
    np.save(out / f"{view}.npy", (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32))
print(time.perf_counter() - start)
