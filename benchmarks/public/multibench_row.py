"""Coordinates of crosstie for a data set of scMultiBench (Liu et al., Nature Methods 2025), category "diagonal".

    python benchmarks/public/multibench_row.py FOLDER crosstie.csv

FOLDER is laid out as `multibench-sc` has it: `rna.h5`, `atac_gas.h5` (gene activity) and, or not, `atac_peak.h5`;
each with `matrix/data` (features × cells), `matrix/features` and `matrix/barcodes`. The file that is written has a row
for each cell, RNA first, then ATAC, which is the order of the label files. `score_multibench.py` scores it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

import crosstie as xt


def read(path: Path) -> ad.AnnData:
    """Read a matrix of scMultiBench as cells × features."""
    with h5py.File(path, "r") as file:
        x = sp.csr_matrix(np.asarray(file["matrix/data"]).T.astype(np.float32))
        features, cells = (file[f"matrix/{name}"].asstr()[:] for name in ("features", "barcodes"))
    return ad.AnnData(x, obs=pd.DataFrame(index=cells), var=pd.DataFrame(index=features))


def views(folder: Path) -> tuple[dict[str, ad.AnnData], dict[str, ad.AnnData]]:
    """Return RNA and ATAC, and the gene activity that links read where ATAC are peaks."""
    rna, activity = (read(folder / f"{name}.h5") for name in ("rna", "atac_gas"))
    if (folder / "atac_peak.h5").exists():
        peaks = read(folder / "atac_peak.h5")
        if list(peaks.obs_names) == list(activity.obs_names):
            return {"rna": rna, "atac": peaks}, {"atac": activity}
    return {"rna": rna, "atac": activity}, {}


def coordinates(folder: Path, seed: int = 0) -> pd.DataFrame:
    """Integrate, and return coordinates of RNA cells, then ATAC cells, under the barcodes of the files."""
    data, link_data = views(folder)
    names = np.concatenate([adata.obs_names for adata in data.values()])
    for name, adata in {**data, **{f"{k} links": v for k, v in link_data.items()}}.items():
        adata.obs_names = [f"{name.split()[0]}-{i}" for i in range(adata.n_obs)]
    modality = None if link_data else dict.fromkeys(data, "rna")  # gene activity has the features of RNA
    model = xt.integrate(data, modality=modality, link_data=link_data or None, seed=seed)
    return pd.DataFrame(np.concatenate([model.embed(name) for name in data]), index=names)


def main() -> None:
    """Write the coordinates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    coordinates(args.folder, args.seed).to_csv(args.out)


if __name__ == "__main__":
    main()
