"""The map of a run: two UMAP coordinates for the cells that are drawn, computed beside other work where possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from crosstie._beside import Submit
from crosstie._log import log
from crosstie._typing import Floats, Index

if TYPE_CHECKING:
    from concurrent.futures import Future

    from crosstie.model.model import Model

MAX_PLOTTED = 20_000  # cells

Plane: TypeAlias = Mapping[str, pd.DataFrame]  # per view the drawn cells: columns `row`, `x`, `y`


@dataclass(frozen=True)
class Map:
    """A map that may still be in the making.

    Parameters
    ----------
    wait
        Waits for the map and returns it.
    submit
        Gives more work to the process that makes it; `None` where it is made in this one, when it is waited for.
    is_ready
        Whether nothing is left to wait for.
    """

    wait: Callable[[], Plane]
    submit: Submit | None = None
    is_ready: Callable[[], bool] = lambda: False


def begin_map(model: Model, *, seed: int, submit: Submit | None = None) -> Map:
    """Begin to draw the map of a fitted model: in another process, if `submit` gives work to one.

    The map of 10,000 cells takes about as long as their verdict.
    """
    from crosstie.pl.joint_umap import joint_umap

    rows = drawn_rows({name: len(z) for name, z in model.latents.items()}, MAX_PLOTTED, seed)
    z = {name: z[rows[name]] for name, z in model.latents.items()}
    if submit is None:
        return Map(lambda: as_plane(rows, joint_umap(z, seed=seed)))
    coords = None
    with suppress(BrokenExecutor):  # the process died during the fit; what waits for the map says so
        coords = submit(joint_umap, z, seed=seed)
    return Map(lambda: _awaited(rows, coords), submit, lambda: coords is None or coords.done())


def _awaited(rows: Mapping[str, Index], coords: Future[Any] | None) -> Plane:
    """Return the map when it is drawn. If its process was killed, warn and return an empty one."""
    try:
        if coords is not None:
            return as_plane(rows, coords.result())
    except (BrokenExecutor, MemoryError):
        pass
    log.warning(
        "the process that draws the map ended early, perhaps for lack of memory: map, pictures and report are missing; "
        "everything else is written. To make the report, run crosstie report on the folder."
    )
    return {}


def plane_of(latents: Mapping[str, Floats], max_cells: int, seed: int) -> Plane:
    """Map cells to the plane: all of them, or an equal share of each view, drawn at random.

    Returns
    -------
    Per view a table with `row`, `x` and `y`.
    """
    from crosstie.pl import joint_umap

    rows = drawn_rows({name: len(z) for name, z in latents.items()}, max_cells, seed)
    return as_plane(rows, joint_umap({name: z[rows[name]] for name, z in latents.items()}, seed=seed))


def drawn_rows(sizes: Mapping[str, int], max_cells: int, seed: int) -> dict[str, Index]:
    """Return the row numbers of the cells that are drawn: all, or an equal share of each view, at random."""
    n_cells = sum(sizes.values())
    share = min(1.0, max_cells / n_cells)
    if share < 1:
        log.info("pictures: showing a random sample of %d of %d cells.", max_cells, n_cells)
    rng = np.random.default_rng(seed)
    return {name: np.sort(rng.choice(n, max(1, round(share * n)), replace=False)) for name, n in sizes.items()}


def as_plane(rows: Mapping[str, Index], coords: Mapping[str, Floats]) -> Plane:
    """Return rows and their two coordinates as a table for each view, with `row`, `x` and `y`."""
    return {name: pd.DataFrame({"row": rows[name], "x": xy[:, 0], "y": xy[:, 1]}) for name, xy in coords.items()}


def plane_table(plane: Plane, model: Model) -> pd.DataFrame:
    """Return a map as the one table that is written; `row` is the number of a cell in its view."""
    parts = [
        pd.DataFrame(
            {
                "view": name,
                "row": part["row"],
                "cell": model.obs[name].index[part["row"]],
                "umap_1": part["x"],
                "umap_2": part["y"],
            }
        )
        for name, part in plane.items()
    ]
    return pd.concat(parts)


def plane_of_table(table: pd.DataFrame, model: Model) -> Plane | None:
    """Return the map that `plane_table` made a table of; `None` if the table is not of the model's cells.

    Rows must be whole numbers of cells of the model, each at most once, and coordinates finite.
    """
    table = table.rename(columns={"umap_1": "x", "umap_2": "y"})
    parts = {name: table.loc[table["view"] == name, ["row", "x", "y"]] for name in model.latents}
    if not all(_fits(part, len(model.latents[name])) for name, part in parts.items()):
        return None
    return {name: part.astype({"row": np.int64}) for name, part in parts.items()}


def _fits(part: pd.DataFrame, n_cells: int) -> bool:
    """Whether a part of a map is of cells of a view that has `n_cells`."""
    rows, xy = part["row"].to_numpy(float), part[["x", "y"]].to_numpy(float)
    whole = np.isfinite(rows).all() and (rows == np.floor(rows)).all()
    inside = len(rows) > 0 and whole and rows.min() >= 0 and rows.max() < n_cells
    return bool(inside and len(np.unique(rows)) == len(rows) and np.isfinite(xy).all())
