"""GLUE's part that RNA–protein and RNA–chromatin share: configured views, the graph of guidance, the fit.

The graph has an edge for each pair of linked features, both ways, and a loop for each feature: the same links as
crosstie has. Features of the other view are renamed, because a gene and its protein can have one name.
"""

import networkx as nx
import scanpy as sc
import scglue


def configured(adata, *, use_rep):
    """Return a view of counts with what GLUE reads of it: its counts, its features, its first transformation."""
    scglue.models.configure_dataset(adata, "NB", use_highly_variable=True, use_layer="counts", use_rep=use_rep)
    return adata


def with_components(adata, n_comps):
    """Return a view of counts, normalised and scaled, with principal components."""
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    sc.pp.scale(adata)
    sc.tl.pca(adata, n_comps=min(n_comps, adata.n_vars - 1), svd_solver="auto")
    return adata


def prepared(rna, other, links, kind):
    """Return RNA with its variable and linked genes chosen, the other view with its features renamed, and the links."""
    links = links.rename(columns={kind: "other"})[["rna", "other"]]
    links["other"] = kind + ":" + links["other"].astype(str)
    other.var_names = [f"{kind}:{name}" for name in other.var_names]
    for adata in (rna, other):
        adata.layers["counts"] = adata.X.copy()
    sc.pp.highly_variable_genes(rna, n_top_genes=min(2000, rna.n_vars), flavor="seurat_v3")
    rna.var.loc[rna.var_names.isin(links["rna"]), "highly_variable"] = True
    other.var["highly_variable"] = True
    return configured(with_components(rna, 100), use_rep="X_pca"), other, links


def graph_of(rna, other, links):
    """Return the graph of guidance."""
    graph = nx.MultiDiGraph()
    for name in [*rna.var_names[rna.var["highly_variable"]], *other.var_names]:
        graph.add_edge(name, name, weight=1.0, sign=1, type="loop")
    for gene, feature in zip(links["rna"], links["other"], strict=True):
        graph.add_edge(gene, feature, weight=1.0, sign=1, type="fwd")
        graph.add_edge(feature, gene, weight=1.0, sign=1, type="rev")
    return graph
