"""Compare imputed features with neighbour averages in the spaces of other tools, and with totalVI. Prints tables.

    python benchmarks/speed.py --data pbmc10k pbmc_wnn    # writes the coordinates of crosstie and the other tools
    python benchmarks/imputation.py                       # the same data, with the available coordinates
    python benchmarks/imputation.py --methods             # ways of `xt.tl.impute`, all data sets, three seeds

Results are medians over features of Pearson's correlation, over cells, between imputed and measured values of the same
cells, log-normalised. The pairing is hidden unless a table says otherwise. totalVI is told the pairing of half
of the cells and imputes proteins of the other half from their RNA; it runs if its environment is installed.
"""

from __future__ import annotations

import argparse
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
from downstream import correlation, measured_partners
from sklearn.neighbors import NearestNeighbors
from speed import HERE, PEERS, TOOLS, measured, write_views
from tables import show
from tasks import REAL, Task, real

import crosstie as xt

K = 20
HELD = ("totalVI, told half", "crosstie, told half", "crosstie, told nothing", "MaxFuse, told nothing")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="data sets; by default pbmc10k and pbmc_wnn, or all with --methods")
    parser.add_argument("--methods", action="store_true", help="compare the ways of xt.tl.impute")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--folder", type=Path, default=PEERS / "runs", help="folder with the coordinates written by speed.py"
    )
    args = parser.parse_args()
    if args.methods:
        tasks = (real(name, seed) for name in args.names or REAL for seed in range(args.seeds))
        show([row for i, task in enumerate(tasks) for row in methods(task, i % args.seeds)], ["task", "direction"])
        return
    rows, held = [], []
    for name in args.names or ("pbmc10k", "pbmc_wnn"):
        task = real(name)
        model = xt.integrate(task.views)
        rows += beside_peers(task, model, args.folder.resolve() / name)
        held += beside_totalvi(task, model, args.folder.resolve() / name)
    print_table(rows)
    print_table(held)


def beside_peers(task: Task, model: xt.Model, folder: Path) -> list[dict[str, object]]:
    """Return a row for each direction: `xt.tl.impute`, and averages of neighbours in every available space."""
    rows = []
    for source, target in permutations(task.views):
        true, values = measured_partners(task, model, source, target), log_normalised(model, target)
        row: dict[str, object] = {"data": task.name, "direction": f"{source} → {target}"}
        row["crosstie, `impute`"] = median(xt.tl.impute(model, source, target).X, true)
        for tool in TOOLS:
            z = {view: folder / tool / f"{view}.npy" for view in (source, target)}
            if all(path.exists() for path in z.values()):
                average = neighbour_average(np.load(z[source]), np.load(z[target]), values)
                row[f"{tool}, {K} neighbours"] = median(average, true)
        rows.append(row)
    return rows


def beside_totalvi(task: Task, model: xt.Model, folder: Path) -> list[dict[str, object]]:
    """Return scores for the cells whose proteins totalVI is not given."""
    partner = np.argsort(task.cell["adt"])[task.cell["rna"]]  # row in adt of each RNA cell
    told = np.random.default_rng(0).permutation(len(partner)) < len(partner) // 2
    true = measured_partners(task, model, "rna", "adt")
    row: dict[str, object] = {"data": task.name, "cells": int((~told).sum())}

    python = PEERS / "scvi" / "bin" / "python"
    if python.exists():
        views, out = write_views(task, folder / "views"), folder / "totalvi"
        pairs = pd.DataFrame({"rna": np.arange(len(partner)), "adt": partner, "told": told})
        pairs.to_csv(views / "pairs.csv", index=False)
        spent = measured([python, HERE / "peers" / "run_totalvi.py", views, out], out)
        if "failed" in spent:
            print(f"totalVI: {spent['failed']}")
        else:
            row["totalVI, seconds"] = f"{spent['seconds']:.0f}"
            columns = task.views["adt"].var_names.get_indexer(model.recipes["adt"].names)
            counts = np.load(out / "imputed.npy")[:, columns]
            found = [np.log1p(counts), model.recipes["adt"].log_normalize(counts)]  # the better counts
            row[HELD[0]] = max(median(x[~told], true[~told]) for x in found)

    shown = task.views | {"adt": task.views["adt"][partner[told]].copy()}
    cells = pd.DataFrame({"source": task.views["rna"].obs_names[told], "target": shown["adt"].obs_names})
    links = [*xt.links.suggest(shown), xt.links.paired(shown, "rna", "adt", cells=cells)]
    imputed = xt.tl.impute(xt.integrate(shown, links), "rna", "adt")
    row[HELD[1]] = median(imputed[:, model.recipes["adt"].names].X[~told], true[~told])
    row[HELD[2]] = median(xt.tl.impute(model, "rna", "adt").X[~told], true[~told])
    z = [folder / "maxfuse" / f"{view}.npy" for view in ("rna", "adt")]
    if all(path.exists() for path in z):
        average = neighbour_average(*(np.load(path) for path in z), log_normalised(model, "adt"))
        row[HELD[3]] = median(average[~told], true[~told])
    return [row]


def methods(task: Task, seed: int) -> list[dict[str, object]]:
    """Return a row for each direction: the results of all imputation methods in crosstie's own space."""
    model = xt.integrate(task.views, seed=seed)
    rows = []
    for source, target in permutations(task.views):
        true, values = measured_partners(task, model, source, target), log_normalised(model, target)
        row: dict[str, object] = {"task": task.name, "direction": f"{source} → {target}"}
        for method in ("regression", "both", "neighbours"):
            row[method] = median(xt.tl.impute(model, source, target, method=method).X, true)
        z = [np.asarray(model.embed(view)) for view in (source, target)]
        for k in (20, 50, 100):
            row[f"mean of {k}"] = median(neighbour_average(*z, values, k=k), true)
        for k in (50, 100):
            row[f"neighbours, k={k}"] = median(xt.tl.impute(model, source, target, k=k).X, true)
        rows.append(row)
    return rows


def neighbour_average(z_source: np.ndarray, z_target: np.ndarray, values: np.ndarray, *, k: int = K) -> np.ndarray:
    """Return, for each source cell, the mean of the values of its `k` nearest target cells."""
    near = NearestNeighbors(n_neighbors=min(k, len(z_target)), algorithm="brute").fit(z_target)
    rows = near.kneighbors(z_source, return_distance=False)
    return np.stack([values[row].mean(0) for row in rows])


def log_normalised(model: xt.Model, view: str) -> np.ndarray:
    """Return the log-normalised measurements that imputed values are correlated with."""
    x = model.recipes[view].log_normalize(model.views[view].matrix)
    return x.toarray() if hasattr(x, "toarray") else x


def median(imputed: np.ndarray, true: np.ndarray) -> float:
    """Return the median over features of the correlation."""
    return float(np.median(correlation(imputed, true)))


def print_table(rows: list[dict[str, object]]) -> None:
    """Print rows as Markdown."""
    table = pd.DataFrame(rows)
    print(f"\n| {' | '.join(table.columns)} |\n{'|---' * len(table.columns)}|")
    for row in table.itertuples(index=False):
        cells = [("" if pd.isna(x) else f"{x:.3f}") if isinstance(x, float) else str(x) for x in row]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
