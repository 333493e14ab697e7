"""Two batches whose panels lack different proteins: as one view with zeros, and as two views.

    python benchmarks/panels.py            # simulated CITE-seq, three seeds
    python benchmarks/panels.py --seeds 1

Each of the two batches of proteins lacks 25 others of the 84 proteins. FOSCTTM of the RNA and all cells of proteins.
"""

from __future__ import annotations

import argparse
import warnings

import anndata as ad
import numpy as np
import tables  # one thread, before NumPy is imported

import crosstie as xt
from crosstie.metrics import foscttm

N_LACKING = 25


def scored(model: xt.Model, names: list[str]) -> float:
    """Return FOSCTTM of the RNA and the views of proteins, side by side."""
    z = np.concatenate([model.embed(name) for name in names])
    truth = np.concatenate([model.obs[name]["true_cell"] for name in names])
    _, rows, columns = np.intersect1d(model.obs["rna"]["true_cell"], truth, return_indices=True)
    return foscttm(model.embed("rna")[rows], z[columns])


def ways(seed: int) -> dict[str, float]:
    """Return the score of the complete panel, of zeros, and of a view per batch."""
    views = xt.datasets.simulate_citeseq(n_cells=1500, n_genes=1000, n_batches=2, seed=seed).mod
    rna, adt = views["rna"], views["adt"]
    drawn = np.random.default_rng(seed).permutation(adt.n_vars)
    lacking = {"batch1": drawn[:N_LACKING], "batch2": drawn[N_LACKING : 2 * N_LACKING]}
    x, batch = adt.X.toarray(), adt.obs["batch"].astype(str).to_numpy()
    for name, columns in lacking.items():
        x[np.ix_(batch == name, columns)] = 0
    union = ad.AnnData(x, obs=adt.obs, var=adt.var)
    apart = xt.data.split_by_panel(union, "batch")
    return {
        "complete panels": scored(xt.integrate({"rna": rna, "adt": adt}, batch_key="batch"), ["adt"]),
        "one view, zeros": scored(xt.integrate({"rna": rna, "adt": union}, batch_key="batch"), ["adt"]),
        "a view per batch": scored(xt.integrate({"rna": rna, **apart}, batch_key={"rna": "batch"}), list(apart)),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = [{"panels": how, "foscttm": value} for seed in range(args.seeds) for how, value in ways(seed).items()]
    tables.show(rows, ("panels",), digits=4)


if __name__ == "__main__":
    main()
