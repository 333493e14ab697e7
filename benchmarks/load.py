"""Look for leaks: many integrations in one process, and several command lines at once.

    python benchmarks/load.py                             # 500 integrations, then 8 command lines at once
    python benchmarks/load.py --runs 25 --processes 0     # some seconds

Each integration also saves its progress, saves and loads the model, places cells again, transfers labels and imputes
into a file. Memory is what the process does not share (resident minus shared), as the median of each tenth of the runs.
Open files, threads, child processes and temporary files are counted after the warm-up (a tenth of the runs) and at the
end. The command lines write into separate folders, and must give identical results.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from anndata import AnnData

import crosstie as xt

CONFIG = xt.Config(n_core=100, n_components=30)
SAME = ("model/weights.safetensors", "matches.csv", "anchors.csv")


@dataclass(frozen=True)
class Held:
    """Resources held by a process."""

    mebibytes: float
    files: int
    threads: int
    children: int
    temporary: int


def main() -> None:
    """Run both parts, and print the resources held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500, help="integrations in one process")
    parser.add_argument("--processes", type=int, default=8, help="command lines at once")
    options = parser.parse_args()
    if options.runs:
        start = time.perf_counter()
        seen = piled_up(options.runs)
        seconds = time.perf_counter() - start
        tenth = max(1, options.runs // 10)
        memory = [np.median([h.mebibytes for h in seen[i : i + tenth]]) for i in range(0, options.runs, tenth)]
        print(f"{options.runs} integrations in {seconds:.0f} s; MiB by tenth: {' '.join(f'{m:.1f}' for m in memory)}")
        print(f"memory from the second tenth to the last: {grown(seen):+.1%}")
        for name in (field.name for field in fields(Held)[1:]):
            print(f"{name}: {getattr(seen[tenth], name)} after the warm-up, {getattr(seen[-1], name)} at the end")
    if options.processes:
        start = time.perf_counter()
        bits = at_once(options.processes)
        word = "the same bits" if len(set(bits)) == 1 else f"{len(set(bits))} different results"
        print(f"{len(bits)} command lines at once: {word}, {time.perf_counter() - start:.0f} s")


def piled_up(n_runs: int) -> list[Held]:
    """Integrate repeatedly; return the resources held after each run."""
    data = dict(xt.datasets.simulate_citeseq(n_cells=240, n_genes=300, n_proteins=30, seed=1).mod)
    seen = []
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder  # so that no other process counts
        try:
            for _ in range(n_runs):
                once(data, Path(folder))
                seen.append(held())
        finally:
            tempfile.tempdir = before
    return seen


def once(data: Mapping[str, AnnData], folder: Path) -> None:
    """Integrate, and use the model as a user would."""
    model = xt.integrate(data, config=CONFIG, resume=folder / "work")
    model.save(folder / "model")
    xt.Model.load(folder / "model").embed("rna", data["rna"])
    xt.tl.transfer_labels(model, "rna", "adt", key="cell_type")
    xt.tl.impute(model, "rna", "adt", out=folder / "adt.h5ad").file.close()


def held() -> Held:
    """Count the resources that this process holds."""
    gc.collect()
    process = Path("/proc/self")
    _, resident, shared, *_ = map(int, (process / "statm").read_text().split())
    tasks = list((process / "task").iterdir())
    return Held(
        mebibytes=(resident - shared) * os.sysconf("SC_PAGESIZE") / 2**20,
        files=len(list((process / "fd").iterdir())),
        threads=len(tasks),
        children=sum(len((task / "children").read_text().split()) for task in tasks),
        temporary=len(os.listdir(tempfile.gettempdir())),
    )


def grown(seen: list[Held]) -> float:
    """Return the share by which memory grew from the second tenth of the runs to the last."""
    tenth = max(1, len(seen) // 10)
    first, last = (np.median([h.mebibytes for h in part]) for part in (seen[tenth : 2 * tenth], seen[-tenth:]))
    return float(last / first - 1)


def at_once(n_processes: int) -> list[str]:
    """Run command lines in parallel, each into its own folder; return the checksum of each result."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for view, adata in xt.datasets.simulate_citeseq(n_cells=240, n_genes=300, n_proteins=30, seed=1).mod.items():
            adata.write_h5ad(folder / f"{view}.h5ad")
        words = [
            sys.executable,
            "-m",
            "crosstie",
            "integrate",
            "rna=rna.h5ad",
            "adt=adt.h5ad",
            "--no-plots",
            "--no-verdict",
            "-q",
        ]
        jobs = [
            subprocess.Popen([*words, "--out", f"run{i}"], cwd=folder, stdout=subprocess.DEVNULL)
            for i in range(n_processes)
        ]
        failed = [job.returncode for job in jobs if job.wait()]
        if failed:
            raise SystemExit(f"{len(failed)} of {n_processes} command lines failed: exit status {failed}")
        digests = []
        for i in range(n_processes):
            parts = [(folder / f"run{i}" / file).read_bytes() for file in SAME]
            digests.append(hashlib.sha256(b"".join(parts)).hexdigest())
        return digests


if __name__ == "__main__":
    main()
