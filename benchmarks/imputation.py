"""Proteins imputed in RNA cells: ours beside the mean of the 20 nearest in the spaces of peers, and beside totalVI.

    benchmarks/peers/setup.sh
    python benchmarks/imputation.py                 # pbmc10k and pbmc_wnn

Pearson correlation, protein by protein, of imputed and measured values (log-normalised) of a cell, whose pairing
is hidden; median over proteins. totalVI is told the pairing of half of the cells and scored on the others, on the same
cells as a second column of all the rest. Coordinates of peers are those that benchmarks/speed.py left.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from speed import PEERS, interpreter, run, written
from tasks import real

import crosstie as xt
from crosstie.anchors.neighbours import nearest

K = 20
SPACES = ("crosstie", "maxfuse", "scglue")


def correlations(imputed: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Return the Pearson correlation of every column; NaN where one does not vary."""
    x, y = (a - a.mean(0, dtype=np.float64) for a in (imputed, measured))
    spread = np.sqrt((x**2).sum(0) * (y**2).sum(0))
    return (x * y).sum(0) / np.where(spread > 1e-9, spread, np.nan)


def main() -> None:
    """Print one row for each way to impute."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["pbmc10k", "pbmc_wnn"])
    parser.add_argument("--folder", type=Path, default=PEERS / "runs")
    args = parser.parse_args()
    print("| data | imputed by | told | all cells | cells that totalVI was not told |\n|---|---|---|---|---|")
    for name in args.data:
        task = real(name)
        folder = written(task, args.folder / name / "views")
        model = xt.integrate(task.views)
        values = model.recipes["adt"].log_normalize(model.views["adt"].loaded)
        values = values.toarray() if hasattr(values, "toarray") else values
        partner = np.empty(len(values), np.int64)  # row in adt of each cell
        partner[task.cell["adt"]] = np.arange(len(values))
        truth = values[partner[task.cell["rna"]]]
        held = np.random.default_rng(0).permutation(len(truth)) < len(truth) // 2

        def show(
            how: str,
            told: str,
            imputed: np.ndarray,
            held: np.ndarray = held,
            truth: np.ndarray = truth,
            name: str = name,
        ) -> None:
            of_all = "" if told == "half of the pairs" else f"{np.nanmedian(correlations(imputed, truth)):.3f}"
            of_held = f"{np.nanmedian(correlations(imputed[held], truth[held])):.3f}"
            print(f"| {name} | {how} | {told} | {of_all} | {of_held} |", flush=True)

        show("crosstie, `tl.impute`", "links", np.asarray(xt.tl.impute(model, "rna", "adt").X))
        for tool in SPACES:
            files = [args.folder / name / tool / f"{view}.npy" for view in ("rna", "adt")]
            if all(file.exists() for file in files):
                z = [np.load(file) for file in files]
                show(f"mean of {K} nearest, {tool}", "links", values[nearest(z[1], z[0], K)[1]].mean(1))
        if interpreter("totalvi") is not None:
            out = args.folder / name / "totalvi"
            pairs = pd.DataFrame({"rna": np.arange(len(truth)), "adt": partner[task.cell["rna"]], "told": ~held})
            if not (out / "imputed.npy").exists():
                pairs.to_csv(folder / "paired.csv", index=False)
                row = run("totalvi", folder, out)
                if "failed" in row:
                    print(f"| {name} | totalVI | half of the pairs | failed: {row['failed']} | |")
                    continue
            show("totalVI", "half of the pairs", np.log1p(np.load(out / "imputed.npy")))


if __name__ == "__main__":
    main()
