"""Measure what learned links gain with few table links: pbmc_wnn with 5 to all table links, then with `by_cca`."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np  # noqa: E402
from tasks import real  # noqa: E402

import crosstie as xt  # noqa: E402
from crosstie._errors import InputError  # noqa: E402


def main() -> None:
    """Print a row for each number of links and draw of them."""
    warnings.simplefilter("ignore")
    task = real("pbmc_wnn")
    table = xt.links.by_table(task.views, "adt", "rna")
    columns = table.pairs["column"].unique()
    print("| table links | draw | FOSCTTM; accuracy | with learned links | learned twice |\n|---|---|---|---|---|")
    for n in (5, 10, 20, len(columns)):
        for draw in range(6 if n < len(columns) else 1):
            kept = np.random.default_rng(draw).permutation(columns)[:n]
            links = [replace(table, pairs=table.pairs[table.pairs["column"].isin(kept)])]
            cells = []
            model = xt.integrate(task.views, links)
            for _ in range(3):
                score = task.score(model.latents)
                cells.append(f"{score['foscttm']:.3f}; {score['accuracy']:.3f}")
                first = xt.Model(task.views, links)
                first.recipes, first.anchors = model.recipes, model.anchors
                try:
                    model = xt.integrate(task.views, [*links, xt.links.by_cca(first, "adt", "rna")])
                except InputError:
                    continue  # nothing to learn: the model stays as it is
            print(f"| {n} | {draw} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
