"""Measure which share of a command is spent on checks of files, folders and names of others.

python benchmarks/guards.py --cells 3000 --repeats 3

Each command runs in a process of its own, from the start of Python to its end. CPU time, so that other work on the
machine matters little; the time of the measurement itself counts as time of the checks.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import crosstie as xt

CHECKS = {
    "crosstie.data.untrusted_files": ("open_hdf5", "check_hdf5", "check_zarr", "names_in", "open_text", "read_npz"),
    "crosstie._untrusted_folder": ("entry", "subfolder", "check_width"),
    "crosstie._files": ("check_not_input", "lock_at", "sweep", "entry_of", "fresh_file"),
    "crosstie._visible": ("visible",),
    "crosstie.runs.folder": ("not_of_a_run", "check_run", "about_of"),
    "crosstie.data.view_names": ("check_view_names", "check_writable"),
    "crosstie.data.read_files": ("check_input",),
}


def main() -> None:
    """Run integrate, report and transfer, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=3000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    made = xt.datasets.simulate_citeseq(n_cells=options.cells, n_genes=1000, n_proteins=50, seed=0)
    with tempfile.TemporaryDirectory() as place:
        for name, adata in made.mod.items():
            adata.write_h5ad(Path(place, f"{name}.h5ad"))
        views, run = [f"{name}={place}/{name}.h5ad" for name in made.mod], f"{place}/run"
        commands = {
            "integrate": [*views, "--out", run, "--label-key", "cell_type", "--overwrite"],
            "report": [run],
            "transfer": [run, "rna", "adt", "--label-key", "cell_type", "--out", f"{place}/x.csv", "--use-anyway"],
        }
        for command, words in commands.items():
            found = [measured([command, *words, "-q"]) for _ in range(options.repeats)]
            whole, checks = (median(part) for part in zip(*found, strict=True))
            each = ", ".join(f"{share:.2%}" for share in sorted(c / w for w, c in found))
            print(f"{command}: {whole:.1f} s, checks {1000 * checks:.0f} ms, {checks / whole:.2%} ({each})", flush=True)


def measured(words: list[str]) -> tuple[float, float]:
    """Return the CPU seconds of a command, and of its checks."""
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import guards; guards.child()"
    said = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    if said.returncode:
        raise SystemExit(said.stdout + said.stderr)
    whole, checks = json.loads(said.stderr.splitlines()[-1])
    return whole, checks


def child() -> None:
    """Run a command with its checks timed, and print the seconds of both on stderr."""
    spent, inside = [0.0], [False]

    def timed(check: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(check)
        def call(*args: Any, **options: Any) -> Any:
            if inside[0]:
                return check(*args, **options)
            inside[0], start = True, time.process_time()
            try:
                return check(*args, **options)
            finally:
                inside[0] = False
                spent[0] += time.process_time() - start

        return call

    for module, names in CHECKS.items():
        found = importlib.import_module(module)
        for name in names:
            new = timed(old := getattr(found, name))
            for other in [m for n, m in sys.modules.items() if n.startswith("crosstie")]:
                for key in [key for key, value in vars(other).items() if value is old]:
                    setattr(other, key, new)
    from crosstie.cli import app

    status = 0
    try:
        app(sys.argv[1:])
    except SystemExit as stop:
        status = int(stop.code or 0)
    print(f"\n{json.dumps([time.process_time(), spent[0]])}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
