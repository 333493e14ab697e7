"""`crosstie bench`: seconds, memory and scores on simulated data, as a test of a machine and an installation.

Every size runs in a process of its own, so that its peak memory and import time are its own.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crosstie.cli import json_answer
from crosstie.cli.console import Console, Quiet, Verbose, table

if TYPE_CHECKING:
    import numpy as np

    from crosstie._typing import Array
    from crosstie.model.model import Model

EXAMPLES = ("crosstie bench", "crosstie bench --n-cells 500 --json")
SIZES = [1000, 5000]
PAIRED_LATENT, PAIRED_RIDGE = 20, 0.05
NOTE = (
    "integrate: from AnnData in memory to coordinates. whole: the process, with imports, simulation and scores. "
    "Accuracy: label of the nearest cell, mean of both directions. FOSCTTM: share of cells nearer than the true "
    "partner (0 is best). ceiling: a linear method given the true pairs of cells. chance: cells paired at random."
)


def bench(
    n_cells: Annotated[
        list[int] | None,
        typer.Option(min=200, max=1_000_000, help=f"Number of cells of each view; repeatable.  [dim]\\{SIZES}[/dim]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the simulation and the run.")] = 0,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Test this machine and installation: seconds, memory and scores on simulated RNA and proteins.

    The scores are compared with those of a method that is given the true pairs of cells, and with chance.
    """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    say = Console(verbose=verbose, quiet=quiet)
    rows = []
    for n in n_cells or SIZES:
        with say.stage(f"{n:,} cells of RNA and of proteins"):
            start = time.perf_counter()
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                row = process.submit(measured, n, seed).result()
            rows.append(row | {"whole_seconds": time.perf_counter() - start})
    from crosstie.runs import record

    machine = record.machine()
    json_answer.give(machine=machine, runs=rows)
    _print(rows, machine)


def measured(n_cells: int, seed: int) -> dict[str, Any]:
    """Return seconds, memory and scores of one integration of simulated data."""
    import warnings

    warnings.filterwarnings("ignore")  # as in the commands: what matters is logged
    import numpy as np

    from crosstie import metrics
    from crosstie.datasets import simulate_citeseq
    from crosstie.model.integrate import integrate

    data = dict(simulate_citeseq(n_cells=n_cells, seed=seed).mod)
    start = time.perf_counter()
    model = integrate(data, seed=seed)
    seconds = time.perf_counter() - start
    memory = peak_gib()  # before the scores, which do not count
    core, rows = model.core, model.core_rows
    label, cell = (
        {name: adata.obs[key].to_numpy()[rows.get(name, slice(None))] for name, adata in data.items()}
        for key in ("cell_type", "true_cell")
    )
    found = {
        which: metrics.evaluate(latents, label, pairs=cell, seed=seed).groupby("metric")["value"].mean()
        for which, latents in (("ours", core.latents), ("ceiling", paired(core, cell)))
    }
    one, two = (dict(zip(*np.unique(y, return_counts=True), strict=True)) for y in label.values())
    chance = sum(n * two.get(name, 0) for name, n in one.items()) / (sum(one.values()) * sum(two.values()))
    return {
        "n_cells": n_cells,
        "n_features": {name: adata.n_vars for name, adata in data.items()},
        "integrate_seconds": seconds,
        "peak_gib": memory,
        "accuracy": float(found["ours"]["accuracy"]),
        "accuracy_ceiling": float(found["ceiling"]["accuracy"]),
        "accuracy_chance": float(chance),
        "foscttm": float(found["ours"]["foscttm"]),
        "foscttm_ceiling": float(found["ceiling"]["foscttm"]),
        "foscttm_chance": 0.5,
    }


def paired(model: Model, cell: dict[str, np.ndarray]) -> dict[str, Array]:
    """Return coordinates from a canonical correlation of components over the true pairs of cells."""
    import numpy as np

    (a, b) = model.latents
    x, y = (_standardised(model.recipes[name].transform(model.views[name].loaded)) for name in (a, b))
    _, at_a, at_b = np.intersect1d(cell[a], cell[b], return_indices=True)
    whiten = [_inverse_root(z) for z in (x, y)]
    u, s, vt = np.linalg.svd(whiten[0] @ (x[at_a].T @ y[at_b] / len(at_a)) @ whiten[1], full_matrices=False)
    k = slice(PAIRED_LATENT)
    return {a: x @ whiten[0] @ u[:, k] * s[k], b: y @ whiten[1] @ vt[k].T * s[k]}


def _standardised(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(0)) / x.std(0).clip(1e-6)


def _inverse_root(x: np.ndarray) -> np.ndarray:
    import numpy as np

    values, vectors = np.linalg.eigh(x.T @ x / len(x) + PAIRED_RIDGE * np.eye(x.shape[1], dtype=x.dtype))
    return (vectors / np.sqrt(values)) @ vectors.T


def peak_gib() -> float | None:
    """Return the peak memory of this process in GiB; `None` where the system does not report it."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**30 if sys.platform == "darwin" else 2**20)  # bytes there, kibibytes elsewhere


def _print(rows: list[dict[str, Any]], machine: dict[str, Any]) -> None:
    columns = ["cells", "integrate, s", "whole, s", "memory, GiB", "accuracy ↑", "ceiling", "chance", "FOSCTTM ↓"]
    lines = [
        [
            f"{row['n_cells']:,}",
            f"{row['integrate_seconds']:.1f}",
            f"{row['whole_seconds']:.1f}",
            "–" if row["peak_gib"] is None else f"{row['peak_gib']:.2f}",
            *(f"{row[key]:.3f}" for key in ("accuracy", "accuracy_ceiling", "accuracy_chance", "foscttm")),
            *(f"{row[key]:.3f}" for key in ("foscttm_ceiling", "foscttm_chance")),
        ]
        for row in rows
    ]
    title = (
        f"crosstie {machine['crosstie']}, Python {machine['python']}, {machine['threads']['cores']} cores, "
        f"{machine['platform']}"
    )
    table(title, [*columns, "ceiling", "chance"], lines, right=range(len(columns) + 2), note=NOTE)
