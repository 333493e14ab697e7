"""Cells at their positions in the tissue, as tables for QuPath and napari."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from crosstie._errors import sample, unknown_name, value_error
from crosstie.export.cells import LABEL, UNKNOWN, cell_table
from crosstie.runs.run import Run
from crosstie.space.positions import SPATIAL, Positions, Unit

SECTION = "section"
_UNITS: dict[Unit, str] = {"micrometre": "µm", "pixel": "px"}


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
    found = [name for name in run.data if _has_positions(run, name) and view in (None, name)]
    if not found:
        raise value_error(
            f"export: {'no view has' if view is None else f'view {view!r} has no'} positions.",
            expected=f"obsm[{SPATIAL!r}], as tables of mcmicro, QuPath, CellProfiler and steinbock give it",
        )
    if len(found) > 1:
        do, cli = f"Name one: view={found[0]!r}.", f"Name one: --view {found[0]}."
        raise value_error("export: several views have positions.", found=sample(found), do=do, cli={"do": cli})
    return found[0]


def qupath_table(run: Run, view: str | None = None, *, unit: Unit | None = None) -> pd.DataFrame:
    """Return cells as QuPath lists detections: `Image`, `Object ID`, `Centroid X µm`, `Classification`, numbers.

    Parameters
    ----------
    run
        The run, with its data.
    view
        Name of the view; `None` takes the only one with positions. Raises as `view_with_positions`.
    unit
        Unit of the positions; needed if the data do not say.

    Raises
    ------
    ValueError
        If the unit is not known, or positions have three coordinates: QuPath lists two.
    """
    view = view_with_positions(run, view)
    places = _positions(run, view)
    unit = unit or places.unit
    if unit is None:
        raise value_error(
            f"export: QuPath asks for the unit of positions, and view {view!r} has none.",
            expected='"micrometre" or "pixel"',
            do='Say it: unit="micrometre", or adata.uns["spatial_unit"] before the fit.',
            cli={"do": "Say it: --unit micrometre or --unit pixel."},
        )
    if unit not in _UNITS:
        raise unknown_name("export: unit", unit, _UNITS)
    if places.xy.shape[1] != 2:
        do = "Export them for napari, or section by section."
        raise value_error("export: QuPath lists two coordinates.", found=f"{places.xy.shape[1]}", do=do)
    known = cell_table(run, view, [])
    names = run.data[view].obs_names.astype(str)
    table = pd.DataFrame({"Image": _sections(places, view), "Object ID": names})
    for axis, values in zip("XY", places.xy.T, strict=True):
        table[f"Centroid {axis} {_UNITS[unit]}"] = values
    if LABEL in known:
        table["Classification"] = known[LABEL].astype(object).replace(UNKNOWN, "").to_numpy()
    numbers = known.select_dtypes("number")
    return table.assign(**{str(column): numbers[column].to_numpy() for column in numbers})


def napari_table(run: Run, view: str | None = None) -> pd.DataFrame:
    """Return cells as a layer of points of napari: `index`, `axis-0` (y), `axis-1` (x), and what is known of each.

    In three dimensions `axis-0` is z, `axis-1` y and `axis-2` x.

    Parameters
    ----------
    run
        The run, with its data.
    view
        Name of the view; `None` takes the only one with positions. Raises as `view_with_positions`.
    """
    view = view_with_positions(run, view)
    places = _positions(run, view)
    table = pd.DataFrame({"index": np.arange(len(places.xy))})
    for axis, values in enumerate(places.xy.T[::-1]):
        table[f"axis-{axis}"] = values
    known = cell_table(run, view, [])
    return table.assign(
        cell=run.data[view].obs_names.astype(str),
        section=_sections(places, view),
        **{str(c): known[c].to_numpy() for c in known},
    )


def _has_positions(run: Run, view: str) -> bool:
    return view in run.model.positions or SPATIAL in run.data[view].obsm


def _positions(run: Run, view: str) -> Positions:
    """Return the positions that the model used, or those in the data of a model that ignored them."""
    adata = run.data[view]
    found = run.model.positions.get(view)
    return found or Positions.of(view, adata, section_key=SECTION if SECTION in adata.obs else None)


def _sections(places: Positions, view: str) -> np.ndarray:
    return np.array(places.sections if len(places.sections) > 1 else [view], object)[places.section]


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as csv."""
    table.to_csv(path, index=False, float_format="%.6g", encoding="utf-8")
