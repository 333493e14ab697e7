"""Compare crosstie with GLUE, MaxFuse and uniPort on RNA and chromatin: scores on the same cells, and CPU times.

    benchmarks/peers/setup.sh scglue maxfuse uniport             # their environments, once
    python benchmarks/chromatin.py --cells 3000                  # snare_mop, a random part of it
    python benchmarks/chromatin.py --cells 3000 --peaks 3000     # only the linked peaks that most of these cells have
    python benchmarks/chromatin.py --data simulated --cells 1500 # RNA and peaks of the simulator

Each tool is a process of its own on one thread that reads two shuffled views and the same links; pairing and labels are
only used for scores. Rows are appended to a file, and tools that it holds are not run again.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import speed
from tasks import Task, real, simulated_multiome

import crosstie as xt

N_GENES = 600  # of the simulator, with about five peaks each
HERE = Path(__file__).resolve().parent
TOOLS = {
    "crosstie": ("crosstie", "run_crosstie.py"),
    "GLUE": ("scglue", "run_scglue_chromatin.py"),
    "MaxFuse": ("maxfuse", "run_maxfuse_chromatin.py"),
    "uniPort": ("uniport", "run_uniport.py"),
}
SCORES = ["foscttm", "accuracy rna->atac", "accuracy atac->rna", "accuracy", "mixing"]


def part(task: Task, n_cells: int, seed: int = 0) -> Task:
    """Return a task of a random part of the cells, the same in both views."""
    n_all = len(task.label)
    kept = np.zeros(n_all, bool)
    kept[np.random.default_rng(seed).permutation(n_all)[: n_cells or n_all]] = True
    views = {view: adata[kept[task.cell[view]]].copy() for view, adata in task.views.items()}
    cell = {view: task.cell[view][kept[task.cell[view]]] for view in views}
    return Task(task.name, views, cell, task.label)


def with_peaks(task: Task, n_peaks: int) -> Task:
    """Return a task with so many of its linked peaks: those seen in most cells."""
    atac = task.views["atac"]
    (link,) = xt.links.suggest(task.views)
    linked = atac.var_names.isin(link.pairs["source" if link.source == "atac" else "target"])
    seen = np.asarray((atac.X > 0).sum(0)).ravel() * linked
    kept = np.sort(np.argsort(-seen, kind="stable")[:n_peaks])
    return replace(task, views=task.views | {"atac": atac[:, kept].copy()})


def write_views(task: Task, folder: Path) -> None:
    """Write the views, and the pairs of linked features."""
    folder.mkdir(parents=True, exist_ok=True)
    for view, adata in task.views.items():
        adata.write_h5ad(folder / f"{view}.h5ad")
    (link,) = xt.links.suggest(task.views)
    pairs = link.pairs.rename(columns={"source": link.source, "target": link.target})
    pairs[["rna", "atac"]].drop_duplicates().to_csv(folder / "links.csv", index=False)


def main() -> None:
    """Run the tools and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="snare_mop", help="a data set of RNA and chromatin, or `simulated`")
    parser.add_argument(
        "--cells", type=int, default=0, help="a random part of so many cells; 0 takes all (of the simulator, 1,500)"
    )
    parser.add_argument("--peaks", type=int, default=0, help="so many linked peaks, those of most cells; 0 takes all")
    parser.add_argument("--only", nargs="+", choices=TOOLS, default=list(TOOLS))
    parser.add_argument("--work", type=Path, default=HERE / "out" / "chromatin")
    args = parser.parse_args()
    speed.N_THREADS = 1
    if args.data == "simulated":
        task = simulated_multiome("simulated multiome", n_cells=args.cells or 1500, n_genes=N_GENES)
    else:
        task = part(real(args.data), args.cells)
    task = with_peaks(task, args.peaks) if args.peaks else task
    folder = args.work / "_".join(map(str, (args.data, args.cells or "all", *([args.peaks] if args.peaks else []))))
    write_views(task, folder / "views")
    record = folder / "rows.jsonl"
    rows = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
    for name in args.only:
        environment, script = TOOLS[name]
        python = Path(sys.executable) if environment == "crosstie" else speed.PEERS / environment / "bin" / "python"
        if any(row["tool"] == name for row in rows) or not python.exists():
            continue
        out = folder / name
        row = {"tool": name} | speed.measured([python, HERE / "peers" / script, folder / "views", out], out)
        if "failed" not in row:
            row |= task.score({view: np.load(out / f"{view}.npy") for view in task.views})
        rows.append(row)
        with record.open("a") as file:
            file.write(json.dumps(row) + "\n")
    columns = ["tool", *SCORES, "cpu", "gib", "failed"]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for row in rows:
        cells = (row.get(column, "") for column in columns)
        print("| " + " | ".join(f"{x:.3f}" if isinstance(x, float) else str(x) for x in cells) + " |")


if __name__ == "__main__":
    main()
