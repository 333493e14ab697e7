"""Add isotype controls and hashtags to a panel, and score what they change: with crosstie, nothing.

    python benchmarks/controls.py                    # pbmc10k and pbmc_wnn, three seeds
    python benchmarks/controls.py --sets pbmc_wnn --seeds 1

Four isotype controls follow the size of a cell (the panel's total of that cell, by a power of one half) at a tenth
of the median protein's mean. Of six hashtags, one is bright in each cell and belongs to no population. Scored are the
panel as it is, the panel with controls, and the same counts under names of no control, which is what a method does
that takes every row for a protein.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
import tables  # one thread, before NumPy is imported
import tasks
from methods import METHODS

SETS = ("pbmc10k", "pbmc_wnn")
ISOTYPES = ("IgG1_control", "IgG2a_control", "IgG2b_control", "Rat-IgG1-isotype-control")
HASHTAGS = tuple(f"Hashtag{i}" for i in range(1, 7))
BRIGHT, DARK = 300, 3  # mean counts of a hashtag in its own cells, and in the others


def with_controls(task: tasks.Task, seed: int, *, hide: bool) -> tasks.Task:
    """Return a task with ten controls in its panel; with `hide`, their names say nothing."""
    adt = task.views["adt"]
    rng = np.random.default_rng([seed, 4])
    x = sp.csr_matrix(adt.X)
    size = np.sqrt(np.asarray(x.sum(1)).ravel() + 1)
    level = 0.1 * np.median(np.asarray(x.mean(0)).ravel())
    isotypes = rng.poisson(size[:, None] / size.mean() * level * np.array([0.5, 1, 1.5, 2]))
    own = rng.integers(len(HASHTAGS), size=adt.n_obs)
    hashtags = rng.poisson(
        np.where(own[:, None] == np.arange(len(HASHTAGS)), BRIGHT, DARK) * size[:, None] / size.mean()
    )
    names = [*ISOTYPES, *HASHTAGS]
    if hide:
        names = [f"Target-{i}" for i in range(len(names))]
    matrix = sp.hstack([x, sp.csr_matrix(np.hstack([isotypes, hashtags]).astype(np.float32))], "csr")
    more = ad.AnnData(matrix, obs=adt.obs.copy(), var=pd.DataFrame(index=[*adt.var_names, *names]))
    return replace(task, views=task.views | {"adt": more})


def main() -> None:
    """Print FOSCTTM and accuracy of each set without controls, with them, and with controls taken as proteins."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for name in args.sets:
        for seed in range(args.seeds):
            task = tasks.real(name, seed)
            panels = {
                "without controls": task,
                "with controls": with_controls(task, seed, hide=False),
                "controls under names of proteins": with_controls(task, seed, hide=True),
            }
            for what, panel in panels.items():
                score = panel.score(METHODS["crosstie"](panel, seed))
                rows.append({"data": name, "panel": what} | {k: score[k] for k in ("foscttm", "accuracy")})
    tables.show(rows, ("data", "panel"), digits=4)


if __name__ == "__main__":
    main()
