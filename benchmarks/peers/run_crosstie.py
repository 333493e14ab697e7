"""crosstie on a folder of views, at its defaults."""

import sys
import time
from pathlib import Path

import anndata as ad
import numpy as np

import crosstie as xt

folder, out = map(Path, sys.argv[1:3])
data = {view: ad.read_h5ad(folder / f"{view}.h5ad") for view in ("rna", "adt")}
start = time.perf_counter()
model = xt.integrate(data)
for view, z in model.latents.items():
    np.save(out / f"{view}.npy", z)
print(time.perf_counter() - start)
