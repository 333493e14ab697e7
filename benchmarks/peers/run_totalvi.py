"""totalVI on a folder of views, in its own environment: told the pairing of half of the cells, it imputes proteins.

A privileged comparison: the others are not told any pairing. Reads paired.csv (row of each cell in both views, and
whether it is trained on with its proteins); writes imputed.npy, the denoised proteins of all RNA cells, and `held.npy`.
"""

import sys
import time
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scvi

folder, out = map(Path, sys.argv[1:3])
scvi.settings.seed = 0
rna, adt = (ad.read_h5ad(folder / f"{view}.h5ad") for view in ("rna", "adt"))
pairs = pd.read_csv(folder / "paired.csv")
start = time.perf_counter()
rna = rna[pairs["rna"].to_numpy()].copy()
protein = adt.X[pairs["adt"].to_numpy()]
protein = protein.toarray() if hasattr(protein, "toarray") else protein
told = pairs["told"].to_numpy(bool)
rna.obsm["protein"] = pd.DataFrame(np.where(told[:, None], protein, 0), index=rna.obs_names, columns=adt.var_names)
rna.obs["batch"] = np.where(told, "told", "held")
scvi.model.TOTALVI.setup_anndata(rna, batch_key="batch", protein_expression_obsm_key="protein")
model = scvi.model.TOTALVI(rna)
model.train(early_stopping=True, accelerator="cpu")
_, imputed = model.get_normalized_expression(transform_batch="told", n_samples=10, return_mean=True)
np.save(out / "imputed.npy", np.asarray(imputed, np.float32))
print(time.perf_counter() - start)
