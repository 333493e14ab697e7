"""moscot by its translation tutorial (moscot.readthedocs.io, 600_tutorial_translation), fused Gromov-Wasserstein.

Source and target are principal components of each view, the joint attribute the linked features, scaled. Coordinates:
the RNA's components, and the proteins' cells translated into them.
"""

import scanpy as sc
from exchange import Exchange, dense
from moscot.problems.cross_modality import TranslationProblem
from sklearn.preprocessing import normalize

run = Exchange()
rna, adt, links = run.read()
for view, adata in (("rna", rna), ("adt", adt)):
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    sc.pp.scale(adata, max_value=10)
    adata.obsm["linked"] = dense(adata[:, links[view].to_numpy()].X)
    sc.tl.pca(adata, n_comps=min(50, adata.n_vars - 1))
    adata.obsm["pca"] = normalize(adata.obsm["X_pca"])
problem = TranslationProblem(adata_src=adt, adata_tgt=rna)
problem = problem.prepare(src_attr="pca", tgt_attr="pca", joint_attr="linked")
problem = problem.solve(alpha=0.5, epsilon=5e-3)
run.write(rna.obsm["pca"], problem.translate(source="src", target="tgt", forward=True))
