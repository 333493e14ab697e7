"""Test numerical stability: many seeds, one and two threads, permuted inputs, and scales from a millionth to a million.

python benchmarks/steadiness.py                          # 200 seeds, and all the rest
python benchmarks/steadiness.py --seeds 20
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from unittest import mock

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from threadpoolctl import threadpool_limits

import crosstie as xt

CONFIG = xt.Config(n_components=30, n_latent=20)
Views = Mapping[str, AnnData]


def main() -> None:
    """Run all parts, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    options = parser.parse_args()
    seeds(options.seeds)
    base = simulated(300, 0)
    model = xt.integrate(base, config=CONFIG)
    orders(base, model)
    scales(base)
    intruders(base)
    threads()


def simulated(n_cells: int, seed: int, n_genes: int = 200) -> dict[str, AnnData]:
    """Return two views."""
    return dict(xt.datasets.simulate_citeseq(n_cells=n_cells, n_genes=n_genes, n_proteins=30, seed=seed).mod)


def score(model: xt.Model, data: Views) -> float:
    """Return FOSCTTM."""
    true = {name: data[name].obs["true_cell"].to_numpy() for name in data}
    return xt.metrics.foscttm(*(model.embed(name)[np.argsort(true[name])] for name in ("rna", "adt")), max_cells=2000)


def cosines(model: xt.Model) -> np.ndarray:
    """Return the cosines between cells of the two views, which do not depend on the axes."""
    return model.embed("rna") @ model.embed("adt").T


def seeds(n_seeds: int) -> None:
    """Integrate many small tasks."""
    start, found, broken = time.perf_counter(), [], 0
    for seed in range(n_seeds):
        data = simulated(100 + seed % 200, seed)
        model = xt.integrate(data, config=CONFIG, seed=seed)
        broken += not all(np.isfinite(z).all() and z.std(0).sum() > 0.1 for z in model.latents.values())
        found.append(score(model, data))
    low, middle, high = np.quantile(found, [0, 0.5, 1])
    print(
        f"{n_seeds} seeds, 100 to {99 + min(n_seeds, 200)} cells: {broken} not finite or in one place; "
        f"FOSCTTM {low:.3f}, median {middle:.3f}, worst {high:.3f} (chance .5), {time.perf_counter() - start:.0f} s"
    )


def orders(data: Views, model: xt.Model) -> None:
    """Change the order of cells, features and views, and the views' names."""
    rng = np.random.default_rng(0)
    rows = {name: rng.permutation(a.n_obs) for name, a in data.items()}
    columns = {name: rng.permutation(a.n_vars) for name, a in data.items()}
    cases = {
        "cells": {name: a[rows[name]].copy() for name, a in data.items()},
        "features": {name: a[:, columns[name]].copy() for name, a in data.items()},
        "views": dict(reversed(data.items())),
    }
    for what, mixed in cases.items():
        found = cosines(xt.integrate(mixed, config=CONFIG))
        if what == "cells":
            found = found[np.ix_(*(np.argsort(rows[name]) for name in ("rna", "adt")))]
        off = np.abs(found - cosines(model))
        print(f"order of {what}: cosines differ by {off.mean():.1e} in the mean, {off.max():.1e} at most")


def scales(data: Views) -> None:
    """Multiply all counts."""
    found = []
    for scale in (1e-6, 1e-3, 1, 1e3, 1e6):
        scaled = {name: a.copy() for name, a in data.items()}
        for a in scaled.values():
            a.X = sp.csr_matrix(a.X * np.float32(scale))
        found.append(f"{scale:g}: {score(xt.integrate(scaled, config=CONFIG), scaled):.3f}")
    print(f"FOSCTTM with counts multiplied by {', '.join(found)}")


def intruders(data: Views) -> None:
    """Add a column that is no gene or no protein to one view, as quality control leaves it."""
    rng = np.random.default_rng(5)
    n = data["rna"].n_obs
    columns = {
        "random up to 1e9": rng.integers(0, 10**9, n),
        "1e9 in every cell": np.full(n, 1e9),
        "log-normal": np.exp(rng.normal(12, 3, n)).round(),
        "1e12 in one cell": np.where(np.arange(n) == 7, 1e12, 0),
        "number of the row": np.arange(n),
        "total": None,
    }
    mean = data["rna"].X.sum() / n
    columns |= {
        f"random, {share:.0%} of the RNA": rng.integers(0, int(2 * mean * share / (1 - share)), n)
        for share in (0.5, 0.75)
    }
    for view in data:
        found = []
        for what, column in columns.items():
            adata = data[view]
            values = np.asarray(adata.X.sum(1)).ravel() if column is None else column
            x = sp.hstack([sp.csr_matrix(adata.X), sp.csr_matrix(values.astype(np.float32)[:, None])], "csr")
            other = AnnData(x, obs=adata.obs, var=pd.DataFrame(index=[*adata.var_names, "intruder"]))
            found.append(f"{what} {score(xt.integrate({**data, view: other}, config=CONFIG), data):.3f}")
        print(f"FOSCTTM with one more column in {view}: {', '.join(found)}")


def threads() -> None:
    """Fit on one thread and on two; the rule that small views use one thread is turned off for them."""
    for n_cells, small in ((300, False), (300, True), (25_000, False)):
        data, found = simulated(n_cells, 0), []
        with mock.patch("crosstie._threads.SMALL", 0) if small else mock.patch("crosstie._threads.SMALL", 20_000):
            for n_threads in (1, 2):
                with threadpool_limits(n_threads):
                    model = xt.integrate(data, config=CONFIG)
                part = {name: model.embed(name)[:1000] for name in data}
                found.append((part["rna"] @ part["adt"].T, score(model, data)))
        off = np.abs(found[0][0] - found[1][0])
        rule = ", the rule of one thread for small views turned off" if small else ""
        print(
            f"1 and 2 threads, {n_cells:,} cells{rule}: cosines differ by {off.mean():.1e} in the mean, "
            f"{off.max():.1e} at most; FOSCTTM {found[0][1]:.4f} and {found[1][1]:.4f}"
        )


if __name__ == "__main__":
    main()
