"""Compare the simulator with real paired data: how hard are they for simple methods? Prints docs/simulator.md's table.

    CROSSTIE_DATA=... python benchmarks/simulator_floors.py [--seeds 3]

Three methods, none with training: the linked features alone, a closed form that refines mutual neighbours by ridge CCA,
and a CCA that is told the pairing. Each gets 1-NN label accuracy in both directions and FOSCTTM.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from simulator_profile import LARGE_PANEL, SMALL_PANEL
from sklearn.neighbors import NearestNeighbors

from crosstie.datasets import simulate_citeseq, true_links

# the types of the real sets, so that accuracies compare
PBMC_WNN_TYPES = {
    "CD4+ T cells": "CD4 T", "CD8+ T cells": "CD8 T", "Other T cells": "other T", "NK cells": "NK", "B cells": "B",
    "CD14+ monocytes": "Mono", "CD16+ monocytes": "Mono", "Dendritic cells": "DC",
    "Plasmacytoid dendritic cells": "DC", "Platelets": "other",
}  # fmt: skip
NOT_IN_PBMC10K = ["Other T cells", "Plasmacytoid dendritic cells", "Platelets"]


@dataclass
class Paired:
    """Two log-normalised, standardised matrices of the same cells, the links between their columns, and labels."""

    rna: np.ndarray
    adt: np.ndarray
    links: list[tuple[int, list[int]]]  # a protein's column, its genes' columns
    label: np.ndarray


def main() -> None:
    """Print one row for each data set and method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="simulations averaged")
    seeds = range(parser.parse_args().seeds)
    root = Path(os.environ.get("CROSSTIE_DATA", "../shared/data"))
    sets: dict[str, list[Callable[[], Paired]]] = {
        "pbmc10k, real": [lambda: real(root / "pbmc10k", SMALL_PANEL)],
        'simulated, panel="pbmc10k"': [lambda s=s: simulated_like_pbmc10k(s) for s in seeds],
        "pbmc_wnn, real": [lambda: real(root / "pbmc_wnn", dict(LARGE_PANEL.values()))],
        "simulated, default, 800 cells": [lambda s=s: simulated(simulate_citeseq(n_cells=800, seed=s)) for s in seeds],
        "simulated, default, 2,000 cells": [lambda s=s: simulated(simulate_citeseq(seed=s)) for s in seeds],
    }
    methods = {"linked features": linked_features, "closed form": closed_form, "paired CCA": paired_cca}
    print("| data | cells × genes × proteins (links) | method | accuracy RNA→ADT | accuracy ADT→RNA | FOSCTTM |")
    print("|---|---|---|---|---|---|")
    for name, loaders in sets.items():
        tables = []
        for load in loaders:
            data = load()
            tables.append({m: score(data, *method(data)) for m, method in methods.items()})
        size = f"{len(data.rna):,} × {data.rna.shape[1]:,} × {data.adt.shape[1]} ({len(data.links)})"
        for m in methods:
            a, b, f = np.mean([t[m] for t in tables], axis=0)
            print(f"| {name} | {size} | {m} | {a:.3f} | {b:.3f} | {f:.3f} |", flush=True)


# ---- data -----------------------------------------------------------------------------------------------------------


def real(folder: Path, genes: dict[str, str]) -> Paired:
    """A real set: rows of its two files are the same cells."""
    rna, adt = ad.read_h5ad(folder / "rna.h5ad"), ad.read_h5ad(folder / "adt.h5ad")
    table = pd.DataFrame(
        [(p, g) for p, joined in genes.items() for g in joined.split("/")], columns=["protein", "gene"]
    )
    return paired(rna, adt, table[table["gene"].isin(rna.var_names)], rna.obs["cell_type"].astype(str).to_numpy())


def simulated_like_pbmc10k(seed: int) -> Paired:
    """The simulator with the real set's panel, genes and types."""
    mdata = simulate_citeseq(
        panel="pbmc10k", n_cells=6855, n_genes=4000, seed=seed, drop_types=dict.fromkeys(("rna", "adt"), NOT_IN_PBMC10K)
    )
    return simulated(mdata, {t: t for t in PBMC_WNN_TYPES})


def simulated(mdata, names: dict[str, str] = PBMC_WNN_TYPES) -> Paired:
    """A simulation, rows put back into pairs."""
    rna, adt = (mdata[v][np.argsort(mdata[v].obs["true_cell"].to_numpy())] for v in ("rna", "adt"))
    return paired(rna, adt, true_links(mdata), rna.obs["cell_type"].astype(str).map(names).to_numpy())


def paired(rna: ad.AnnData, adt: ad.AnnData, table: pd.DataFrame, label: np.ndarray) -> Paired:
    """Standardise both, and look the links up."""
    links = [
        (adt.var_names.get_loc(p), [rna.var_names.get_loc(g) for g in genes])
        for p, genes in table.groupby("protein")["gene"]
    ]
    return Paired(standardised(rna.X), standardised(adt.X), links, label)


def standardised(x) -> np.ndarray:
    """Counts normalised to their median total, logged, z-scored and clipped."""
    x = np.asarray(x.toarray() if sp.issparse(x) else x, dtype=np.float64)
    total = np.maximum(x.sum(axis=1, keepdims=True), 1)
    return np.clip(zscored(np.log1p(x / total * np.median(total))), -10, 10)


def zscored(x: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and deviation 1."""
    return (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-6)


# ---- methods --------------------------------------------------------------------------------------------------------


def linked_features(data: Paired) -> tuple[np.ndarray, np.ndarray]:
    """Z-scored proteins against the z-scored mean of their genes."""
    genes = np.stack([data.rna[:, g].mean(axis=1) for _, g in data.links], axis=1)
    return zscored(genes), data.adt[:, [p for p, _ in data.links]]


def closed_form(
    data: Paired, *, n_rounds: int = 4, ridge: float = 1.0, n_latent: int = 20
) -> tuple[np.ndarray, np.ndarray]:
    """Denoised, whitened links; mutual neighbours; rounds of ridge CCA of all components on those pairs."""
    rna, axes = components(data.rna, 50)
    adt, _ = components(data.adt, 50)
    denoised = data.rna @ axes[:, :30] @ axes[:, :30].T
    x = whitened(np.stack([denoised[:, g].mean(axis=1) for _, g in data.links], axis=1))
    y = whitened(data.adt[:, [p for p, _ in data.links]])
    pairs = mutual_neighbours(x, y, 60)
    for _ in range(n_rounds):
        x, y = cca(rna, adt, *pairs, ridge=ridge, n_latent=n_latent)
        pairs = mutual_neighbours(x, y, 40)
    return x, y


def paired_cca(data: Paired) -> tuple[np.ndarray, np.ndarray]:
    """The CCA of 40 components a view, told which cells are the same."""
    rows = np.arange(len(data.rna))
    return cca(components(data.rna, 40)[0], components(data.adt, 40)[0], rows, rows, ridge=0.05, n_latent=20)


def components(x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Principal component scores of unit variance, and the axes."""
    _, axes = np.linalg.eigh(x.T @ x)
    axes = axes[:, ::-1][:, : min(k, *x.shape)]
    return zscored(x @ axes), axes


def whitened(x: np.ndarray) -> np.ndarray:
    """Symmetrically whitened with the correlation matrix, shrunk by 30 % to the identity."""
    x = zscored(x)
    return x @ inverse_root(0.7 * x.T @ x / len(x) + 0.3 * np.eye(x.shape[1]))


def inverse_root(x: np.ndarray) -> np.ndarray:
    """Symmetric inverse square root."""
    values, vectors = np.linalg.eigh(x)
    return vectors / np.sqrt(values) @ vectors.T


def cca(x, y, source, target, *, ridge: float, n_latent: int) -> tuple[np.ndarray, np.ndarray]:
    """Ridge CCA on pairs of rows, applied to all rows; coordinates scaled by the canonical correlations."""
    wx = inverse_root(x[source].T @ x[source] / len(source) + ridge * np.eye(x.shape[1]))
    wy = inverse_root(y[target].T @ y[target] / len(target) + ridge * np.eye(y.shape[1]))
    u, s, vt = np.linalg.svd(wx @ (x[source].T @ y[target] / len(source)) @ wy)
    k = min(n_latent, len(s))
    return x @ wx @ u[:, :k] * s[:k], y @ wy @ vt[:k].T * s[:k]


def mutual_neighbours(x: np.ndarray, y: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows that are each among the other's `k` nearest by cosine."""
    x, y = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (x, y))
    k = min(k, len(x), len(y))
    there = NearestNeighbors(n_neighbors=k).fit(y).kneighbors_graph(x)
    back = NearestNeighbors(n_neighbors=k).fit(x).kneighbors_graph(y)
    return there.multiply(back.T).nonzero()


# ---- scores ---------------------------------------------------------------------------------------------------------


def score(data: Paired, x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """1-NN accuracy in both directions over the labelled cells, and the symmetric FOSCTTM."""
    known = data.label != "unknown"
    label = data.label[known]
    hits = [
        (label[NearestNeighbors(n_neighbors=1).fit(b).kneighbors(a, return_distance=False)[:, 0]] == label).mean()
        for a, b in ((x[known], y[known]), (y[known], x[known]))
    ]
    rows = np.random.default_rng(0).permutation(len(x))[:3000]
    return hits[0], hits[1], (foscttm(x, y, rows) + foscttm(y, x, rows)) / 2


def foscttm(x: np.ndarray, y: np.ndarray, rows: np.ndarray) -> float:
    """Share of cells of the other side nearer than the true partner."""
    parts = []
    for chunk in np.array_split(rows, -(-len(rows) // 1000)):
        true = ((x[chunk] - y[chunk]) ** 2).sum(axis=1)
        d = (x[chunk] ** 2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2 * x[chunk] @ y.T
        parts.append((d < true[:, None] - 1e-9).mean(axis=1))
    return float(np.concatenate(parts).mean())


if __name__ == "__main__":
    main()
