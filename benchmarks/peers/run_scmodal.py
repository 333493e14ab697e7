"""The authors' scMODAL on a folder of views: 20 of its steps, by its tutorial for CITE-seq, from $SCMODAL_PATH."""

import os
import sys
import time
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scanpy as sc

sys.path.insert(0, os.environ["SCMODAL_PATH"])
import scmodal

N_STEPS = 20
folder, out = map(Path, sys.argv[1:3])
rna, adt = (ad.read_h5ad(folder / f"{view}.h5ad") for view in ("rna", "adt"))
links = pd.read_csv(folder / "links.csv").drop_duplicates("adt")
rest = {"rna": ~rna.var_names.isin(links["rna"]), "adt": ~adt.var_names.isin(links["adt"])}
views = []
for view, adata in (("rna", rna), ("adt", adt)):
    linked, other = adata[:, links[view].to_numpy()].copy(), adata[:, rest[view]].copy()
    sc.pp.normalize_total(linked)
    sc.pp.log1p(linked)
    if other.n_vars:
        sc.pp.normalize_total(other)
        sc.pp.log1p(other)
    dense = [x.X.toarray() if hasattr(x.X, "toarray") else x.X for x in (linked, other)]
    whole = ad.AnnData(np.hstack(dense))
    sc.pp.scale(whole, max_value=10)
    views.append(whole)
start = time.perf_counter()
model = scmodal.model.Model(training_steps=N_STEPS, model_path=str(out / "scmodal"))
model.preprocess(views[0], views[1], shared_gene_num=len(links))
model.train()
print((time.perf_counter() - start) / N_STEPS)
