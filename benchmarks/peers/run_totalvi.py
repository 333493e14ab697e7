"""totalVI by its tutorial on imputing missing proteins (docs.scvi-tools.org): told the pairing of half of the cells.

A privileged comparison. Reads pairs.csv: for each RNA cell its row in the protein view and whether totalVI is told;
writes imputed.npy, denoised proteins of all RNA cells in the order of pairs.csv.
"""

import numpy as np
import pandas as pd
import scanpy as sc
import scvi
from exchange import Exchange, dense

run = Exchange()
scvi.settings.seed = 0
rna, adt, _ = run.read()
pairs = pd.read_csv(run.folder / "pairs.csv")
told = pairs["told"].to_numpy(bool)
rna = rna[pairs["rna"].to_numpy()].copy()
protein = np.where(told[:, None], dense(adt.X)[pairs["adt"].to_numpy()], 0)  # a batch of zeros counts as missing
rna.obsm["protein"] = pd.DataFrame(protein, index=rna.obs_names, columns=adt.var_names)
rna.obs["batch"] = np.where(told, "told", "held")
if rna.n_vars > 4000:
    sc.pp.highly_variable_genes(rna, n_top_genes=4000, flavor="seurat_v3", batch_key="batch", subset=True)
scvi.model.TOTALVI.setup_anndata(rna, batch_key="batch", protein_expression_obsm_key="protein")
model = scvi.model.TOTALVI(rna, latent_distribution="normal", n_layers_decoder=2)
model.train(accelerator="cpu")
_, imputed = model.get_normalized_expression(n_samples=25, return_mean=True, transform_batch=["told"])
np.save(run.out / "imputed.npy", np.asarray(imputed, np.float32))
run.write()
