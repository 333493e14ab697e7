"""Measure the peak memory of reading the same cells from .h5ad, Cell Ranger's .h5 and a folder of mtx.

    python benchmarks/memory_of_formats.py                  # 100,000 cells × 2,000 genes and 100 proteins
    python benchmarks/memory_of_formats.py --cells 2000     # some seconds

Every file is read by a process of its own, in memory and in blocks. The table has its peak (resident), what that is
above a process that reads nothing, and the latter as a multiple of the .h5ad's.
"""

from __future__ import annotations

import argparse
import gzip
import subprocess
import sys
import tempfile
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

DENSITY = 0.05
PROTEINS = 100
READ = """import sys, crosstie as xt
for path in sys.argv[2:]:
    xt.read(path, backed=sys.argv[1] == "blocks")
"""
# Not getrusage: what a process peaked at before it became this one counts there.
PEAK = "print(next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM')) / 1024)"


def cells(n_cells: int, n_genes: int) -> tuple[sp.csr_matrix, list[str], list[str]]:
    """Return counts of genes and proteins, names and types of the features."""
    rng = np.random.default_rng(0)
    n_features = n_genes + PROTEINS
    lengths = rng.binomial(n_features, DENSITY, n_cells)
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    indices = np.concatenate([np.sort(rng.choice(n_features, n, replace=False)) for n in lengths]).astype(np.int32)
    x = sp.csr_matrix((rng.geometric(0.5, len(indices)).astype(np.float32), indices, indptr), (n_cells, n_features))
    names = [f"GENE{i}" for i in range(n_genes)] + [f"CD{i}" for i in range(PROTEINS)]
    return x, names, ["Gene Expression"] * n_genes + ["Antibody Capture"] * PROTEINS


def write(folder: Path, x: sp.csr_matrix, names: list[str], types: list[str]) -> dict[str, Path]:
    """Write the cells in every format, and return the paths."""
    barcodes = [f"{i:016d}-1".translate(str.maketrans("0123", "ACGT")) for i in range(x.shape[0])]
    var = pd.DataFrame({"feature_types": types}, index=names)
    ad.AnnData(x, pd.DataFrame(index=barcodes), var).write_h5ad(folder / "cells.h5ad", compression="gzip")
    with h5py.File(folder / "cells.h5", "w") as file:
        matrix = file.create_group("matrix")
        matrix["barcodes"] = np.array(barcodes, "S24")
        for name, values in (("data", x.data.astype("i4")), ("indices", x.indices.astype("i8"))):
            matrix.create_dataset(name, data=values, compression="gzip", chunks=(min(2**16, len(values)),))
        matrix["indptr"], matrix["shape"] = x.indptr.astype("i8"), np.array(x.shape[::-1], "i4")
        features = matrix.create_group("features")
        for name, text in (("id", names), ("name", names), ("feature_type", types)):
            features[name] = np.array(text, "S24")
    mtx = folder / "mtx"
    mtx.mkdir()
    with gzip.open(mtx / "matrix.mtx.gz", "wt", compresslevel=1) as file:
        file.write(f"%%MatrixMarket matrix coordinate integer general\n{x.shape[1]} {x.shape[0]} {x.nnz}\n")
        for start in range(0, x.shape[0], 5000):
            part = x[start : start + 5000].tocoo()
            rows = {"feature": part.col + 1, "cell": part.row + 1 + start, "count": part.data.astype(int)}
            pd.DataFrame(rows).to_csv(file, sep=" ", header=False, index=False)
    for name, lines in (
        ("barcodes.tsv.gz", barcodes),
        ("features.tsv.gz", [f"{n}\t{n}\t{t}" for n, t in zip(names, types, strict=True)]),
    ):
        with gzip.open(mtx / name, "wt") as file:
            file.write("\n".join(lines) + "\n")
    return {".h5ad": folder / "cells.h5ad", ".h5": folder / "cells.h5", "mtx folder": mtx}


def peak(how: str, *paths: Path) -> float:
    """Return the peak memory in MiB of a process that reads some files."""
    words = [sys.executable, "-c", READ + PEAK, how, *map(str, paths)]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--genes", type=int, default=2000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = folder / "small"
        small.mkdir()
        nothing = write(small, *cells(20, 20))[".h5ad"]
        paths = write(folder, *cells(args.cells, args.genes))
        print("| read | format | peak, MiB | above nothing, MiB | × .h5ad |\n|---|---|---|---|---|")
        for how in ("memory", "blocks"):
            least, first = peak(how, nothing), 0.0
            for kind, path in paths.items():
                found = peak(how, path)
                first = first or found - least
                print(
                    f"| {how} | {kind} | {found:.0f} | {found - least:.0f} | {(found - least) / max(first, 0.1):.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
