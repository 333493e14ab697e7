"""Run the command line while processes are killed, disks fill or are slow, clocks jump, and others write too.

python tests/faults/chaos.py --minutes 60

After every command, the folder of the run must be missing or whole, and every exit status 0, 2 or that of the signal;
at the end of each round a command that nothing disturbs must succeed and leave nothing beside the run. What goes wrong
is printed, and the exit status is 1. It needs Linux.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import crosstie as xt

SMALL = ("--set", "n_components=10", "--set", "n_latent=5", "--set", "n_rounds=1", "--no-verdict", "--no-plots", "-q")
SLOW = """
import os, time, random, builtins
write, sync = os.write, os.replace
os.replace = lambda *a, **k: (time.sleep(random.random() / 2), sync(*a, **k))[1]
"""  # in sitecustomize: every rename waits, as on a slow disk
JUMP = """
import time
clock, step = time.time, [0]
def jumping():
    step[0] = -step[0] - 86_400 if step[0] >= 0 else 86_400
    return clock() + step[0]
time.time = jumping
"""


def main() -> int:
    """Disturb runs until the time is over; print what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, found, wrong = random.Random(options.seed), Counter[str](), []
    end = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, adata in xt.datasets.simulate_citeseq(n_cells=200, n_genes=60, n_proteins=12, seed=0).mod.items():
            adata.write_h5ad(folder / f"{name}.h5ad")
        for name, code in (("slow", SLOW), ("jump", JUMP)):
            (folder / name).mkdir()
            (folder / name / "sitecustomize.py").write_text(code)
        while time.monotonic() < end:
            kind = rng.choice(["kill", "interrupt", "full", "slow", "jump", "second", "slow and kill"])
            wrong += [f"{kind}: {what}" for what in disturbed(folder, kind, rng)]
            found[kind] += 1
            if sum(found.values()) % 5 == 0:
                wrong += [f"after {kind}: {what}" for what in undisturbed(folder)]
                found["undisturbed"] += 1
    print(", ".join(f"{n} × {kind}" for kind, n in sorted(found.items())))
    print(*wrong, sep="\n")
    print(f"{sum(found.values())} rounds, {len(wrong)} wrong")
    return bool(wrong)


def started(folder: Path, kind: str) -> subprocess.Popen[str]:
    """Start an integration into `run`, disturbed from inside if the kind says so."""
    env = dict(os.environ, OMP_NUM_THREADS="1")
    for name in ("slow", "jump"):
        if name in kind:
            env["PYTHONPATH"] = os.pathsep.join([str(folder / name), env.get("PYTHONPATH", "")])
    size = random.Random(time.time_ns()).randrange(1, 400_000)
    limit = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))) if kind == "full" else None
    views = [f"{name}={folder / name}.h5ad" for name in ("rna", "adt")]
    words = [sys.executable, "-m", "crosstie", "integrate", *views, "--out", str(folder / "run"), "--overwrite", *SMALL]
    return subprocess.Popen(
        words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=limit
    )


def disturbed(folder: Path, kind: str, rng: random.Random) -> list[str]:
    """Run once or twice with a disturbance; return what is wrong afterwards."""
    runs = [started(folder, kind) for _ in range(2 if kind == "second" else 1)]
    if "kill" in kind or kind == "interrupt":
        time.sleep(rng.uniform(0.3, 12))  # Python has started, and handles signals
        runs[0].send_signal(signal.SIGKILL if "kill" in kind else signal.SIGINT)
    wrong = []
    for run in runs:
        said = run.communicate(timeout=600)[1]
        if run.returncode not in (0, 2, -signal.SIGKILL, 130, -signal.SIGINT):
            wrong.append(f"exit status {run.returncode}: {said[-300:]}")
    return wrong + not_whole(folder / "run")


def undisturbed(folder: Path) -> list[str]:
    """Run as users do; return what is wrong."""
    run = started(folder, "")
    said = run.communicate(timeout=600)[1]
    wrong = [] if run.returncode == 0 else [f"exit status {run.returncode}: {said[-300:]}"]
    left = sorted(p.name for p in folder.iterdir() if p.name.startswith("."))
    return wrong + ([f"left behind: {left}"] if left else []) + not_whole(folder / "run")


def not_whole(run: Path) -> list[str]:
    """Return what is wrong with the folder of a run that is there."""
    if not run.exists():
        return []
    try:
        model = xt.Model.load(run / "model")
        return [] if (run / "run.json").is_file() and len(model.latents) == 2 else ["the run is not whole"]
    except ValueError as error:
        return [f"the run cannot be read: {error}"]


if __name__ == "__main__":
    sys.exit(main())
