"""Compare how hard simulated and real paired data are. Prints the table of docs/simulator.md.

Three methods: the linked features alone, crosstie's closed form, and a CCA that is told the pairing. Real data come
from `$CROSSTIE_DATA`.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from methods import METHODS
from tasks import Task, real, simulated

# the types of pbmc_wnn, so that accuracies compare
COARSE = {
    "CD4+ T cells": "CD4 T", "CD8+ T cells": "CD8 T", "Other T cells": "other T", "NK cells": "NK", "B cells": "B",
    "CD14+ monocytes": "Mono", "CD16+ monocytes": "Mono", "Dendritic cells": "DC",
    "Plasmacytoid dendritic cells": "DC", "Platelets": "other",
}  # fmt: skip
NOT_IN_PBMC10K = {view: ["Other T cells", "Plasmacytoid dendritic cells", "Platelets"] for view in ("rna", "adt")}
LIKE_PBMC10K = {"panel": "pbmc10k", "n_cells": 6855, "n_genes": 4000, "drop_types": NOT_IN_PBMC10K}


def coarse(task: Task) -> Task:
    """Return a simulated task with the types of `pbmc_wnn`."""
    return replace(task, label=np.array([COARSE.get(label, label) for label in task.label], dtype=object))


SETS: dict[str, Callable[[int], Task]] = {
    "pbmc10k, real": lambda seed: real("pbmc10k", seed),
    'simulated, panel="pbmc10k"': lambda seed: simulated("pbmc10k-like", seed, **LIKE_PBMC10K),
    "pbmc_wnn, real": lambda seed: real("pbmc_wnn", seed),
    "simulated, default, 800 cells": lambda seed: coarse(simulated("default", seed, n_cells=800)),
    "simulated, default, 2,000 cells": lambda seed: coarse(simulated("default", seed)),
}
COMPARED = {
    "linked features": METHODS["linked features"],
    "closed form": METHODS["crosstie"],
    "paired CCA": METHODS["paired CCA (told the pairing)"],
}


def main() -> None:
    """Print one row for each data set and method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="simulations, or shuffles of real data, averaged")
    seeds = range(parser.parse_args().seeds)
    warnings.simplefilter("ignore")
    print("| data | cells × genes × proteins | method | accuracy RNA→ADT | accuracy ADT→RNA | FOSCTTM |")
    print("|---|---|---|---|---|---|")
    for name, make in SETS.items():
        tasks = [make(seed) for seed in seeds]
        rna, adt = (tasks[0].views[view] for view in ("rna", "adt"))
        for method, run in COMPARED.items():
            scores = [task.score(run(task, seed)) for seed, task in zip(seeds, tasks, strict=True)]
            mean = [np.mean([s[k] for s in scores]) for k in ("accuracy rna->adt", "accuracy adt->rna", "foscttm")]
            size = f"{rna.n_obs:,} × {rna.n_vars:,} × {adt.n_vars}"
            print(f"| {name} | {size} | {method} | {mean[0]:.3f} | {mean[1]:.3f} | {mean[2]:.3f} |", flush=True)


if __name__ == "__main__":
    main()
