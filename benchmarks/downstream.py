"""How good are labels, matches and imputed features at the defaults? Prints tables from real paired data.

    CROSSTIE_DATA=... python benchmarks/downstream.py [NAME ...] [--novelty]

Both views of a data set are shuffled apart and stripped of labels before they are integrated; pairing and labels serve
the scores alone. Cells labelled "unknown" neither vote nor count.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.metrics import roc_auc_score

import crosstie as xt

NAMES = ["pbmc10k", "pbmc_wnn", "bmmc_cite_1", "bmmc_cite_3", "sln_mouse"]


@dataclass
class Task:
    """Views as if measured in different cells, and which cell each row is, of which type (missing: unknown)."""

    views: dict[str, ad.AnnData]
    cell: dict[str, np.ndarray]
    label: dict[str, pd.Series]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"data sets; by default {' '.join(NAMES)}")
    parser.add_argument("--novelty", action="store_true", help="also leave cell types out of the source, one by one")
    options = parser.parse_args()
    tasks = {name: load(name) for name in options.names or NAMES}
    models = {name: xt.integrate(task.views) for name, task in tasks.items()}
    show("Labels", {name: labels(task, models[name]) for name, task in tasks.items()})
    show("Matches: both cells of one type", {name: matches(task, models[name]) for name, task in tasks.items()})
    show("Imputation: median correlation", {name: imputation(task, models[name]) for name, task in tasks.items()})
    if options.novelty:
        show("Novelty of a type that the source lacks", {name: left_out(task) for name, task in tasks.items()})


def load(name: str) -> Task:
    """Read a data set, whose files hold the same cells in one order, and shuffle each view."""
    folder = Path(os.environ.get("CROSSTIE_DATA", "../shared/data")) / name
    views, cell, label = {}, {}, {}
    for seed, view in enumerate(("rna", "adt")):
        truth = ad.read_h5ad(folder / f"{view}.h5ad")
        cell[view] = np.random.default_rng(seed).permutation(truth.n_obs)
        views[view] = ad.AnnData(truth.X[cell[view]].astype(np.float32), var=truth.var.copy())
        views[view].obs_names = [f"{view}-{n}" for n in range(truth.n_obs)]
        types = truth.obs["cell_type"].astype(str).to_numpy()[cell[view]]
        label[view] = pd.Series(types, views[view].obs_names).where(lambda x: x != "unknown")
    return Task(views, cell, label)


def labels(task: Task, model: xt.Model) -> dict[str, dict[str, float]]:
    """Accuracy of the nearest cell's label and of the vote, and how far confidence is from accuracy."""
    rows = {}
    for source, target in permutations(task.views):
        true = task.label[target]
        known = true.notna()
        nearest = xt.tl.transfer_labels(model, source, target, labels=task.label[source], k=1)
        vote = xt.tl.transfer_labels(model, source, target, labels=task.label[source])
        hit = (vote["label"] == true)[known]
        rows[f"{source} → {target}"] = {
            "1-NN": (nearest["label"] == true)[known].mean(),
            "vote": hit.mean(),
            "mean over types": hit.groupby(true[known]).mean().mean(),
            "mean confidence": vote["confidence"][known].mean(),
            "calibration error": calibration_error(vote["confidence"][known], hit),
        }
    return rows


def calibration_error(confidence: pd.Series, hit: pd.Series) -> float:
    """Mean distance of confidence from accuracy over ten bins of confidence, weighted by their cells."""
    bins = np.minimum((confidence * 10).astype(int), 9)
    return float((confidence - hit).groupby(bins).sum().abs().sum() / len(hit))


def matches(task: Task, model: xt.Model) -> dict[str, dict[str, float]]:
    """Share of pairs, both of known type, whose types are the same."""
    rows = {}
    for source, target in permutations(task.views):
        row = {}
        for method in ("many_to_one", "one_to_one"):
            pairs = xt.tl.match_cells(model, source, target, method=method)
            a = task.label[source].to_numpy()[pairs.source]
            b = task.label[target].to_numpy()[pairs.target]
            known = pd.notna(a) & pd.notna(b)
            row[method] = (a == b)[known].mean()
        rows[f"{source} → {target}"] = row
    return rows


def imputation(task: Task, model: xt.Model) -> dict[str, dict[str, float]]:
    """Median over features of the correlation with what was measured in the same cells."""
    rows = {}
    for source, target in permutations(task.views):
        measured = model.recipes[target].log_normalize(model.views[target].matrix)
        measured = measured.toarray() if sp.issparse(measured) else measured
        partner = np.argsort(task.cell[target])[task.cell[source]]
        rows[f"{source} → {target}"] = {
            method: np.median(correlation(xt.tl.impute(model, source, target, method=method).X, measured[partner]))
            for method in ("regression", "neighbours", "both")
        }
    return rows


def correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson correlation, column by column; 0 where a column is constant."""
    x, y = x - x.mean(0), y - y.mean(0)
    return (x * y).sum(0) / np.maximum(np.sqrt((x**2).sum(0) * (y**2).sum(0)), 1e-9)


def left_out(task: Task, least: int = 30) -> dict[str, dict[str, float]]:
    """Area under the ROC curve of novelty and of 1 - confidence, averaged over types of at least `least` cells."""
    rows = {}
    for source, target in permutations(task.views):
        types = task.label[source].value_counts()
        areas = []
        for name in types.index[types >= least]:
            keep = (task.label[source] != name).to_numpy()
            views = {**task.views, source: task.views[source][keep].copy()}
            found = xt.tl.transfer_labels(xt.integrate(views), source, target, labels=task.label[source][keep])
            new = task.label[target] == name
            areas.append([roc_auc_score(new, found["novelty"]), roc_auc_score(new, 1 - found["confidence"])])
        novelty, doubt = np.mean(areas, axis=0)
        rows[f"{source} → {target}"] = {"types": len(areas), "novelty": novelty, "1 - confidence": doubt}
    return rows


def show(title: str, results: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print one table."""
    columns = list(next(iter(next(iter(results.values())).values())))
    print(f"\n| {title} | | {' | '.join(columns)} |\n|{'---|' * (2 + len(columns))}")
    for name, rows in results.items():
        for direction, row in rows.items():
            cells = (f"{v:d}" if isinstance(v, int) else f"{v:.3f}" for v in row.values())
            print(f"| {name} | {direction} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
