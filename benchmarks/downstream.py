"""How good are labels, matches and imputed features at the defaults? Prints tables from real paired data.

    CROSSTIE_DATA=... python benchmarks/downstream.py [NAME ...]

Both views of a data set are shuffled independently, and labels are removed, before they are integrated. Pairing and
labels are only used for scores. Cells labelled "unknown" are ignored. Where the data limit a score, the limit is shown.
"""

from __future__ import annotations

import argparse
from itertools import permutations

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score
from tasks import REAL, UNKNOWN, Task, real

import crosstie as xt

Rows = dict[str, dict[str, float]]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"data sets; by default {' '.join(REAL)}")
    options = parser.parse_args()
    tasks = {name: real(name) for name in options.names or REAL}
    models = {name: xt.integrate(task.views) for name, task in tasks.items()}
    show("Labels", {name: labels(task, models[name]) for name, task in tasks.items()})
    show("Confidence", {name: confidence(task, models[name]) for name, task in tasks.items()})
    every = np.concatenate([np.concatenate(list(told(task, models[name]).values())) for name, task in tasks.items()])
    print(f"\nCalibration error over all cells of all data sets: {calibration_error(*every.T):.3f}")
    show("Matches: both cells of one type", {name: matches(task, models[name]) for name, task in tasks.items()})
    show("Imputation: median correlation", {name: imputation(task, models[name]) for name, task in tasks.items()})
    show("Reliability", {name: reliability(task, models[name]) for name, task in tasks.items()})


def types(task: Task, view: str) -> pd.Series:
    """Return the hidden type of each cell of a view; missing where it is unknown."""
    label = pd.Series(task.label[task.cell[view]], task.views[view].obs_names)
    return label.where(~label.isin(UNKNOWN))


def labels(task: Task, model: xt.Model) -> Rows:
    """Accuracy of the nearest cell's label and of the most probable one."""
    rows = {}
    for source, target in permutations(task.views):
        true = types(task, target)
        known = true.notna()
        z = {view: model.embed(view) for view in task.views}
        voters = types(task, source).dropna()
        at = z[source][types(task, source).notna().to_numpy()]
        nearest = xt.metrics.nearest_labels(at, voters.to_numpy(), z[target][known.to_numpy()])
        hit = (xt.tl.transfer_labels(model, source, target, labels=types(task, source))["label"] == true)[known]
        rows[f"{source} → {target}"] = {
            "1-NN": (nearest == true[known]).mean(),
            "transferred": hit.mean(),
            "mean over types": hit.groupby(true[known]).mean().mean(),
        }
    return rows


def told(task: Task, model: xt.Model) -> dict[str, np.ndarray]:
    """Return, by direction, the confidence of each cell of known type and whether its label is right."""
    out = {}
    for source, target in permutations(task.views):
        found = xt.tl.transfer_labels(model, source, target, labels=types(task, source))
        true = types(task, target)
        known = true.notna()
        out[f"{source} → {target}"] = np.column_stack([found["confidence"], found["label"] == true])[known].astype(
            float
        )
    return out


def confidence(task: Task, model: xt.Model) -> Rows:
    """Return how well confidence is calibrated and ranks cells."""
    rows = {}
    for direction, pairs in told(task, model).items():
        sure, hit = pairs.T
        accuracy = hit.mean()
        best = hit[np.argsort(-sure, kind="stable")[: int(0.8 * len(hit))]].mean()
        rng = np.random.default_rng(0)
        chance = [calibration_error(sure, (rng.random(len(sure)) < sure).astype(float)) for _ in range(20)]
        rows[direction] = {
            "accuracy": accuracy,
            "mean": sure.mean(),
            "calibration error": calibration_error(sure, hit),
            "were it perfect": float(np.mean(chance)),
            "AUROC": roc_auc_score(hit, sure),
            "accuracy of the surest 80 %": best,
            "errors saved": (best - accuracy) / (1 - accuracy),
            "at most": (min(1, accuracy / 0.8) - accuracy) / (1 - accuracy),
        }
    return rows


def calibration_error(sure: np.ndarray, hit: np.ndarray) -> float:
    """Mean distance of confidence from accuracy over ten bins of confidence, weighted by their cells."""
    bins = np.minimum((sure * 10).astype(int), 9)
    return float(np.abs(np.bincount(bins, sure - hit)).sum() / len(hit))


def matches(task: Task, model: xt.Model) -> Rows:
    """Share of pairs, both of known type, whose types are the same; and how well the score of a pair predicts it."""
    rows = {}
    for source, target in permutations(task.views):
        row = {}
        for how in ("many-to-one", "one-to-one"):
            pairs = xt.tl.match_cells(model, source, target, how=how)
            a = types(task, source).to_numpy()[pairs.source]
            b = types(task, target).to_numpy()[pairs.target]
            known = pd.notna(a) & pd.notna(b)
            right = (a == b)[known]
            row[how] = right.mean()
            row[f"{how}, AUROC of score"] = roc_auc_score(right, pairs.weight[known])
        rows[f"{source} → {target}"] = row
    return rows


def measured_partners(task: Task, model: xt.Model, source: str, target: str) -> np.ndarray:
    """Return the target's measurements of the source's cells."""
    x = model.recipes[target].log_normalize(model.views[target].matrix)
    x = x.toarray() if sp.issparse(x) else x
    return x[np.argsort(task.cell[target])[task.cell[source]]]


def imputation(task: Task, model: xt.Model) -> Rows:
    """Median over features of the correlation with what was measured in the same cells."""
    rows = {}
    for source, target in permutations(task.views):
        true = measured_partners(task, model, source, target)
        rows[f"{source} → {target}"] = {
            method: np.median(correlation(xt.tl.impute(model, source, target, method=method).X, true))
            for method in ("regression", "neighbours", "both")
        }
    return rows


def reliability(task: Task, model: xt.Model) -> Rows:
    """Spearman correlation over features of the predicted with the true correlation, and both medians."""
    rows = {}
    for source, target in permutations(task.views):
        found = xt.tl.impute(model, source, target)
        true = correlation(found.X, measured_partners(task, model, source, target))
        said = found.var["reliability"]
        rows[f"{source} → {target}"] = {
            "Spearman": spearmanr(said, true).statistic,
            "median predicted": said.median(),
            "median true": float(np.median(true)),
        }
    return rows


def correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson correlation, column by column; 0 where a column is constant."""
    x, y = x - x.mean(0), y - y.mean(0)
    return (x * y).sum(0) / np.maximum(np.sqrt((x**2).sum(0) * (y**2).sum(0)), 1e-9)


def show(title: str, results: dict[str, Rows]) -> None:
    """Print one table."""
    columns = list(next(iter(next(iter(results.values())).values())))
    print(f"\n| {title} | | {' | '.join(columns)} |\n|{'---|' * (2 + len(columns))}")
    for name, rows in results.items():
        for direction, row in rows.items():
            print(f"| {name} | {direction} | {' | '.join(f'{v:.3f}' for v in row.values())} |")
    mean = pd.DataFrame([row for rows in results.values() for row in rows.values()]).mean()
    print(f"| mean | | {' | '.join(f'{v:.3f}' for v in mean)} |", flush=True)


if __name__ == "__main__":
    main()
