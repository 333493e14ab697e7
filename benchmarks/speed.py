"""Compare crosstie with other tools on the same files: time and memory of whole processes, and scores.

    benchmarks/peers/setup.sh                             # environments of the peers, once
    python benchmarks/speed.py                            # all that are installed, pbmc10k, medians of three runs
    python benchmarks/speed.py --data pbmc_wnn --only crosstie maxfuse --runs 1
    SCMODAL_PATH=... python benchmarks/speed.py --only crosstie scmodal

Each run is a separate process that reads two shuffled views from disk (other tools also read the links that crosstie
finds) and writes coordinates; pairing and labels are only used for scores. crosstie runs `integrate` with defaults,
including links, without pictures or reports. Runs are rows of a file; runs that it holds are skipped (`--again` deletes
them). A tool that takes more than five minutes is run once; one that takes more than `--limit` is stopped. The slowest
tools run fewer steps than their documented budget; the rest is extrapolated, which the table says, and there are no
scores. `--full` runs all steps.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tasks import Task, real

import crosstie as xt

HERE = Path(__file__).resolve().parent
PEERS = Path(os.environ.get("CROSSTIE_PEERS", HERE.parent / ".peers"))
SLOW = 300.0  # seconds: one run is enough
N_THREADS = 2
Row = dict[str, object]


@dataclass(frozen=True)
class Tool:
    """A tool: its command, its environment, and the number of steps to run (all by default, and with `--full`)."""

    environment: str
    about: str
    steps: int | None = None

    def python(self) -> Path | None:
        """Return the interpreter, or `None` where the tool is not installed."""
        if self.environment == "crosstie":
            return Path(sys.executable)
        python = PEERS / self.environment / "bin" / "python"
        ready = (PEERS / self.environment / ".ready").exists()
        return python if ready and (self.environment != "scmodal" or "SCMODAL_PATH" in os.environ) else None


TOOLS = {
    "crosstie": Tool("crosstie", "`integrate`, defaults"),
    "maxfuse": Tool("maxfuse", "MaxFuse 0.0.2, CITE-seq tutorial"),
    "scglue": Tool("scglue", "GLUE 0.4.1, tutorial", steps=2),
    "uniport": Tool("uniport", "uniPort 1.3, tutorial", steps=212),
    "moscot": Tool("moscot", "moscot 0.5.2, translation tutorial, fused"),
    "scmodal": Tool("scmodal", "the authors' scMODAL", steps=20),
}


def write_views(task: Task, folder: Path) -> Path:
    """Write the views of a task, and the pairs of features that crosstie links in them, as all tools read them."""
    folder.mkdir(parents=True, exist_ok=True)
    for view, adata in task.views.items():
        adata.write_h5ad(folder / f"{view}.h5ad")
    (link,) = xt.links.suggest(task.views)
    pairs = link.pairs.rename(columns={"source": link.source, "target": link.target})
    pairs[["rna", "adt"]].drop_duplicates().to_csv(folder / "links.csv", index=False)
    return folder


def measured(command: Sequence[str | Path], out: Path, limit: float = np.inf) -> Row:
    """Run a command; return its seconds, CPU seconds and peak memory (GiB), those of its children included.

    `failed` says why there is no result. Peak memory is that of the largest process.
    """
    out.mkdir(parents=True, exist_ok=True)
    for stale in out.glob("*.npy"):
        stale.unlink()
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(N_THREADS))
    environment = (
        os.environ | threads | {"CUDA_VISIBLE_DEVICES": "", "PYTHONWARNINGS": "ignore", "JAX_PLATFORMS": "cpu"}
    )
    start = time.perf_counter()
    with (out / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen([str(c) for c in command], stdout=log, stderr=log, env=environment, cwd=out)
        stop = threading.Timer(min(limit, threading.TIMEOUT_MAX), process.kill)
        stop.start()
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        stop.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)  # it is reaped: Popen must not wait for it again
    row: Row = {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "gib": used.ru_maxrss / 2**20}
    if seconds >= limit:
        return row | {"failed": f"stopped after {limit:,.0f} s"}
    if process.returncode:
        lines = (out / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no message"]
        return row | {"failed": f"exit status {process.returncode}: {lines[-1][:160]}"}
    return row


def extrapolated(row: Row, times: Mapping[str, float]) -> Row:
    """Add the estimated time of the steps that were not run."""
    steps, budget = times.get("steps"), times.get("budget")
    if steps is None or budget is None or steps >= budget:
        return row
    rest = budget - steps
    return row | {
        "seconds": row["seconds"] + rest * times["step_seconds"],  # type: ignore[operator]
        "cpu": row["cpu"] + rest * times["step_cpu"],  # type: ignore[operator]
        "steps": steps,
        "budget": budget,
    }


def run(task: Task, name: str, views: Path, out: Path, *, limit: float, full: bool) -> Row:
    """Run a tool on the views that lie in a folder, and score its coordinates if it ran all steps."""
    tool = TOOLS[name]
    steps = [tool.steps] if tool.steps and not full else []
    command = [tool.python(), HERE / "peers" / f"run_{name}.py", views, out, *steps]
    row = measured(command, out, limit)  # type: ignore[arg-type]
    if "failed" not in row:
        row = extrapolated(row, json.loads((out / "times.json").read_text(encoding="utf-8")))
        for path in out.glob("*.npy") if "budget" in row else ():
            path.unlink()
        if (out / "rna.npy").exists():
            z = {view: np.load(out / f"{view}.npy") for view in task.views}
            if all(np.isfinite(x).all() for x in z.values()):
                row |= task.score(z)
            else:
                row["failed"] = "its coordinates are not finite"
    return {"data": task.name, "tool": name} | row


def missing(rows: Sequence[Mapping[str, object]], data: str, tool: str, runs: int) -> int:
    """Return how many runs are still to do."""
    done = [row for row in rows if row["data"] == data and row["tool"] == tool]
    if any("failed" in row or float(row["seconds"]) > SLOW for row in done):  # type: ignore[arg-type]
        return 0
    return max(runs - len(done), 0)


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Return medians over runs as Markdown, and the time of each tool relative to crosstie."""
    columns = "data,tool,runs,seconds,× crosstie,CPU seconds,× crosstie,GiB,accuracy,FOSCTTM,"
    lines = [f"| {' | '.join(columns.split(','))} |", "|---" * len(columns.split(",")) + "|"]
    frame = pd.DataFrame(rows)
    for data, of_data in frame.groupby("data", sort=False):
        ours = of_data[of_data["tool"] == "crosstie"].median(numeric_only=True)
        order = {tool: i for i, tool in enumerate(TOOLS)}
        for tool, of_tool in sorted(
            of_data.groupby("tool", sort=False), key=lambda item: order.get(item[0], len(order))
        ):
            m = of_tool.median(numeric_only=True)
            failed = [str(x) for x in of_tool.get("failed", pd.Series(dtype=object)).dropna()]
            score = [f"{m[c]:.3f}" if pd.notna(m.get(c)) else "" for c in ("accuracy", "foscttm")]
            said = failed[:1]
            if pd.notna(m.get("budget")):
                said.append(f"from {m['steps']:,.0f} of {m['budget']:,.0f} steps")
            times = [
                x for c in ("seconds", "cpu") for x in (number(m[c]), f"{number(m[c] / ours[c])}" if len(ours) else "")
            ]
            cells = [data, tool, len(of_tool), *times, f"{m['gib']:.2f}", *score, "; ".join(said)]
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def number(x: float) -> str:
    """Format a number with three digits, or as a whole number."""
    return f"{x:,.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["pbmc10k"])
    parser.add_argument("--only", nargs="+", default=list(TOOLS), choices=list(TOOLS), metavar="TOOL")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--limit", type=float, default=3600, help="seconds after which a run is stopped")
    parser.add_argument("--full", action="store_true", help="all steps of all tools")
    parser.add_argument("--folder", type=Path, default=PEERS / "runs", help="views, coordinates and rows (speed.jsonl)")
    parser.add_argument("--again", action="store_true", help="forget earlier runs of these tools on these data")
    args = parser.parse_args()
    args.folder = args.folder.resolve()
    args.folder.mkdir(parents=True, exist_ok=True)
    record = args.folder / "speed.jsonl"
    rows = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()] if record.exists() else []
    if args.again:
        rows = [row for row in rows if row["data"] not in args.data or row["tool"] not in args.only]
        record.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    absent = [name for name in args.only if TOOLS[name].python() is None]
    if absent:
        print(f"not installed, left out: {', '.join(absent)}", file=sys.stderr)
    for data in args.data:
        task = real(data)
        views = write_views(task, args.folder / data / "views")
        for i in range(args.runs):  # tools in turn, so that a slow hour of the machine falls on all of them
            for name in args.only:
                if name in absent or missing(rows, data, name, args.runs) < args.runs - i:
                    continue
                rows.append(run(task, name, views, args.folder / data / name, limit=args.limit, full=args.full))
                print(f"{i + 1}/{args.runs}", json.dumps(rows[-1]), file=sys.stderr, flush=True)
                with record.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
    print(table([row for row in rows if row["data"] in args.data]))


if __name__ == "__main__":
    main()
