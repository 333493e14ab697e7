"""Wall time, peak memory and accuracy from a thousand to a million cells: whole processes on files on disk.

    python benchmarks/scale.py                       # 10,000 to 1,000,000 cells in each view
    python benchmarks/scale.py --cells 10000 100000 --folder /tmp/scale
    python benchmarks/scale.py --core 10000 50000    # how many cells to fit on

Simulated blood, 2,000 genes and 100 antibodies, half of the cells measured in both views. Files are backed, so that
only the current blocks are in memory. Each size is a separate process; files are kept and reused.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import anndata as ad
import numpy as np

BLOCK = 20_000
MOST = {"rna": 2000, "adt": 100}  # features that are simulated; what is asked beyond is noise
N_SCORED = 4000  # shared cells that FOSCTTM is computed on
N_LABELLED = 20_000  # cells whose labels are transferred


def prepare(folder: Path, n_cells: int, n_genes: int, n_proteins: int) -> None:
    """Simulate two views block by block into h5ad files, which appear when they are complete."""
    import h5py
    import pandas as pd
    from anndata.io import sparse_dataset, write_elem

    import crosstie as xt

    folder.mkdir(parents=True, exist_ok=True)
    files = {view: folder / f"{view}.h5ad" for view in ("rna", "adt")}
    if all(file.exists() for file in files.values()):
        return
    parts = {view: h5py.File(file.with_suffix(".part"), "w") for view, file in files.items()}
    obs: dict[str, list[pd.DataFrame]] = {view: [] for view in files}
    for number, start in enumerate(range(0, n_cells, BLOCK)):
        n = min(BLOCK, n_cells - start)
        mdata = xt.datasets.simulate_citeseq(
            n_cells=n,
            n_genes=min(n_genes, MOST["rna"]),
            n_proteins=min(n_proteins, MOST["adt"]),
            overlap=0.5,
            seed=1000 + number,
        )
        for view, file in parts.items():
            block = widened(mdata[view], {"rna": n_genes, "adt": n_proteins}[view], seed=number)
            table = block.obs[["cell_type"]].astype(str)
            table["true_cell"] = number * 2 * BLOCK + block.obs["true_cell"].to_numpy()
            table.index = pd.Index([f"{view}-{start + i}" for i in range(n)])
            obs[view].append(table)
            if number:
                sparse_dataset(file["X"]).append(block.X)
            else:
                file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
                for name in ("layers", "obsm", "obsp", "uns", "varm", "varp"):
                    write_elem(file, name, {})
                write_elem(file, "var", block.var[[]])
                block.X.indptr = block.X.indptr.astype(np.int64)  # so that more than 2³¹ non-zero values fit
                write_elem(file, "X", block.X, dataset_kwargs={"chunks": (2**17,)})
    for view, file in parts.items():
        table = pd.concat(obs[view])
        table["cell_type"] = table["cell_type"].astype("category")
        write_elem(file, "obs", table)
        file.close()
        files[view].with_suffix(".part").rename(files[view])


def widened(adata: ad.AnnData, n_features: int, seed: int) -> ad.AnnData:
    """Return cells with additional noise features: the mean count of the added ones falls from 0.5 to 0.005."""
    import scipy.sparse as sp

    n_more = n_features - adata.n_vars
    if n_more <= 0:
        return adata
    rng = np.random.default_rng(seed)
    noise = sp.hstack(
        [
            sp.csr_matrix(rng.poisson(rate, (adata.n_obs, 1)).astype(np.float32))
            for rate in np.geomspace(0.5, 0.005, n_more)
        ]
    )
    out = ad.AnnData(sp.hstack([adata.X, noise], "csr"), obs=adata.obs)
    out.var_names = [*adata.var_names, *(f"noise-{i}" for i in range(n_more))]
    return out


def measure(folder: Path, n_core: int, out: Path) -> None:
    """Integrate the files of a folder and write latent coordinates; print a line of JSON."""
    start = time.perf_counter()
    import crosstie as xt

    data = {view: ad.read_h5ad(folder / f"{view}.h5ad", backed="r") for view in ("rna", "adt")}
    read = peak()
    model = xt.integrate(data, config=xt.Config(n_core=n_core), seed=0)
    for view, z in model.latents.items():
        np.save(out / f"{view}.npy", z)
    used = resource.getrusage(resource.RUSAGE_SELF)
    row = {
        "cells": data["rna"].n_obs,
        "core": n_core,
        "seconds": time.perf_counter() - start,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "gib_read": read,
        "gib": peak(),
    }
    print(json.dumps(row | scores(data, model.latents)))


def peak() -> float:
    """Return the peak resident memory of this process, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def scores(data: dict, latents: dict[str, np.ndarray]) -> dict[str, float]:
    """Score coordinates against the truth that the simulator kept."""
    from crosstie.anchors.neighbours import nearest
    from crosstie.metrics import foscttm

    rng = np.random.default_rng(0)
    cell = {view: adata.obs["true_cell"].to_numpy() for view, adata in data.items()}
    label = {view: adata.obs["cell_type"].astype(str).to_numpy() for view, adata in data.items()}
    _, i, j = np.intersect1d(cell["rna"], cell["adt"], return_indices=True)
    some = rng.permutation(len(i))[:N_SCORED]
    out = {"foscttm": foscttm(latents["rna"][i[some]], latents["adt"][j[some]])}
    for source, target in (("rna", "adt"), ("adt", "rna")):
        base = np.sort(rng.permutation(len(latents[source]))[:200_000])
        asked = rng.permutation(len(latents[target]))[:N_LABELLED]
        near = nearest(latents[source][base], latents[target][asked], 1)[1][:, 0]
        out[f"{source} → {target}"] = float((label[source][base][near] == label[target][asked]).mean())
    return out


def main() -> None:
    """Measure every size in a process of its own and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--core", type=int, nargs="+", default=[50_000])
    parser.add_argument("--genes", type=int, default=2000)
    parser.add_argument("--proteins", type=int, default=100)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "crosstie-scale")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        with tempfile.TemporaryDirectory(dir=args.measure) as out:
            measure(args.measure, args.core[0], Path(out))
        return
    rows = []
    for n_cells in args.cells:
        folder = args.folder / f"{n_cells}x{args.genes}x{args.proteins}"
        # A process inherits the peak memory of the one that starts it, so that one must not be the one that simulates.
        with ProcessPoolExecutor(1) as beside:
            beside.submit(prepare, folder, n_cells, args.genes, args.proteins).result()
        for n_core in args.core:
            command = [sys.executable, __file__, "--measure", str(folder), "--core", str(n_core)]
            done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
            if done.returncode:
                sys.exit(done.stderr)
            rows.append(json.loads(done.stdout.splitlines()[-1]))
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    print(table(rows))


def table(rows: list[dict]) -> str:
    """Return the rows as Markdown, and how time and memory grow between the smallest and the largest."""
    head = ["cells of each view", "fitted on", "seconds", "CPU seconds", "GiB", "FOSCTTM", "rna → adt", "adt → rna"]
    body = [
        [
            f"{r['cells']:,}",
            f"{min(r['core'], r['cells']):,}",
            f"{r['seconds']:.0f}",
            f"{r['cpu_seconds']:.0f}",
            f"{r['gib']:.2f}",
            f"{r['foscttm']:.4f}",
            f"{r['rna → adt']:.4f}",
            f"{r['adt → rna']:.4f}",
        ]
        for r in rows
    ]
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body)]
    return "\n".join([*lines, "", growth(rows)])


def growth(rows: list[dict]) -> str:
    """Say what a cell costs beyond the largest size that is fitted whole."""
    large = [r for r in rows if r["cells"] > r["core"] == rows[-1]["core"]]
    if len(large) < 2:
        return ""
    low, high = min(large, key=lambda r: r["cells"]), max(large, key=lambda r: r["cells"])
    n = 2 * (high["cells"] - low["cells"])  # cells of both views
    seconds = (high["seconds"] - low["seconds"]) / n * 1e6
    n_bytes = (high["gib"] - low["gib"]) * 2**30 / n
    return (
        f"From {low['cells']:,} to {high['cells']:,}: {seconds:.0f} s for a million more cells, "
        f"{n_bytes:.0f} bytes a cell."
    )


if __name__ == "__main__":
    main()
