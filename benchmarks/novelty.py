"""Test whether novelty finds cells whose type the other view lacks. Prints a table from simulated and real paired data.

    CROSSTIE_DATA=... python benchmarks/novelty.py [--seeds 1]

Each type with at least 3 % of the cells is removed from one view, then from the other. After the fit, the cells of that
type in the view that still has them should have the highest novelty (area under the ROC curve). The table also shows
the same for 1 - confidence of transferred labels, and the share of cells above .3, for the type and for the others.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from tasks import UNKNOWN, Task, real, simulated, thinned

import crosstie as xt

LEAST, HIGH = 0.03, 0.3


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    print("| | in | type | share | AUROC of novelty | of 1 - confidence | above .3 | others above .3 |")
    print("|---|---|---|---|---|---|---|---|")
    rows = []
    for seed in range(options.seeds):
        for task in (simulated("simulated", seed), real("pbmc10k", seed), real("pbmc_wnn", seed)):
            rows += [removed(task, view, name, seed) for view in task.views for name in common(task)]
    table = pd.DataFrame(rows).groupby(["task", "view", "type"], sort=False).mean()
    for (name, view, cell_type), row in table.iterrows():
        print(f"| {name} | {view} | {cell_type} | {' | '.join(f'{x:.3f}' for x in row)} |")
    for name, row in [*table.groupby(level="task", sort=False).mean().iterrows(), ("all", table.mean())]:
        print(f"| **{name}** | | mean | {' | '.join(f'{x:.3f}' for x in row)} |")


def common(task: Task) -> list[str]:
    """Return the types with at least 3 % of the cells."""
    share = pd.Series(task.label[task.cell["rna"]]).value_counts(normalize=True)
    return [name for name in share.index[share >= LEAST] if name not in UNKNOWN]


def removed(whole: Task, view: str, name: str, seed: int) -> dict[str, object]:
    """Remove a type from the other view, and search for it in this one."""
    other = next(v for v in whole.views if v != view)
    task = thinned(whole, other, (name,))
    model = xt.integrate(task.views, seed=seed)
    label = task.label[task.cell[other]]
    known = np.where(np.isin(label, UNKNOWN), None, label)
    found = xt.tl.transfer_labels(model, other, view, labels=known)
    new = task.label[task.cell[view]] == name
    return {
        "task": whole.name,
        "view": view,
        "type": name,
        "share": new.mean(),
        "novelty": roc_auc_score(new, found["novelty"]),
        "doubt": roc_auc_score(new, 1 - found["confidence"]),
        "high": (found["novelty"] > HIGH)[new].mean(),
        "others": (found["novelty"] > HIGH)[~new].mean(),
    }


if __name__ == "__main__":
    main()
