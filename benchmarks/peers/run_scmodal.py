"""The authors' scMODAL, from the folder $SCMODAL_PATH, by its README: STEPS of its 10,000 steps.

Linked features come first in both views, normalised for themselves, then the others: a protein linked to two genes
stands in two columns, as in MaxFuse's recipe, which it refers to.
"""

import os
import sys

import anndata as ad
import numpy as np
import scanpy as sc
from exchange import Exchange, dense

sys.path.insert(0, os.environ["SCMODAL_PATH"])
import scmodal

BUDGET = 10_000
run = Exchange()
rna, adt, links = run.read()
views = []
for view, adata in (("rna", rna), ("adt", adt)):
    linked = adata[:, links[view].to_numpy()].copy()
    other = adata[:, ~adata.var_names.isin(links[view])].copy()
    blocks = []
    for part in (linked, other):
        part.var_names_make_unique()
        sc.pp.normalize_total(part)
        sc.pp.log1p(part)
        blocks.append(dense(part.X))
    whole = ad.AnnData(np.hstack(blocks))
    sc.pp.scale(whole)
    views.append(whole)
steps = run.steps or BUDGET
model = scmodal.model.Model(training_steps=steps, model_path=str(run.out / "model"))
model.preprocess(*views, shared_gene_num=len(links))
with run.training():
    model.train()
run.trained(steps, BUDGET)
if steps == BUDGET:
    model.eval()
    run.write(model.latent[: rna.n_obs], model.latent[rna.n_obs :])
else:
    run.write()
