"""Print time and memory of one-to-one matching, and how far its total distance is from the minimum.

    CROSSTIE_DATA=... python benchmarks/matching.py [--cells 50000]

The minimum is computed if it takes less than a minute or two. Memory is the peak of the process, including the fit and
the data, so each row is a separate process.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time

import numpy as np
from scipy.optimize import linear_sum_assignment
from tasks import UNKNOWN, real, simulated

import crosstie as xt
from crosstie.anchors.assignment import assignment

MAX_OPTIMAL = 50_000_000  # pairs


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=50_000, help="cells of each view in the largest problem")
    options = parser.parse_args()
    print("| | source | target | seconds | GiB before | GiB at most | total / least | one type | one type, least |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    problems = [("pbmc10k", 0, 0), ("simulated", 5000, 5000), ("simulated", 3000, 6000)]
    for problem in [*problems, ("simulated", options.cells, options.cells)]:
        process = multiprocessing.get_context("spawn").Process(target=row, args=problem)
        process.start()
        process.join()


def row(name: str, n_source: int, n_target: int) -> None:
    """Fit, match, and print one row."""
    n_cells = {"rna": n_source, "adt": n_target}
    task = real(name) if name != "simulated" else simulated(name, n_cells=n_cells, n_genes=1000)
    model = xt.integrate(task.views)
    z, label = zip(*((model.embed(v), task.label[task.cell[v]]) for v in ("rna", "adt")), strict=True)
    before, start = memory(), time.perf_counter()
    rows, columns = assignment(*z, 30)
    seconds = time.perf_counter() - start
    most = memory()
    cells = [name, f"{len(z[0]):,}", f"{len(z[1]):,}", f"{seconds:.1f}", f"{before:.2f}", f"{most:.2f}"]
    pairs = [(rows, columns)]
    if len(z[0]) * len(z[1]) <= MAX_OPTIMAL:
        x, y = (part.astype(np.float64) for part in z)
        pairs.append(linear_sum_assignment((x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * x @ y.T))
    total = [float(((z[0][i] - z[1][j]) ** 2).sum()) for i, j in pairs]
    alike = [one_type(label[0][i], label[1][j]) for i, j in pairs]
    least = ["", f"{alike[0]:.4f}", ""]
    if len(pairs) > 1:
        least = [f"{total[0] / total[1]:.4f}", *(f"{share:.4f}" for share in alike)]
    print(f"| {' | '.join(cells + least)} |", flush=True)


def one_type(source: np.ndarray, target: np.ndarray) -> float:
    """Return the share of pairs, both of known type, whose types are the same."""
    known = ~np.isin(source, UNKNOWN) & ~np.isin(target, UNKNOWN)
    return float((source == target)[known].mean())


def memory() -> float:
    """Return the peak memory of this process, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
