"""The results of a run as tables for R, with the script that adds them to a Seurat object or SingleCellExperiment."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from crosstie.export.cells import cell_table
from crosstie.runs.run import Run

SCRIPT = Path(__file__).with_name("results_to_rds.R")


def write_r_tables(run: Run, folder: Path) -> None:
    """Write the results of a run into an empty folder.

    Per view, numbered in the order of the run: `1_cells.csv` (labels, confidence, novelty), `1_coordinates.csv` and
    `1_umap.csv`, all with the column `cell`; and `results_to_rds.R`, which adds them to an object of R.

    Parameters
    ----------
    run
        The run; its data are not needed.
    folder
        An existing, empty folder.
    """
    for number, (name, z) in enumerate(run.model.latents.items(), 1):
        cells = pd.Index(run.model.obs[name].index.astype(str), name="cell")
        table = cell_table(run, name, [])
        table.insert(0, "crosstie_view", name)
        table.set_axis(cells).to_csv(folder / f"{number}_cells.csv", float_format="%.6g")
        columns = [f"crosstie_{i + 1}" for i in range(z.shape[1])]
        pd.DataFrame(z, cells, columns).to_csv(folder / f"{number}_coordinates.csv", float_format="%.7g")
        if name in run.plane:
            part = run.plane[name]
            xy = pd.DataFrame(part[["x", "y"]].to_numpy(), cells[part["row"]], ["crosstieumap_1", "crosstieumap_2"])
            xy.to_csv(folder / f"{number}_umap.csv", float_format="%.6g", index_label="cell")
    shutil.copyfile(SCRIPT, folder / SCRIPT.name)
