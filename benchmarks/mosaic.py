"""Measure what shared cells gain. Prints tables from real data with the pairing of most cells hidden.

    CROSSTIE_DATA=... python benchmarks/mosaic.py [NAME ...] [--seeds 5]

First, a share of the cells of both views is known to be the same (`links.paired`). For every share, the same cells are
scored: those that are unpaired at the largest share. The ceiling is a CCA that is told all pairs, on the same cells.
Then a bridge: 100 cells are taken out and given as two views, linked by name to the others, with or without pairing.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import replace

from tables import show  # first: it sets the number of threads

import numpy as np  # isort: skip
import pandas as pd  # isort: skip
from methods import paired_cca  # isort: skip
from tasks import Task, real  # isort: skip

import crosstie as xt  # isort: skip

NAMES = ("pbmc_wnn", "bmmc_cite_1", "sln_mouse")
SHARES = (0.0, 0.05, 0.1, 0.25)
N_BRIDGE, N_CUT = 100, 5


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"data sets; by default {' '.join(NAMES)}")
    parser.add_argument(
        "--seeds", type=int, default=5, help="number of shuffles, draws of shared cells and draws of links"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in options.names or NAMES:
        tasks = [real(name, seed) for seed in range(options.seeds)]
        show([row for seed, task in enumerate(tasks) for row in shared(task, seed)], ["task", "known"], digits=4)
        for n in (None, N_CUT):
            rows = [row for seed, task in enumerate(tasks) for row in bridged(task, seed, n)]
            show(rows, ["task", "table links", "views"], digits=4)


def shared(task: Task, seed: int) -> Iterator[dict[str, object]]:
    """Yield one row for each share of cells that are known to be the same, and one for the ceiling."""
    drawn = np.random.default_rng(seed).permutation(len(task.label))
    scored = rest(task, drawn[: round(max(SHARES) * len(drawn))])
    table = xt.links.by_table(task.views, "adt", "rna")
    ceiling = score(task, scored, paired_cca(task, seed))
    for share in SHARES:
        cells = pd.DataFrame(
            {
                side: task.views[view].obs_names[np.argsort(task.cell[view])[drawn[: round(share * len(drawn))]]]
                for side, view in (("source", "adt"), ("target", "rna"))
            }
        )
        tie = [xt.links.paired(task.views, "adt", "rna", cells=cells)] if share else []
        found = score(task, scored, xt.integrate(task.views, [table, *tie], seed=seed).latents)
        ratio = {"FOSCTTM / ceiling": found["FOSCTTM"] / ceiling["FOSCTTM"]}
        yield {"task": task.name, "known": f"{share:.0%}"} | found | ratio
    yield {"task": task.name, "known": "ceiling"} | ceiling


def bridged(task: Task, seed: int, n_links: int | None) -> Iterator[dict[str, object]]:
    """Yield one row without a bridge and one for each way to give it."""
    drawn = np.random.default_rng(seed).permutation(len(task.label))[:N_BRIDGE]
    around = rest(task, drawn)
    bridge = {f"bridge_{view}": adata[np.argsort(task.cell[view])[drawn]].copy() for view, adata in task.views.items()}
    for adata in bridge.values():
        adata.obs_names = [f"both-{i}" for i in range(N_BRIDGE)]
    views = around.views | bridge
    table = xt.links.by_table(views, "adt", "rna")
    columns = np.random.default_rng(seed).permutation(table.pairs["column"].unique())[:n_links]
    table = replace(table, pairs=table.pairs[table.pairs["column"].isin(columns)])
    names = [xt.links.by_name(views, view, f"bridge_{view}") for view in around.views]
    tie = xt.links.paired(views, "bridge_adt", "bridge_rna")
    ways = {
        "no bridge": (around.views, [table]),
        "bridge, pairing not told": (views, [table, *names]),
        "bridge": (views, [table, *names, tie]),
        "bridge without the table": (views, [*names, tie]),
    }
    for way, (given, links) in ways.items():
        found = score(around, around, xt.integrate(given, links, seed=seed).latents)
        yield {"task": task.name, "table links": "all" if n_links is None else n_links, "views": way} | found


def rest(task: Task, numbers: np.ndarray) -> Task:
    """Return the task without some of its cells."""
    keep = {view: ~np.isin(cell, numbers) for view, cell in task.cell.items()}
    views = {view: adata[keep[view]].copy() for view, adata in task.views.items()}
    return replace(task, views=views, cell={view: cell[keep[view]] for view, cell in task.cell.items()})


def score(task: Task, scored: Task, latents: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the scores of the cells of a part of a task, from the coordinates of all of its cells."""
    rows = {view: np.isin(cell, scored.cell[view]) for view, cell in task.cell.items()}
    found = scored.score({view: latents[view][keep] for view, keep in rows.items()})
    return {"FOSCTTM": found["foscttm"], "accuracy": found["accuracy"]}


if __name__ == "__main__":
    main()
