"""Score small panels, drawn from the proteins of larger ones: the test of how proteins are normalised.

    python benchmarks/small_panels.py                                   # the protein recipe as it is
    python benchmarks/small_panels.py --normalize library clr partial   # beside others

10, 20 and 40 proteins of each data set (10 of the 14 of `pbmc10k`, on 3,000 of its cells), three draws each. A draw
with fewer than three linked columns cannot be matched and is drawn again. Draws are seeded by data set and size.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import tables  # one thread, before NumPy is imported
import tasks
from methods import METHODS

import crosstie as xt
from crosstie.data import STEPS

SIZES = {
    "pbmc10k": (10,),
    "pbmc_wnn": (10, 20, 40),
    "bmmc_cite_1": (10, 20, 40),
    "bmmc_cite_3": (10, 20, 40),
    "sln_mouse": (10, 20, 40),
}
MIN_COLUMNS = 3
MAX_CELLS = 3000


def panels(task: tasks.Task, n_proteins: int, n_draws: int) -> Iterator[tasks.Task]:
    """Yield a task with random panels of so many of its proteins."""
    adt = task.views["adt"]
    column = xt.links.by_table(task.views, "rna", "adt").pairs.set_index("target")["column"]
    rng = np.random.default_rng([sum(map(ord, task.name)), n_proteins])
    found = 0
    while found < n_draws:
        drawn = np.sort(rng.permutation(adt.n_vars)[:n_proteins])
        if column[column.index.isin(adt.var_names[drawn])].nunique() >= MIN_COLUMNS:
            found += 1
            yield replace(task, views=task.views | {"adt": adt[:, drawn].copy()})


def fewer(task: tasks.Task, n_cells: int) -> tasks.Task:
    """Return a task of the first cells of the data set, which are in no order; all of them if there are no more."""
    rows = {view: cell < n_cells for view, cell in task.cell.items()}
    views = {view: adata[rows[view]].copy() for view, adata in task.views.items()}
    return replace(task, views=views, cell={view: cell[rows[view]] for view, cell in task.cell.items()})


def main() -> None:
    """Print FOSCTTM and accuracy by data set and size of the panel, by size, and over all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--normalize", nargs="+", default=[STEPS["protein"].normalize], help="as in Steps.normalize")
    parser.add_argument("--draws", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for name, sizes in SIZES.items():
        whole = fewer(tasks.real(name), MAX_CELLS)
        for size in sizes:
            for panel in panels(whole, size, args.draws):
                for how in args.normalize:
                    STEPS["protein"] = replace(STEPS["protein"], normalize=how)
                    score = panel.score(METHODS["crosstie"](panel, 0))
                    rows.append(
                        {"data": name, "proteins": size, "normalize": how}
                        | {k: score[k] for k in ("foscttm", "accuracy")}
                    )
    for by in (("data", "proteins"), ("data",), ("proteins",), ()):
        shown = [
            {k: str(row[k]) for k in (*by, "normalize")} | {k: row[k] for k in ("foscttm", "accuracy")} for row in rows
        ]
        tables.show(shown, (*by, "normalize"))


if __name__ == "__main__":
    main()
