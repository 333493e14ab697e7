"""Run a grid of tasks, methods and seeds, and print the table of docs/benchmarks.md.

Without arguments, it runs crosstie and the two reference methods on the real data. `--methods all` adds the ablations,
`--tasks stress` uses the simulator and real data under stress, and `--results FILE` continues from the rows in a file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # one thread a process: the grid is what runs in parallel

import pandas as pd  # noqa: E402
from methods import METHODS  # noqa: E402
from tasks import CHROMATIN, REAL, UNLABELLED, Task, mislinked, real, simulated, thinned  # noqa: E402

CORE = ("crosstie", "linked features", "paired CCA (told the pairing)")
SCORES = ("foscttm", "accuracy", "mixing", "seconds")

TASKS: dict[str, Callable[[int], Task]] = {name: partial(real, name) for name in (*REAL, *UNLABELLED, *CHROMATIN)}
STRESS: dict[str, Callable[[int], Task]] = {
    "simulated": lambda seed: simulated("simulated", seed),
    **{f"simulated, {n} links": partial(simulated, f"simulated, {n} links", n_linked=n) for n in (10, 20, 40)},
    **{f"simulated, noise × {x}": partial(simulated, f"simulated, noise × {x}", noise=x) for x in (0.5, 2.0)},
    "simulated, 20 % of links wrong": lambda seed: mislinked(simulated("simulated", seed), 0.2, seed),
    "pbmc_wnn, 20 % of links wrong": lambda seed: mislinked(real("pbmc_wnn", seed), 0.2, seed),
    "pbmc10k, adt without NK": lambda seed: thinned(real("pbmc10k", seed), "adt", ("NK cells",)),
    "pbmc10k, adt 10 % of monocytes": lambda seed: thinned(real("pbmc10k", seed), "adt", ("CD14+ monocytes",), 0.1),
    "pbmc_wnn, rna without Mono": lambda seed: thinned(real("pbmc_wnn", seed), "rna", ("Mono",)),
    "sln_mouse, rna without B": lambda seed: thinned(real("sln_mouse", seed), "rna", ("Mature B", "MZ B", "B1 B")),
}


def run(task: str, method: str, seed: int) -> dict[str, object]:
    """Run one cell of the grid."""
    warnings.simplefilter("ignore")
    made = (TASKS | STRESS)[task](seed)
    start = time.perf_counter()
    latents = METHODS[method](made, seed)
    seconds = time.perf_counter() - start
    return {"task": task, "method": method, "seed": seed, "seconds": seconds} | made.score(latents)


def table(rows: pd.DataFrame) -> str:
    """Return mean ± standard deviation over seeds, as Markdown."""
    grouped = rows.groupby(["task", "method"], sort=False)[list(SCORES)].agg(["mean", "std"])
    lines = ["| task | method | " + " | ".join(SCORES) + " | seeds |", "|---" * (len(SCORES) + 3) + "|"]
    count = rows.groupby(["task", "method"], sort=False).size()
    for (task, method), row in grouped.iterrows():
        cells = [
            f"{row[s, 'mean']:.1f}"
            if s == "seconds"
            else "–"
            if pd.isna(row[s, "mean"])
            else f"{row[s, 'mean']:.4f} ± {0 if pd.isna(row[s, 'std']) else row[s, 'std']:.4f}"
            for s in SCORES
        ]
        lines.append(f"| {task} | {method} | " + " | ".join(cells) + f" | {count[task, method]} |")
    return "\n".join(lines)


def main() -> None:
    """Read the command line, run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=["real"], help="names, or real, stress, all")
    parser.add_argument("--methods", nargs="+", default=["core"], help="names, or core, all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--results", type=Path, help="file with one JSON row per run; runs that it holds are skipped")
    args = parser.parse_args()
    groups = {"real": list(TASKS), "stress": list(STRESS), "all": [*TASKS, *STRESS]}
    tasks = [name for word in args.tasks for name in groups.get(word, [word])]
    names = {"core": list(CORE), "all": list(METHODS)}
    methods = [name for word in args.methods for name in names.get(word, [word])]
    done = pd.read_json(args.results, lines=True) if args.results and args.results.exists() else pd.DataFrame()
    have = set() if done.empty else set(zip(done["task"], done["method"], done["seed"], strict=True))
    grid = [(t, m, s) for t in tasks for m in methods for s in range(args.seeds)]
    rows = [] if done.empty else done.to_dict("records")
    with ProcessPoolExecutor(args.jobs) as pool:
        jobs = {pool.submit(run, *cell): cell for cell in grid if cell not in have}
        for i, job in enumerate(as_completed(jobs), 1):
            rows.append(job.result())
            print(f"{i}/{len(jobs)} {jobs[job]}", file=sys.stderr)
            if args.results:
                with args.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
    order = {cell: i for i, cell in enumerate(grid)}
    wanted = [row for row in rows if (row["task"], row["method"], row["seed"]) in order]
    wanted.sort(key=lambda row: order[row["task"], row["method"], row["seed"]])
    print(table(pd.DataFrame(wanted)))


if __name__ == "__main__":
    main()
