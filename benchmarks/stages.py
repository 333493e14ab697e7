"""Time of each stage, with lower bounds from its arithmetic and memory traffic on this machine (a roofline).

    python benchmarks/stages.py          # 50,000 simulated cells, 2,000 genes, one thread

The bounds are the floating point operations divided by the speed of a large matrix product, and the bytes to move
divided by the speed of a copy, both measured here on one thread. Medians of three.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import tables  # noqa: F401  (one thread, before NumPy is imported)

import crosstie as xt
from crosstie.anchors.neighbours import EXACT_BELOW, N_PROBED, Neighbours
from crosstie.data.normalize import normalized
from crosstie.data.scaled import moments, principal_components
from crosstie.data.variable_features import residual_variance
from crosstie.data.view import View

N_CELLS, N_GENES, BLOCK = 50_000, 2000, 16_384


def seconds(work: Callable[[], object], n: int = 3) -> float:
    """Return the median time of some work."""
    found = []
    for _ in range(n):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return float(np.median(found))


def main() -> None:
    """Print the stages."""
    a = np.ones((2000, 2000), np.float32)
    speed = 2 * 2000**3 / seconds(lambda: a @ a)
    x = np.ones(2**26, np.float32)
    y = np.empty_like(x)
    traffic = 2 * x.nbytes / seconds(lambda: np.copyto(y, x))
    print(f"one thread: {speed / 1e9:.0f} GFLOP/s in a matrix product, {traffic / 1e9:.1f} GB/s in a copy\n")

    data = dict(xt.datasets.simulate_citeseq(n_cells=N_CELLS, n_genes=N_GENES, n_proteins=100, seed=0).mod)
    model = xt.integrate(data)
    view, recipe, form = View.of("rna", data["rna"]), model.recipes["rna"], model.closed_form
    assert form is not None
    matrix = view.loaded
    nnz, n, k = matrix.nnz, N_CELLS, recipe.n_components
    size = 8 * nnz  # a value and a column of each stored number
    width, n_latent = k + 20, form.maps["rna"].shape[1]
    block = matrix[:BLOCK]
    part = block.nnz / nnz
    components = recipe.transform(block)
    raw = form.raw("rna", components)
    among = Neighbours(form.reference["adt"])
    scanned = N_PROBED / (4 * np.sqrt(n)) * n if n >= EXACT_BELOW else n
    scaled = recipe.scaled(matrix)
    rows: list[tuple[str, Callable[[], object], float, float]] = [
        ("moments", lambda: moments(matrix), 4 * nnz, size),
        ("variable genes", lambda: residual_variance(matrix), 10 * n * N_GENES, size),
        (
            f"principal components ({k}, 6 passes)",
            lambda: principal_components(scaled, k),
            13 * 2 * nnz * width + 6 * (2 * n * width**2 + 2 * n * width**2),
            13 * (size + 4 * n * width),
        ),
        (
            "block: normalise",
            lambda: normalized(block, recipe.steps, recipe.values, 1e3),
            3 * block.nnz,
            2 * part * size,
        ),
        ("block: components", lambda: recipe.transform(block), 2 * block.nnz * k, part * size + 4 * BLOCK * k),
        (
            "block: coordinates",
            lambda: form.raw("rna", components),
            2 * BLOCK * k * n_latent,
            4 * BLOCK * (k + n_latent),
        ),
        (
            "block: 10 nearest of the core",
            lambda: among.search(raw, 10),
            2 * BLOCK * scanned * n_latent,
            4 * BLOCK * n_latent + 4 * n * n_latent,
        ),
    ]
    print("| stage | seconds | arithmetic, at least | memory, at least | × the larger |\n|---|---|---|---|---|")
    for name, work, operations, n_bytes in rows:
        took, flops, moved = seconds(work), operations / speed, n_bytes / traffic
        print(f"| {name} | {took:.3f} | {flops:.3f} | {moved:.3f} | {took / max(flops, moved):.1f} |")


if __name__ == "__main__":
    main()
