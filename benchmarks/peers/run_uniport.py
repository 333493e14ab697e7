"""uniPort by its PBMC tutorial (uniport.readthedocs.io), linked features in the place of the common genes.

A link is one common feature: its gene in RNA, its protein in ADT; of chromatin, the activity of the gene. Defaults of
`Run` otherwise: 30,000 iterations with early stopping; with STEPS, that many, in whole epochs.
"""

import anndata as ad
import numpy as np
import scanpy as sc
import uniport as up
from exchange import Exchange, dense
from gene_activity import gene_activity

BUDGET = 30_000
run = Exchange()
rna, other, links = run.read()
if run.other == "atac":
    other = gene_activity(other, links)
    links = links[["rna"]].drop_duplicates().assign(atac=lambda pairs: pairs["rna"])
names = [f"{feature}:{gene}" for feature, gene in zip(links[run.other], links["rna"], strict=True)]
views = {run.other: other, "rna": rna}
common = []
for i, (view, adata) in enumerate(views.items()):
    adata.obs["domain_id"] = i
    adata.obs["domain_id"] = adata.obs["domain_id"].astype("category")
    adata.obs["source"] = view
    linked = ad.AnnData(dense(adata[:, links[view].to_numpy()].X), obs=adata.obs.copy())
    linked.var_names = names
    common.append(linked)
both = common[0].concatenate(common[1], join="inner", batch_key="domain_id")
sc.pp.normalize_total(both)
sc.pp.log1p(both)
up.batch_scale(both)
for adata in views.values():
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    if adata.n_vars > 2000:
        sc.pp.highly_variable_genes(adata, n_top_genes=2000, inplace=False, subset=True)
    up.batch_scale(adata)
steps = run.steps or BUDGET
epoch = (other.n_obs + rna.n_obs) // 256  # it runs whole epochs
with run.training():
    found = up.Run(list(views.values()), both, lambda_s=1.0, iteration=steps, outdir=str(run.out / "uniport"))
if run.steps:
    run.trained(*(-(-n // epoch) * epoch for n in (steps, BUDGET)))
z = np.asarray(found.obsm["latent"])
run.write(**{run.other: z[: other.n_obs], "rna": z[other.n_obs :]})
