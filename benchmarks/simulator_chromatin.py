"""What does chromatin show of expression, in real cells and in the simulator? Prints a table of docs/simulator.md.

Real: SNARE-seq of mouse cortex (`$CROSSTIE_DATA/snare_mop`; RNA and peaks of the same cells, peaks added up by their
linked gene). Simulated: `simulate_teaseq`, RNA and activity of the same cells, thinned to the counts of the real data,
so that one estimator with one noise looks at both.

Estimates are free of counting noise where two halves of the cells can be multiplied: the covariance across cell types
of two estimates with independent noise is that of the truth. Slopes are those of log activity on log RNA across types.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from itertools import pairwise

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from tasks import DATA

import crosstie as xt

MIN_CELLS = 90  # of a type
MIN_COUNTS = 200  # of a gene, in each assay
PRIOR = 2000.0  # counts of the average profile added to a type's
VARIANCE = (0.1, 0.4, 0.8, 1.6, np.inf)  # classes of genes, by the variance of log RNA across types
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Paired:
    """Counts of genes and of their activity in the same cells, columns alike."""

    rna: sp.csr_matrix
    activity: sp.csr_matrix
    label: np.ndarray
    batch: np.ndarray


def real() -> Paired:
    """Read the SNARE-seq cells; peaks of a gene are added up."""
    rna, atac = (ad.read_h5ad(DATA / "snare_mop" / f"{view}.h5ad") for view in ("rna", "atac"))
    gene = rna.var_names.get_indexer(atac.var["linked_gene"])
    known = np.flatnonzero(gene >= 0)
    n_peaks = np.bincount(gene[known], minlength=rna.n_vars)
    print(f"peaks of a real gene: {quantiles(n_peaks)} (quantiles {QUANTILES})", file=sys.stderr)
    shape = (atac.n_vars, rna.n_vars)
    add = sp.csr_matrix((np.ones(len(known)), (known, gene[known])), shape=shape)
    label, batch = (rna.obs[key].astype(str).to_numpy() for key in ("cell_type", "batch"))
    return Paired(sp.csr_matrix(rna.X, dtype=float), sp.csr_matrix(atac.X @ add, dtype=float), label, batch)


def simulated(seed: int, like: Paired | None) -> Paired:
    """Simulate as many cells as `like` has, with as many counts for a gene."""
    n = 8000 if like is None else like.rna.shape[0]
    mdata = xt.datasets.simulate_teaseq(n_cells=n, seed=seed)
    rna, activity = (mdata[v][np.argsort(mdata[v].obs["true_cell"].to_numpy())] for v in ("rna", "activity"))
    x, y = (sp.csr_matrix(v.X, dtype=float) for v in (rna, activity))
    if like is not None:
        rng = np.random.default_rng(seed)
        x, y = thinned(x, like.rna.mean(), rng), thinned(y, like.activity.mean(), rng)
    return Paired(x, y, rna.obs["state"].astype(str).to_numpy(), np.full(n, ""))


def thinned(x: sp.csr_matrix, mean: float, rng: np.random.Generator) -> sp.csr_matrix:
    """Keep each count with the probability that brings the matrix to that mean, at most 1."""
    kept = rng.binomial(x.data.astype(int), min(mean / x.mean(), 1))
    out = sp.csr_matrix((kept.astype(float), x.indices, x.indptr), shape=x.shape)
    out.eliminate_zeros()
    return out


def figures(cells: Paired) -> dict[str, str]:
    """Return the figures by name, formatted."""
    out = dict(between_types(cells))
    out |= inside_types(cells)
    out |= counts(cells)
    return out


# ---- across types ---------------------------------------------------------------------------------------------------


def between_types(cells: Paired) -> dict[str, str]:
    """Slopes and correlations of log activity on log RNA across types, over the genes that vary."""
    half = halves(cells.label)
    every = np.ones(len(half), dtype=bool)
    x, y = profile(cells.rna, cells.label, every), profile(cells.activity, cells.label, every)
    xs, ys = ([profile(m, cells.label, half == h) for h in (0, 1)] for m in (cells.rna, cells.activity))
    vx, vy, cov = covariance(*xs), covariance(*ys), covariance(x, y)
    genes = (column_sum(cells.rna) > MIN_COUNTS) & (column_sum(cells.activity) > MIN_COUNTS) & (vx > 0.1)
    slope = cov[genes] / vx[genes]
    weight = vx[genes]
    mean = np.average(slope, weights=weight)
    halved = [covariance(a, b)[genes] / weight for a, b in zip(xs, ys, strict=True)]
    spread = np.sqrt(max(np.average(halved[0] * halved[1], weights=weight) - mean**2, 0))
    classes = [genes & (vx >= low) & (vx < high) for low, high in pairwise(VARIANCE)]
    raw = cov[genes] / (x.std(axis=0) * y.std(axis=0))[genes]
    return {
        "genes compared": f"{genes.sum():,}",
        "slope: mean ± deviation": f"{mean:.2f} ± {spread:.2f}",
        "slope by the variance of log RNA: .1–.4, .4–.8, .8–1.6, over 1.6": ", ".join(
            f"{cov[at].sum() / vx[at].sum():.2f} ({at.sum()})" for at in classes
        ),
        "slope, with noise: quantiles": quantiles(slope),
        "largest log difference from the mean, 99 % of genes, activity, RNA": ", ".join(
            f"{np.quantile((m - m.mean(axis=0))[:, genes].max(axis=0), 0.99):.1f}" for m in (y, x)
        ),
        "correlation, noise removed, all genes": f"{cov[genes].sum() / np.sqrt(vx[genes].sum() * vy[genes].sum()):.2f}",
        "correlation, with noise: quantiles": quantiles(raw),
    }


def profile(x: sp.csr_matrix, label: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Log share of each gene in each type of enough cells, towards the average profile by `PRIOR` counts."""
    prior = PRIOR * rows.mean()
    total = np.array([column_sum(x[rows & (label == t)]) for t in large_types(label)])
    average = total.sum(axis=0) / total.sum() + 1e-12
    return np.log((total + prior * average) / (total.sum(axis=1, keepdims=True) + prior))


def covariance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Covariance across types, gene by gene."""
    return ((a - a.mean(axis=0)) * (b - b.mean(axis=0))).mean(axis=0)


# ---- inside types ---------------------------------------------------------------------------------------------------


def inside_types(cells: Paired) -> dict[str, str]:
    """Slope of what activity shares with RNA among cells of one type and batch.

    The covariance over cells of gene g with the activity of another gene h, against that of the RNAs of g and h: no
    counting noise is shared by different genes, nor by the two halves of cells whose products are summed.
    """
    x_mean, y_mean = (np.asarray(m.mean(axis=0)).ravel() for m in (cells.rna, cells.activity))
    genes = np.flatnonzero((x_mean > 0.03) & (y_mean > 0.03))
    x_depth, y_depth = (row_sum(m) / np.median(row_sum(m)) for m in (cells.rna, cells.activity))
    usable = (x_depth > 0.3) & (y_depth > 0.3) & np.isin(cells.label, large_types(cells.label))
    group = np.char.add(cells.label.astype(str), cells.batch.astype(str))
    x, y = (m[:, genes].toarray() for m in (cells.rna, cells.activity))
    for g in np.unique(group[usable]):
        rows = np.flatnonzero(usable & (group == g))
        for m, depth in ((x, x_depth), (y, y_depth)):
            m[rows] -= depth[rows, None] * (m[rows].sum(axis=0) / depth[rows].sum())
    x /= np.sqrt(x_mean[genes])
    y *= np.sqrt(x_mean[genes]) / y_mean[genes]
    order = np.random.default_rng(0).permutation(np.flatnonzero(usable))
    parts = order[: len(order) // 2], order[len(order) // 2 :]
    rna = [x[i].T @ x[i] / (x_depth[i] ** 2).sum() for i in parts]
    both = [x[i].T @ y[i] / (x_depth[i] * y_depth[i]).sum() for i in parts]
    other = ~np.eye(len(genes), dtype=bool)
    slope = (both[0] * rna[1] + both[1] * rna[0])[other].sum() / 2 / (rna[0] * rna[1])[other].sum()
    return {"slope inside types": f"{slope:.2f}", "depths: deviations of the logs, correlation": depths(cells)}


def depths(cells: Paired) -> str:
    """Deviations of the log totals of RNA and activity inside types, Poisson noise removed, and their correlation."""
    x, y = row_sum(cells.rna) + 1, row_sum(cells.activity) + 1
    inside = [np.flatnonzero(cells.label == t) for t in large_types(cells.label)]
    a, b = (np.concatenate([np.log(v[i]) - np.log(v[i]).mean() for i in inside]) for v in (x, y))
    va, vb = a.var() - np.mean(1 / x), b.var() - np.mean(1 / y)
    return f"{np.sqrt(va):.2f}, {np.sqrt(vb):.2f}, {np.mean(a * b) / np.sqrt(va * vb):.2f}"


# ---- counts ---------------------------------------------------------------------------------------------------------


def counts(cells: Paired) -> dict[str, str]:
    """Counts for a gene, zeros, dispersion inside types, means of genes."""
    mean = np.asarray(cells.activity.mean(axis=0)).ravel()
    rna = np.asarray(cells.rna.mean(axis=0)).ravel()
    both = (mean > 0.01) & (rna > 0.01)
    log = np.log(mean[both])
    return {
        "activity: counts of a gene in a cell": f"{mean.mean():.3f}",
        "activity: zeros": f"{1 - cells.activity.nnz / np.prod(cells.activity.shape):.1%}",
        "activity: dispersion": f"{dispersion(cells):.2f}",
        "log means of genes: deviation, correlation with RNA": (
            f"{log.std():.2f}, {np.corrcoef(log, np.log(rna[both]))[0, 1]:.2f}"
        ),
    }


def dispersion(cells: Paired) -> float:
    """Excess of the variance inside types over Poisson, in squared means, over the genes of more than .1 counts."""
    depth = row_sum(cells.activity)
    genes = np.flatnonzero(np.asarray(cells.activity.mean(axis=0)).ravel() > 0.1)
    above = below = 0.0
    for t in large_types(cells.label):
        rows = np.flatnonzero(cells.label == t)
        x = cells.activity[rows][:, genes].toarray()
        expected = depth[rows, None] * (x.sum(axis=0) / depth[rows].sum())
        above += ((x - expected) ** 2 - expected).sum()
        below += (expected**2).sum()
    return above / below


def large_types(label: np.ndarray) -> list[str]:
    """Types of enough cells."""
    names, n = np.unique(label, return_counts=True)
    return [str(name) for name in names[n >= MIN_CELLS]]


def halves(label: np.ndarray) -> np.ndarray:
    """Put one half of the cells of every type in half 1, the others in half 0."""
    rng = np.random.default_rng(0)
    half = np.zeros(len(label), dtype=int)
    for t in np.unique(label):
        rows = rng.permutation(np.flatnonzero(label == t))
        half[rows[: len(rows) // 2]] = 1
    return half


def row_sum(x: sp.csr_matrix) -> np.ndarray:
    """Sum each row."""
    return np.asarray(x.sum(axis=1)).ravel()


def column_sum(x: sp.csr_matrix) -> np.ndarray:
    """Sum each column."""
    return np.asarray(x.sum(axis=0)).ravel()


def quantiles(x: np.ndarray) -> str:
    """Format the quantiles of `QUANTILES`."""
    return ", ".join(f"{q:.2f}" for q in np.quantile(x, QUANTILES))


def main() -> None:
    """Print one row a figure, one column a data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    cells = real()
    columns = {
        "SNARE-seq, real": figures(cells),
        "simulated, thinned to it": figures(simulated(seed, cells)),
        "simulated, as it is": figures(simulated(seed, None)),
    }
    table = pd.DataFrame(columns)
    print("| | " + " | ".join(columns) + " |\n" + "|---" * (len(columns) + 1) + "|")
    for name, row in table.iterrows():
        print(f"| {name} | " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
