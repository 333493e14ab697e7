"""GLUE by its tutorial (scglue.readthedocs.io, preprocessing and training), proteins in the place of the second omics.

The tutorial has RNA and ATAC. Proteins are counts too: negative binomial likelihood, principal components as the first
transformation, all of them used; the guidance graph has an edge for each link beside the loops. Linked genes count as
highly variable. Its budget is a number of epochs that `fit_SCGLUE` chooses; it stops early by itself. With STEPS, that
many epochs of both its stages.
"""

import networkx as nx
import scanpy as sc
import scglue
from exchange import Exchange

run = Exchange()
rna, adt, links = run.read()
adt.var_names = [f"protein:{name}" for name in adt.var_names]
for adata in (rna, adt):
    adata.layers["counts"] = adata.X.copy()
sc.pp.highly_variable_genes(rna, n_top_genes=min(2000, rna.n_vars), flavor="seurat_v3")
rna.var.loc[links["rna"].unique(), "highly_variable"] = True
adt.var["highly_variable"] = True
for adata in (rna, adt):
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    sc.pp.scale(adata)
    sc.tl.pca(adata, n_comps=min(100, adata.n_vars - 1), svd_solver="auto")
    scglue.models.configure_dataset(adata, "NB", use_highly_variable=True, use_layer="counts", use_rep="X_pca")
graph = nx.MultiDiGraph()
for name in [*rna.var_names[rna.var["highly_variable"]], *adt.var_names]:
    graph.add_edge(name, name, weight=1.0, sign=1, type="loop")
for gene, protein in zip(links["rna"], links["adt"], strict=True):
    graph.add_edge(gene, f"protein:{protein}", weight=1.0, sign=1, type="fwd")
    graph.add_edge(f"protein:{protein}", gene, weight=1.0, sign=1, type="rev")
fit = {"directory": str(run.out / "glue")} | ({"max_epochs": run.steps} if run.steps else {})
model = scglue.models.fit_SCGLUE({"rna": rna, "adt": adt}, graph, fit_kws=fit)
run.write(model.encode_data("rna", rna), model.encode_data("adt", adt))
