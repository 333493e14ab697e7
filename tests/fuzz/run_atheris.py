"""Coverage-guided fuzzing of every target, each for some seconds: `python tests/fuzz/run_atheris.py --seconds 180`.

Needs atheris. What it finds is left in `--found`, one file per finding, which `targets.py` can be run on, and the exit
status is 1. Seeds are in `corpus/`; with `--keep FOLDER`, inputs that cover more are kept there, and the next run
starts from them too.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

RSS_LIMIT = 3072  # MiB for one process
COLUMNS = {"executions": 12, "a second": 10, "coverage": 10, "peak MiB": 10}
STATS = ("number_of_executed_units", "average_exec_per_sec", "peak_rss_mb")


def main() -> int:
    """Fuzz the targets, each in a process of its own, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", help="names of targets; all by default")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--timeout", type=int, default=20, help="seconds for one input; more on a busy machine")
    parser.add_argument("--jobs", type=int, default=1, help="targets at a time")
    parser.add_argument("--found", type=Path, default=Path("fuzz-found"), help="folder for inputs that went wrong")
    parser.add_argument("--keep", type=Path, help="folder for inputs that cover more")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    if options.child:
        _fuzz(options.child, rest)
    from targets import TARGETS

    names = options.targets or list(TARGETS)
    print(
        f"{'target':<10}" + "".join(f"{title:>{width}}" for title, width in COLUMNS.items()) + "  finding", flush=True
    )
    limits = [f"-max_total_time={options.seconds}", f"-timeout={options.timeout}", f"-rss_limit_mb={RSS_LIMIT}"]
    run = partial(_run, limits=limits, found=options.found, keep=options.keep)
    with ThreadPoolExecutor(options.jobs) as pool:
        findings = []
        for line, finding in pool.map(run, names, [TARGETS[name].max_len for name in names]):
            print(line, finding, sep="\n" if finding else "", flush=True)
            findings.append(finding)
    return any(findings)


def _run(name: str, max_len: int, *, limits: list[str], found: Path, keep: Path | None) -> tuple[str, str]:
    """Run one target; return its line of the table, and what went wrong."""
    found.mkdir(parents=True, exist_ok=True)
    seeds = Path(__file__).with_name("corpus") / name
    with tempfile.TemporaryDirectory() as folder:
        new = (keep or Path(folder)) / name
        new.mkdir(parents=True, exist_ok=True)
        about = [f"-max_len={max_len}", "-print_final_stats=1", f"-artifact_prefix={found / name}-"]
        words = [sys.executable, __file__, "--child", name, *limits, *about, str(new), str(seeds)]
        said = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    text = said.stdout + said.stderr
    n, rate, peak = ((re.findall(rf"stat::{key}:\s+(\d+)", text) or ["?"])[-1] for key in STATS)
    coverage = (re.findall(r"cov: (\d+)", text) or ["?"])[-1]
    numbers = zip((n, rate, coverage, peak), COLUMNS.values(), strict=True)
    line = " ".join([f"{name:<10}", *(f"{x:>{width}}" for x, width in numbers)])
    return (line + "  FOUND", "\n".join(text.splitlines()[-40:])) if said.returncode else (line + "  none", "")


def _fuzz(name: str, options: list[str]) -> None:
    """Be the process that fuzzes; never returns."""
    import atheris

    with atheris.instrument_imports(include=["crosstie"]):
        from targets import CORPUS, TARGETS

        for seed in sorted((CORPUS / name).iterdir()):  # what is imported when first used is instrumented too
            TARGETS[name].run(seed.read_bytes())
    atheris.Setup([sys.argv[0], *options], TARGETS[name].run)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
