"""crosstie and its peers on the same files: time and memory of whole processes, and what comes out.

    benchmarks/peers/setup.sh                       # environments of the peers, once
    python benchmarks/speed.py                      # every peer that is installed, on pbmc10k, three runs
    python benchmarks/speed.py --data pbmc_wnn --tools crosstie maxfuse --runs 1
    SCMODAL_PATH=... python benchmarks/speed.py --tools crosstie scmodal

Pairing and labels are hidden; all get the same links. Rows are kept in a file and shown together; `--again` forgets
them. scMODAL is timed over 20 of its steps, and 10,000 are extrapolated.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from tasks import Task, real

import crosstie as xt

HERE = Path(__file__).resolve().parent
TOOLS = ("crosstie", "maxfuse", "scglue", "scmodal")
SCMODAL_STEPS = 10_000
PEERS = Path(os.environ.get("CROSSTIE_PEERS", HERE.parent / ".peers"))


def interpreter(tool: str) -> Path | None:
    """Return the Python that runs a tool, or `None` if it is not installed."""
    if tool == "crosstie":
        return Path(sys.executable)
    python = PEERS / {"totalvi": "scvi"}.get(tool, tool) / "bin" / "python"
    return python if python.exists() and (tool != "scmodal" or "SCMODAL_PATH" in os.environ) else None


def written(task: Task, folder: Path) -> Path:
    """Write the views of a task and its links to disk."""
    folder.mkdir(parents=True, exist_ok=True)
    for view, adata in task.views.items():
        if not (folder / f"{view}.h5ad").exists():
            adata.write_h5ad(folder / f"{view}.h5ad")
    link = xt.links.by_table(task.views, "rna", "adt")
    pairs = link.pairs.rename(columns={"source": "rna", "target": "adt"})
    pairs[["rna", "adt"]].to_csv(folder / "links.csv", index=False)
    return folder


def run(tool: str, folder: Path, out: Path) -> dict[str, float | str]:
    """Run a tool in a process of its own; return seconds, CPU seconds, peak memory, and its own time without start."""
    out.mkdir(parents=True, exist_ok=True)
    command = [str(interpreter(tool)), str(HERE / "peers" / f"run_{tool}.py"), str(folder), str(out)]
    start = time.perf_counter()
    with (out / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=limited())
        assert process.stdout is not None
        text = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
    row: dict[str, float | str] = {
        "seconds": time.perf_counter() - start,
        "cpu": used.ru_utime + used.ru_stime,
        "gib": used.ru_maxrss / 2**20,
    }
    if status:
        return row | {"failed": (out / "log").read_text().strip().splitlines()[-1][:120]}
    row["inside"] = float(text.strip().splitlines()[-1])
    if tool == "scmodal":
        row["seconds"] = row["seconds"] - 20 * row["inside"] + SCMODAL_STEPS * row["inside"]
    return row


def limited() -> dict[str, str]:
    """Return an environment in which all tools may use the cores of the machine, and none sees a GPU."""
    return os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHONWARNINGS": "ignore"}


def measured(task: Task, tool: str, folder: Path, out: Path) -> dict[str, object]:
    """Run a tool and score its coordinates."""
    row = run(tool, folder, out)
    if "failed" not in row and (out / "rna.npy").exists():
        row |= task.score({view: np.load(out / f"{view}.npy") for view in task.views})
    return {"data": task.name, "tool": tool, **row}


def table(rows: pd.DataFrame) -> str:
    """Return medians over runs as Markdown, with how many times as long as crosstie each took."""
    lines = [
        "| data | tool | runs | seconds | CPU seconds | GiB | × crosstie | accuracy | FOSCTTM |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for data, of_data in rows.groupby("data", sort=False):
        ours = of_data.loc[of_data["tool"] == "crosstie", "seconds"].median()
        for tool, runs in of_data.groupby("tool", sort=False):
            m = runs.median(numeric_only=True)
            found = [f"{m.get(c):.3f}" if pd.notna(m.get(c)) else "" for c in ("accuracy", "foscttm")]
            seconds = f"{m['seconds']:,.1f}" if m["seconds"] < 1000 else f"{m['seconds']:,.0f}"
            cells = [
                data,
                tool,
                len(runs),
                seconds,
                f"{m['cpu']:,.1f}",
                f"{m['gib']:.2f}",
                f"{m['seconds'] / ours:,.1f}",
            ]
            lines.append(f"| {' | '.join(map(str, [*cells, *found]))} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is asked and print the table of everything measured so far."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["pbmc10k"])
    parser.add_argument("--tools", nargs="+", default=list(TOOLS))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=PEERS / "runs")
    parser.add_argument("--again", action="store_true")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    record = args.folder / "speed.jsonl"
    if args.again:
        record.unlink(missing_ok=True)
    for name in args.data:
        task = real(name)
        folder = written(task, args.folder / name / "views")
        for i in range(args.runs):  # tools in turn, so that a slow hour of the machine falls on all of them
            for tool in args.tools:
                if interpreter(tool) is None:
                    print(f"{tool}: not installed, left out", file=sys.stderr)
                    continue
                row = measured(task, tool, folder, args.folder / name / tool)
                print(i, json.dumps(row), file=sys.stderr, flush=True)
                with record.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    if record.exists():
        print(table(pd.DataFrame([json.loads(line) for line in record.read_text().splitlines()])))


if __name__ == "__main__":
    main()
