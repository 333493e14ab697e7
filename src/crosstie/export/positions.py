"""Cells at their positions in the tissue, as tables for QuPath and napari."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from crosstie._errors import sample, unknown_name, value_error
from crosstie.export.cells import LABEL, UNKNOWN, cell_table
from crosstie.runs.run import Run

SPATIAL, UNIT, SECTION = "spatial", "spatial_unit", "section"
_UNITS = {"micrometre": "µm", "pixel": "px"}


def view_with_positions(run: Run, view: str | None = None) -> str:
    """Return the view whose cells have positions.

    Parameters
    ----------
    run
        The run, with its data.
    view
        Name of the view; `None` takes the only one with positions.

    Raises
    ------
    KeyError
        If there is no such view.
    ValueError
        If it has no positions, or several views have and none is named.
    """
    if view is not None and view not in run.model.latents:
        raise unknown_name("export: view", view, run.model.latents)
    found = [name for name, adata in run.data.items() if SPATIAL in adata.obsm and view in (None, name)]
    if not found:
        raise value_error(
            f"export: {'no view has' if view is None else f'view {view!r} has no'} positions.",
            expected=f"obsm[{SPATIAL!r}], as tables of mcmicro, QuPath, CellProfiler and steinbock give it",
        )
    if len(found) > 1:
        do, cli = f"Name one: view={found[0]!r}.", f"Name one: --view {found[0]}."
        raise value_error("export: several views have positions.", found=sample(found), do=do, cli={"do": cli})
    return found[0]


def qupath_table(run: Run, view: str | None = None) -> pd.DataFrame:
    """Return cells as QuPath lists detections: `Image`, `Object ID`, `Centroid X µm`, `Classification`, numbers.

    Parameters
    ----------
    run
        The run, with its data.
    view
        Name of the view; `None` takes the only one with positions. Raises as `view_with_positions`.
    """
    view = view_with_positions(run, view)
    adata = run.data[view]
    known = cell_table(run, view, [])
    unit = _UNITS.get(str(adata.uns.get(UNIT, "")), "")
    xy = np.asarray(adata.obsm[SPATIAL], dtype=float)
    table = pd.DataFrame({"Image": _sections(run, view), "Object ID": adata.obs_names.astype(str)})
    for axis, values in zip("XY", xy.T, strict=False):
        table[f"Centroid {axis} {unit}".strip()] = values
    if LABEL in known:
        table["Classification"] = known[LABEL].astype(object).replace(UNKNOWN, "").to_numpy()
    numbers = known.select_dtypes("number")
    return table.assign(**{str(column): numbers[column].to_numpy() for column in numbers})


def napari_table(run: Run, view: str | None = None) -> pd.DataFrame:
    """Return cells as a layer of points of napari: `index`, `axis-0` (y), `axis-1` (x), and what is known of each.

    Parameters
    ----------
    run
        The run, with its data.
    view
        Name of the view; `None` takes the only one with positions. Raises as `view_with_positions`.
    """
    view = view_with_positions(run, view)
    adata = run.data[view]
    xy = np.asarray(adata.obsm[SPATIAL], dtype=float)
    table = pd.DataFrame({"index": np.arange(adata.n_obs), "axis-0": xy[:, 1], "axis-1": xy[:, 0]})
    known = cell_table(run, view, [])
    return table.assign(
        cell=adata.obs_names.astype(str), section=_sections(run, view), **{str(c): known[c].to_numpy() for c in known}
    )


def _sections(run: Run, view: str) -> np.ndarray:
    obs = run.data[view].obs
    return obs[SECTION].astype(str).to_numpy() if SECTION in obs else np.full(len(obs), view, dtype=object)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as csv."""
    table.to_csv(path, index=False, float_format="%.6g", encoding="utf-8")
