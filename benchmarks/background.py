"""Take the background off proteins in every way that the data allow, and score each beside the default.

    python benchmarks/background.py                       # all sets, three seeds
    python benchmarks/background.py --sets reapseq_pbmc2 --seeds 1

The real sets have no unfiltered matrix: droplets are only there for simulated sets (`noisy` has four times the ambient
background), whose empty droplets hold the ambient counts of the simulator at a droplet's size, log-normal with a
standard deviation of .3. Isotype controls are used where the panel has them.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace

import anndata as ad
import numpy as np
import tables  # one thread, before NumPy is imported
import tasks
from methods import METHODS

import crosstie as xt
from crosstie.datasets.simulator.features import antibodies
from crosstie.datasets.simulator.profile import load_profile
from crosstie.links.antibody_names import controls

SIMULATED = {"simulated": 1.0, "simulated, noisy": 4.0}
SETS = (*tasks.REAL, *tasks.UNLABELLED, *SIMULATED)
N_DROPLETS = 5000


def droplets_of(task: tasks.Task, noise: float, seed: int) -> ad.AnnData:
    """Return the cells of a simulated panel among empty droplets."""
    adt = task.views["adt"]
    ambient = antibodies(load_profile("pbmc_wnn")[2], None).ambient * noise
    rng = np.random.default_rng([seed, 6])
    size = np.exp(0.3 * rng.standard_normal((N_DROPLETS, 1)))
    empty = ad.AnnData(rng.poisson(size * ambient).astype(np.float32), var=adt.var.copy())
    empty.obs_names = [f"empty-{i}" for i in range(N_DROPLETS)]
    return ad.concat([adt, empty])


def ways(task: tasks.Task, seed: int) -> dict[str, ad.AnnData]:
    """Return the panel as it is, and with its background taken off in every way that it allows."""
    adt = task.views["adt"]
    found = {"counts (default)": adt, "mixture": xt.qc.with_background(adt, source="mixture")}
    if "isotype control" in controls(adt.var_names).values():
        found["isotypes"] = xt.qc.with_background(adt, source="isotypes")
    if task.name in SIMULATED:
        raw = droplets_of(task, SIMULATED[task.name], seed)
        found["droplets"] = xt.qc.with_background(adt, droplets=raw)
    return found


def main() -> None:
    """Print FOSCTTM and accuracy of each set with each correction."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in args.sets:
        rows = []
        for seed in range(args.seeds):
            if name in SIMULATED:
                task = tasks.simulated(name, seed, n_cells=1500, n_genes=1000, noise=SIMULATED[name])
            else:
                task = tasks.real(name, seed)
            for what, adt in ways(task, seed).items():
                corrected = replace(task, views=task.views | {"adt": adt})
                score = corrected.score(METHODS["crosstie"](corrected, seed))
                rows.append({"data": name, "background": what} | {k: score[k] for k in ("foscttm", "accuracy")})
        tables.show(rows, ("data", "background"), digits=4)


if __name__ == "__main__":
    main()
