"""Coverage-guided fuzzing of every target, each for some seconds: `python tests/fuzz/run_atheris.py --seconds 180`.

Needs atheris. What it finds is left in `--found` (one file per finding, which `targets.py` can be run on), and the exit
status is 1. New inputs that cover more are not kept; seeds are in `corpus/`.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TIMEOUT, RSS_LIMIT = 20, 3072  # seconds for one input, MiB for one process


def main() -> int:
    """Fuzz the targets one after another, each in a process of its own, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", help="names of targets; all by default")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--found", type=Path, default=Path("fuzz-found"), help="folder for inputs that went wrong")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    if options.child:
        _fuzz(options.child, rest)
    from targets import TARGETS

    failed = []
    print(f"{'target':<10}{'executions':>12}{'a second':>10}{'coverage':>10}{'peak MiB':>10}  finding", flush=True)
    for name in options.targets or TARGETS:
        line, finding = _run(name, TARGETS[name].max_len, options.seconds, options.found)
        print(line, flush=True)
        if finding:
            failed.append(name)
            print(finding, flush=True)
    return bool(failed)


def _run(name: str, max_len: int, seconds: int, found: Path) -> tuple[str, str]:
    """Run one target; return its line of the table, and what went wrong."""
    found.mkdir(parents=True, exist_ok=True)
    seeds = Path(__file__).with_name("corpus") / name
    with tempfile.TemporaryDirectory() as new:
        limits = [f"-max_total_time={seconds}", f"-timeout={TIMEOUT}", f"-rss_limit_mb={RSS_LIMIT}"]
        about = [f"-max_len={max_len}", "-print_final_stats=1", f"-artifact_prefix={found / name}-"]
        words = [sys.executable, __file__, "--child", name, *limits, *about, new, str(seeds)]
        said = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    text = said.stdout + said.stderr
    stats = {key: (re.findall(rf"stat::{key}:\s+(\d+)", text) or ["?"])[-1] for key in
             ("number_of_executed_units", "average_exec_per_sec", "peak_rss_mb")}  # fmt: skip
    coverage = (re.findall(r"cov: (\d+)", text) or ["?"])[-1]
    numbers = (stats["number_of_executed_units"], stats["average_exec_per_sec"], coverage, stats["peak_rss_mb"])
    line = f"{name:<10}" + "".join(f"{n:>{w}}" for n, w in zip(numbers, (12, 10, 10, 10), strict=True))
    if not said.returncode:
        return line + "  none", ""
    return line + "  FOUND", "\n".join(text.splitlines()[-40:])


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
