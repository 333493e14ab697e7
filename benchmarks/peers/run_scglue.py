"""GLUE on a folder of views, in its own environment: its tutorial (scglue.readthedocs.io); proteins as counts."""

import sys
import time
from pathlib import Path

import anndata as ad
import networkx as nx
import numpy as np
import pandas as pd
import scanpy as sc
import scglue

folder, out = map(Path, sys.argv[1:3])
rna, adt = (ad.read_h5ad(folder / f"{view}.h5ad") for view in ("rna", "adt"))
links = pd.read_csv(folder / "links.csv")
start = time.perf_counter()
adt.var_names = [f"protein:{name}" for name in adt.var_names]
for adata in (rna, adt):
    adata.var_names_make_unique()
    adata.X = adata.X.astype(np.float32)
    adata.layers["counts"] = adata.X.copy()
sc.pp.highly_variable_genes(rna, n_top_genes=min(2000, rna.n_vars - 1), flavor="seurat_v3", layer="counts")
rna.var.loc[links["rna"].unique(), "highly_variable"] = True
adt.var["highly_variable"] = True
for adata, n_comps in ((rna, 100), (adt, min(50, adt.n_vars - 1))):
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    sc.pp.scale(adata)
    sc.tl.pca(adata, n_comps=min(n_comps, adata.n_vars - 1, adata.n_obs - 1), svd_solver="auto")
graph = nx.MultiDiGraph()
for name in [*rna.var_names, *adt.var_names]:
    graph.add_edge(name, name, weight=1.0, sign=1, type="loop")
for gene, protein in zip(links["rna"], links["adt"], strict=True):
    graph.add_edge(gene, f"protein:{protein}", weight=1.0, sign=1, type="fwd")
    graph.add_edge(f"protein:{protein}", gene, weight=1.0, sign=1, type="rev")
for adata in (rna, adt):
    scglue.models.configure_dataset(adata, "NB", use_highly_variable=True, use_layer="counts", use_rep="X_pca")
used = [n for n in graph.nodes if n in set(rna.var_names[rna.var.highly_variable]) | set(adt.var_names)]
model = scglue.models.fit_SCGLUE(
    {"rna": rna, "adt": adt}, graph.subgraph(used), fit_kws={"directory": str(out / "glue")}
)
for view, adata in (("rna", rna), ("adt", adt)):
    np.save(out / f"{view}.npy", model.encode_data(view, adata).astype(np.float32))
print(time.perf_counter() - start)
