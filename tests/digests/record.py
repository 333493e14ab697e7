"""Write what small runs give into digests.json: `python tests/digests/record.py`."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

FILE = Path(__file__).with_name("digests.json")


def machine() -> str:
    """Name what decides the last bits of a sum: the kind of processor, as linear algebra sees it, and versions."""
    import numpy as np  # noqa: F401  its linear algebra is looked at
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_info

    kinds = sorted(
        {
            f"{p['internal_api']} {p['version']} {p.get('architecture')}"
            for p in threadpool_info()
            if p["internal_api"] == "openblas"
        }
    )
    packages = [f"{name} {version(name)}" for name in ("numpy", "scipy", "scikit-learn", "faiss-cpu")]
    return ", ".join([*kinds, *packages])


def main() -> None:
    """Measure every run and write the record; what other machines gave is kept for runs whose `near` is the same."""
    sys.path.insert(0, str(FILE.parents[1]))
    from digests.small_runs import RUNS, measured
    from torch_here import one_torch_thread

    before = json.loads(FILE.read_text()) if FILE.is_file() else {"exact": {}, "near": {}}
    with one_torch_thread():
        found = {name: measured(run()) for name, run in RUNS.items()}
    near = {name: one["near"] for name, one in found.items()}
    same = [name for name in near if near[name] == before["near"].get(name)]
    known = {where: {name: one[name] for name in same if name in one} for where, one in before["exact"].items()}
    record = {"near": near, "exact": known | {machine(): {name: one["exact"] for name, one in found.items()}}}
    FILE.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
