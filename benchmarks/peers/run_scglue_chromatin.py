"""GLUE on RNA and chromatin by its tutorial (scglue.readthedocs.io): 2,000 variable genes, PCA; all peaks, LSI.

The guidance graph has an edge for each linked gene and peak (`links.csv`) beside the loops: the same links
as crosstie has. Its budget is its own; it stops early by itself.
"""

import networkx as nx
import scanpy as sc
import scglue
from exchange import Exchange

run = Exchange()
rna, atac, links = run.read()
rna.layers["counts"] = rna.X.copy()
sc.pp.highly_variable_genes(rna, n_top_genes=min(2000, rna.n_vars), flavor="seurat_v3")
sc.pp.normalize_total(rna)
sc.pp.log1p(rna)
sc.pp.scale(rna)
sc.tl.pca(rna, n_comps=100, svd_solver="auto")
atac.var["highly_variable"] = True
scglue.data.lsi(atac, n_components=100, n_iter=15)
atac.var_names = [f"peak:{name}" for name in atac.var_names]
rna.var.loc[rna.var_names.isin(links["rna"]), "highly_variable"] = True
scglue.models.configure_dataset(rna, "NB", use_highly_variable=True, use_layer="counts", use_rep="X_pca")
scglue.models.configure_dataset(atac, "NB", use_highly_variable=True, use_rep="X_lsi")
graph = nx.MultiDiGraph()
for name in [*rna.var_names[rna.var["highly_variable"]], *atac.var_names]:
    graph.add_edge(name, name, weight=1.0, sign=1, type="loop")
for gene, peak in zip(links["rna"], links["atac"], strict=True):
    graph.add_edge(gene, f"peak:{peak}", weight=1.0, sign=1, type="fwd")
    graph.add_edge(f"peak:{peak}", gene, weight=1.0, sign=1, type="rev")
model = scglue.models.fit_SCGLUE({"rna": rna, "atac": atac}, graph, fit_kws={"directory": str(run.out / "glue")})
run.write(rna=model.encode_data("rna", rna), atac=model.encode_data("atac", atac))
