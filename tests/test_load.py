"""Subject: leaks. 25 integrations in one process release what they use; `benchmarks/load.py` runs 500."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
COUNTED = ("files", "threads", "children", "temporary")
PROGRAM = """
import json
from dataclasses import asdict
import load
{before}
seen = load.piled_up({n_runs})
print(json.dumps({{"grown": load.grown(seen), "held": [asdict(held) for held in seen]}}))
"""
LEAKS = """
kept = []
load.once = lambda data, folder: kept.append((open(folder / "x", "a"), b"x" * (4 * 2**20)))
"""


def run(n_runs, before=""):
    """Return what a process of its own held after each run, so that what other tests hold does not count."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("counts what /proc tells")
    program = PROGRAM.format(before=before, n_runs=n_runs)
    done = subprocess.run([sys.executable, "-c", program], cwd=BENCHMARKS, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_25_integrations_hold_on_to_nothing():
    found = run(25)
    assert found["grown"] < 0.05
    for name in COUNTED:
        assert len({held[name] for held in found["held"][5:]}) == 1, name


def test_what_piles_up_is_seen():
    """The counting itself: files left open, memory that stays."""
    found = run(10, LEAKS)
    first, last = found["held"][1], found["held"][-1]
    assert last["files"] == first["files"] + 8
    assert last["mebibytes"] > first["mebibytes"] + 30
    assert found["grown"] > 0.05
