"""Does `batch_key` mix the batches of a view, and does it cost biology? Prints a table.

    CROSSTIE_DATA=... python benchmarks/batches.py [NAME ...] [--seeds 3]

iLISI is scaled and computed within a view: 0 if every neighbourhood has one batch only. Its rise is relative to no
correction of the same cells; the change of accuracy is absolute. "Can be had" is the iLISI of the same coordinates with
batches permuted among the cells of each type, because differences in composition should remain. If the files have the
batches of one view only, "both" takes those of the other from the hidden truth, which a user would know.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator

from tables import show  # first: it sets the number of threads

import numpy as np  # isort: skip
import pandas as pd  # isort: skip
from tasks import Task, real  # isort: skip

import crosstie as xt  # isort: skip

NAMES = ("pbmc_wnn", "bmmc_cite_1", "bmmc_cite_3", "sln_mouse", "snare_mop")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"data sets; by default {' '.join(NAMES)}")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in options.names or NAMES:
        show([row for seed in range(options.seeds) for row in run(real(name, seed), seed)], ["task", "batches told"])


def run(task: Task, seed: int) -> Iterator[dict[str, object]]:
    """Yield one row without and one with the batches of each choice of views."""
    having = [view for view, adata in task.views.items() if "batch" in adata.obs]
    batch = batches(task, having[0])
    views = {view: adata.copy() for view, adata in task.views.items()}
    for view, adata in views.items():
        adata.obs["batch"] = batch[view]
    before: dict[str, float] = {}
    score_before: dict[str, float] = {}
    for told in ([], *([having] if len(having) < len(views) else []), list(views)):
        model = xt.integrate(views, batch_key=dict.fromkeys(told, "batch"), seed=seed)
        found = {view: xt.metrics.ilisi(z, batch[view], scale=True) for view, z in model.latents.items()}
        before = before or found
        score = task.score(model.latents)
        score_before = score_before or score
        row = {"task": task.name, "batches told": "none" if not told else "both" if told == list(views) else told[0]}
        for view in sorted(views, reverse=True):
            kind = "rna" if view == "rna" else "other"
            dealt = shuffled(batch[view], task.label[task.cell[view]], seed)
            row[f"iLISI {kind}"] = found[view]
            row[f"rise {kind}"] = found[view] / before[view] - 1
            row[f"can be had {kind}"] = xt.metrics.ilisi(model.latents[view], dealt, scale=True)
        change = score["accuracy"] - score_before["accuracy"]
        yield row | {"accuracy": score["accuracy"], "change": change, "FOSCTTM": score["foscttm"]}


def batches(task: Task, known: str) -> dict[str, np.ndarray]:
    """Return the batch of each cell of every view, read in the view that knows it."""
    of_cell = np.empty(len(task.label), dtype=object)
    of_cell[task.cell[known]] = task.views[known].obs["batch"]
    return {view: of_cell[cell] for view, cell in task.cell.items()}


def shuffled(batch: np.ndarray, label: np.ndarray, seed: int) -> np.ndarray:
    """Return batches permuted among the cells of each type."""
    rng = np.random.default_rng(seed)
    return pd.Series(batch).groupby(label).transform(rng.permutation).to_numpy()


if __name__ == "__main__":
    main()
