"""Give the verdict ten times with other seeds on one fit, and count how often the word is the same.

    CROSSTIE_DATA=... python benchmarks/battery/seeds.py seeds.csv

The fits are clean runs, crossings of two studies, and runs with few links, that is, with the least certain tests.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import sys  # noqa: E402

sys.path[:0] = [str(folder) for folder in Path(__file__).resolve().parents[:2]]

import pandas as pd  # noqa: E402
import sabotage as s  # noqa: E402
from planned_runs import base, cross  # noqa: E402

import crosstie as xt  # noqa: E402

N_SEEDS = 10
FITS = {
    "pbmc_wnn": lambda: base("pbmc_wnn", 0),
    "bmmc_cite_1": lambda: base("bmmc_cite_1", 0),
    "pbmc10k + pbmc_wnn": lambda: cross("pbmc10k", "pbmc_wnn", 0),
    "pbmc_wnn, 12 links": lambda: s.few_links(base("pbmc_wnn", 0), 12, 0),
    "sln_mouse": lambda: base("sln_mouse", 0),
    "bmmc_cite_3 + bmmc_cite_1": lambda: cross("bmmc_cite_3", "bmmc_cite_1", 0),
    "bmmc_cite_1, 8 links": lambda: s.few_links(base("bmmc_cite_1", 0), 8, 0),
    "pbmc10k": lambda: base("pbmc10k", 0),
    "pbmc_wnn + pbmc10k": lambda: cross("pbmc_wnn", "pbmc10k", 0),
    "simulator": lambda: base("simulator", 0),
}


def main() -> None:
    """Do what is missing, and print a row for each fit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    table = parser.parse_args().table
    done = pd.read_csv(table) if table.is_file() else pd.DataFrame({"fit": [], "seed": [], "level": []})
    for name, make in FITS.items():
        if (done["fit"] == name).sum() == N_SEEDS:
            continue
        task = make()
        model = xt.integrate(task.views, task.links(task.views) if task.links else None, seed=0)
        rows = [(name, seed, xt.trust.diagnose(model, seed=seed).level) for seed in range(N_SEEDS)]
        done = pd.concat([done[done["fit"] != name], pd.DataFrame(rows, columns=["fit", "seed", "level"])])
        done.to_csv(table, index=False)
    print(pd.crosstab(done["fit"], done["level"]).to_string())


if __name__ == "__main__":
    main()
