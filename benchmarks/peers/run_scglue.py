"""GLUE by its tutorial (scglue.readthedocs.io, preprocessing and training), proteins in the place of the second omics.

The tutorial has RNA and ATAC. Proteins are counts too: negative binomial likelihood, principal components as the first
transformation, all of them used; the guidance graph has an edge for each link beside the loops. Linked genes count as
highly variable. Its budget is a number of epochs that `fit_SCGLUE` chooses; it stops early by itself. With STEPS, that
many epochs of both its stages.
"""

import math

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
fit, kind = {"directory": str(run.out / "glue")}, scglue.models.SCGLUEModel
if run.steps:
    fit["max_epochs"] = run.steps

    class Timed(kind):
        """GLUE's model, its training timed."""

        def fit(self, *args, **options):
            """Fit as it does."""
            with run.training():
                super().fit(*args, **options)
            batches = 0.9 * (rna.n_obs + adt.n_obs) / 128  # of an epoch; 48 / rate of learning is its own rule
            run.trained(2 * run.steps, 2 * math.ceil(self.MAX_EPOCHS_PRG / self.trainer.lr / batches))

    kind = Timed
model = scglue.models.fit_SCGLUE({"rna": rna, "adt": adt}, graph, model=kind, fit_kws=fit)
run.write(model.encode_data("rna", rna), model.encode_data("adt", adt))
