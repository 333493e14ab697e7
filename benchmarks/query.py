"""Map held-out cells: accuracy compared with a fit that includes them, and speed.

30 % of the cells are held out of both views. They are embedded, added with `extend` (a model with one more view), or
part of a fit of all cells, and scored among themselves (FOSCTTM) and against the fitted cells of the other view
(accuracy).
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Sequence

os.environ.setdefault("OMP_NUM_THREADS", "1")

import anndata as ad
import numpy as np
import pandas as pd
from tasks import REAL, UNKNOWN, Task, real

import crosstie as xt
from crosstie.metrics import foscttm, nearest_labels, transfer_accuracy


def compare(task: Task, seed: int, share: float = 0.3) -> list[dict[str, object]]:
    """Return the scores of the held-out cells, one row per way to place them."""
    n_cells = len(task.label)
    held = np.zeros(n_cells, dtype=bool)
    held[np.random.default_rng(seed).permutation(n_cells)[: int(share * n_cells)]] = True
    out = {view: held[cell] for view, cell in task.cell.items()}
    fitted = {view: adata[~out[view]].copy() for view, adata in task.views.items()}
    new = {view: adata[out[view]].copy() for view, adata in task.views.items()}
    model = xt.integrate(fitted, seed=seed)
    larger = model
    for view, adata in new.items():
        larger = larger.extend(adata, view)
    whole = xt.integrate(task.views, seed=seed)
    reference = {view: model.embed(view) for view in fitted}
    ways = {
        "embedded": ({v: model.embed(v, a) for v, a in new.items()}, reference),
        "extended": ({v: larger.embed(f"{v}_query") for v in new}, reference),
        "fitted with the others": (
            {v: whole.embed(v)[out[v]] for v in new},
            {v: whole.embed(v)[~out[v]] for v in new},
        ),
    }
    return [{"task": task.name, "way": way} | score(task, out, *zs) for way, zs in ways.items()]


def score(
    task: Task, out: dict[str, np.ndarray], new: dict[str, np.ndarray], reference: dict[str, np.ndarray]
) -> dict[str, float]:
    """Score held-out cells among themselves and against the fitted cells of the other view."""
    a, b = task.views
    cell = {v: task.cell[v][out[v]] for v in (a, b)}
    accuracy = []
    for source, target in ((a, b), (b, a)):
        known = task.label[task.cell[source][~out[source]]]
        truth = task.label[cell[target]]
        there, asked = ~np.isin(known, UNKNOWN), ~np.isin(truth, UNKNOWN)
        found = nearest_labels(reference[source][there], known[there], new[target][asked])
        accuracy.append(transfer_accuracy(truth[asked], found))
    paired = [new[v][np.argsort(cell[v])] for v in (a, b)]
    return {"foscttm": foscttm(*paired), "accuracy": float(np.mean(accuracy))}


def panels(task: Task, shares: Sequence[float] = (1.0, 0.75, 0.5, 0.37, 0.2), seed: int = 0) -> list[dict[str, object]]:
    """Return the accuracy of held-out RNA profiles of which only a random share of the used genes was measured."""
    rng = np.random.default_rng(seed)
    held = np.zeros(len(task.label), dtype=bool)
    held[rng.permutation(len(held))[: int(0.3 * len(held))]] = True
    model = xt.integrate({v: a[~held[task.cell[v]]].copy() for v, a in task.views.items()}, seed=seed)
    other = next(view for view in task.views if view != "rna")
    known, recipe = task.label[task.cell[other]][~held[task.cell[other]]], model.recipes["rna"]
    query, truth = task.views["rna"][held[task.cell["rna"]]], task.label[task.cell["rna"]][held[task.cell["rna"]]]
    there, asked = ~np.isin(known, UNKNOWN), ~np.isin(truth, UNKNOWN)
    rows = []
    for share in shares:
        names = rng.choice(recipe.names, round(share * len(recipe.names)), replace=False)
        z = model.embed("rna", query[:, query.var_names.isin(names)].copy())
        found = nearest_labels(model.embed(other)[there], known[there], z[asked])
        told = recipe.without(~recipe.features.isin(names))
        rows.append(
            {
                "task": task.name,
                "share": share,
                "told": told.kept(model.map.components_to_coordinates("rna")),
                "accuracy": transfer_accuracy(truth[asked], found),
            }
        )
    return rows


def speed(n_cells: int = 100_000) -> float:
    """Return the seconds that embedding new RNA profiles in a model of `pbmc10k` takes."""
    task = real("pbmc10k")
    model = xt.integrate(task.views)
    rna = task.views["rna"]
    rows = np.random.default_rng(0).integers(rna.n_obs, size=n_cells)
    many = ad.AnnData(rna.X[rows], var=rna.var, obs=pd.DataFrame(index=[f"q{i}" for i in range(n_cells)]))
    start = time.perf_counter()
    model.embed("rna", many)
    return time.perf_counter() - start


def main() -> None:
    """Read the command line, run, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(REAL))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--panels", action="store_true", help="queries of other panels instead")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    if args.panels:
        found = pd.DataFrame([row for name in args.tasks for row in panels(real(name))])
        print("| task | share of the used genes | told of what places cells | accuracy |\n|---|---|---|---|")
        for row in found.itertuples():
            print(f"| {row.task} | {row.share:.0%} | {row.told:.0%} | {row.accuracy:.3f} |")
        return
    rows = [row for name in args.tasks for seed in range(args.seeds) for row in compare(real(name, seed), seed)]
    table = pd.DataFrame(rows).groupby(["task", "way"], sort=False).mean()
    print("| task | held-out cells | FOSCTTM | accuracy |\n|---|---|---|---|")
    for (task, way), row in table.iterrows():
        print(f"| {task} | {way} | {row['foscttm']:.4f} | {row['accuracy']:.4f} |")
    print(f"\n100,000 RNA profiles embedded in {speed():.1f} s")


if __name__ == "__main__":
    main()
