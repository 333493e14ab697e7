"""Positions of the cells of a view: read from an AnnData, checked, and kept with the view."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import InputValueError, Parts, sample, type_error, unknown_name, value_error
from crosstie._log import log
from crosstie._typing import Floats, Index
from crosstie.space.given_graph import given_graph

if TYPE_CHECKING:
    from anndata import AnnData

Unit = Literal["micrometre", "pixel"]
SPATIAL, UNIT, SECTION = "spatial", "spatial_unit", "section"  # keys of obsm, uns and obs, as our readers write them
MOST_SHARED = 0.05  # of the cells of a section at a place that another cell has, too
SAME_SHAPE, OTHER_SHAPE = 1.1, 1.5  # ratio of sides of sections of the same, and of clearly another, shape
_WORDS = {"micrometre": "micrometre", "micrometer": "micrometre", "micron": "micrometre", "um": "micrometre",
          "µm": "micrometre", "μm": "micrometre", "pixel": "pixel", "px": "pixel"}  # fmt: skip


@dataclass(frozen=True)
class Positions:
    """Where the cells of a view lie.

    Use `Positions.of`, which checks them, rather than the constructor.

    Parameters
    ----------
    xy
        Coordinates within the section, float64, shape `(n_cells, 2)` or `(n_cells, 3)`.
    section
        Number of the section of each cell, shape `(n_cells,)`.
    sections
        Names of the sections.
    unit
        Unit of the coordinates; `None` if the data do not say.
    graph
        Neighbours of each cell, symmetric CSR of ones, if the data bring them (`crosstie.space.given_graph`).
    """

    xy: Floats = field(repr=False)
    section: Index = field(repr=False)
    sections: tuple[str, ...]
    unit: Unit | None = None
    graph: sp.csr_matrix | None = field(default=None, repr=False)

    @classmethod
    def of(cls, view: str, adata: AnnData, spatial: Any = SPATIAL, *, section_key: str | None = None) -> Positions:
        """Read positions from an AnnData.

        Parameters
        ----------
        view
            Name of the view, for messages.
        adata
            The data; the unit is read from `uns["spatial_unit"]`, and neighbours from `obsp["spatial_connectivities"]`,
            if squidpy has written them there.
        spatial
            Key of `obsm`, or the coordinates themselves, shape `(n_cells, 2)` or `(n_cells, 3)`.
        section_key
            Column of `obs` with the section of each cell; `None` takes `"section"` where there is one.

        Raises
        ------
        KeyError
            If the key or the column does not exist.
        ValueError
            If there are other positions than cells, a position is missing, all cells of a section are at one place,
            more than 5 % of them share places, the unit is unknown, or the neighbours are no graph of the cells.
        """
        if isinstance(spatial, str):
            if spatial not in adata.obsm:
                raise unknown_name(f"view {view!r}: spatial, a key of obsm", spatial, adata.obsm)
            found = adata.obsm[spatial]
        else:
            found = spatial
        xy = _numbers(view, found)
        if len(xy) != adata.n_obs:
            raise value_error(
                f"view {view!r}: there are not as many positions as cells.",
                found=f"{len(xy):,} positions",
                expected=f"{adata.n_obs:,}, in the order of the cells",
            )
        section, sections = _sections(view, adata, section_key)
        here = cls(xy, section, sections, _unit(view, adata))
        here._check(view)
        return replace(here, graph=given_graph(view, adata, section))

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.xy)

    def take(self, rows: Index) -> Positions:
        """Return the positions of some cells, by row number."""
        graph = None if self.graph is None else self.graph[rows][:, rows].sorted_indices()
        return Positions(self.xy[rows], self.section[rows], self.sections, self.unit, graph)

    def by_section(self) -> Iterator[tuple[str, Index]]:
        """Yield name and rows of every section that has cells, rows in ascending order."""
        order = np.argsort(self.section, kind="stable")
        ends = np.cumsum(np.bincount(self.section, minlength=len(self.sections)))
        for name, rows in zip(self.sections, np.split(order, ends[:-1]), strict=True):
            if len(rows):
                yield name, rows

    def __str__(self) -> str:
        unit = {"micrometre": "in µm", "pixel": "in pixels", None: "of unknown unit"}[self.unit]
        n = len(self.sections)
        return f"{self.xy.shape[1]}D positions {unit}, {n:,} section{'s' * (n != 1)}"

    def _check(self, view: str) -> None:
        for name, rows in self.by_section():
            here = self.xy[rows]
            where = f"view {view!r}" + (f", section {name!r}" if len(self.sections) > 1 else "")
            if len(here) > 1 and (here == here[0]).all():
                raise _bad(f"{where}: all cells are at one place.", found=f"{len(here):,} cells at {_shown(here[0])}")
            shared = pd.DataFrame(here).duplicated(keep=False).to_numpy()
            if shared.mean() > MOST_SHARED:
                raise _bad(
                    f"{where}: many cells are at the place of another cell.",
                    found=f"{int(shared.sum()):,} of {len(here):,}, such as {_shown(here[shared][0])}",
                    expected=f"at most {MOST_SHARED:.0%}",
                    do="If they are of several sections, name the column of obs that tells them apart: section_key=.",
                    cli={
                        "do": "If they are of several sections, name the column that tells them apart: --section-key."
                    },
                )
        if swapped := self._swapped():
            log.warning(
                "%s: x and y of section %s look swapped: its sides are those of the other sections, exchanged. Labels "
                "do not depend on it, pictures do.",
                *(view, sample(swapped, 3)),
            )

    def _swapped(self) -> list[str]:
        """Return the sections whose width and height are those of most others, exchanged; needs three sections."""
        sides = {name: np.ptp(self.xy[rows, :2], axis=0) for name, rows in self.by_section() if len(rows) > 2}
        if len(sides) < 3:
            return []
        log_sides = np.log(np.maximum(list(sides.values()), 1e-300))
        common = np.median(log_sides, axis=0)
        if abs(common[0] - common[1]) < np.log(OTHER_SHAPE):
            return []
        return [
            name
            for name, side in zip(sides, log_sides, strict=True)
            if np.abs(side[::-1] - common).max() < np.log(SAME_SHAPE)
        ]


def _numbers(view: str, found: Any) -> Floats:
    """Return coordinates as float64, or raise."""
    try:
        xy = np.array(found, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _not_numbers(view, found) from error
    if xy.ndim != 2 or xy.shape[1] not in (2, 3):
        raise value_error(
            f"view {view!r}: positions have a wrong shape.", found=str(xy.shape), expected="cells × 2, or cells × 3"
        )
    missing = ~np.isfinite(xy).all(1)
    if missing.any():
        raise _bad(
            f"view {view!r}: cells without a position.",
            found=f"{int(missing.sum()):,} of {len(xy):,} cells have NaN or infinite coordinates",
            do="Drop these cells, or pass spatial=None to ignore all positions.",
            cli={"do": "Drop these cells, or use --no-positions to ignore all positions."},
        )
    return xy


def _not_numbers(view: str, found: Any) -> Exception:
    shown = type(found).__name__
    return type_error(f"view {view!r}: positions are not numbers.", found=shown, expected="cells × 2, or cells × 3")


def _sections(view: str, adata: AnnData, key: str | None) -> tuple[Index, tuple[str, ...]]:
    if key is None and SECTION not in adata.obs:
        return np.zeros(adata.n_obs, np.int64), (view,)
    key = SECTION if key is None else key
    if key not in adata.obs:
        raise unknown_name(f"view {view!r}: section_key, a column of obs", key, adata.obs.columns)
    column = adata.obs[key]
    if column.isna().any():
        raise _bad(f"view {view!r}: {int(column.isna().sum()):,} cells have no {key!r}.", do="Fill it, or drop them.")
    code, names = pd.factorize(column.astype(str), sort=True)
    return code.astype(np.int64), tuple(map(str, names))


def _unit(view: str, adata: AnnData) -> Unit | None:
    word = adata.uns.get(UNIT)
    if word is None:
        return None
    known = _WORDS.get(str(word).lower().removesuffix("s"))
    if known is None:
        raise value_error(
            f"view {view!r}: the unit of its positions is unknown.",
            found=f"uns[{UNIT!r}] = {str(word)!r}",
            expected=" or ".join(map(repr, get_args(Unit))),
            do=f'Set it: adata.uns["{UNIT}"] = "micrometre".',
        )
    return known  # type: ignore[return-value]


def _bad(what: str, *, found: str = "", expected: str = "", do: str = "", cli: Parts | None = None) -> InputValueError:
    """Return (not raise) the error for positions that cannot be used."""
    do = do or "Correct them, or pass spatial=None to ignore all positions."
    cli = cli or {"do": do.replace("pass spatial=None", "use --no-positions")}
    return value_error(what, found=found, expected=expected, do=do, cli=cli)


def _shown(place: Floats) -> str:
    return "(" + ", ".join(f"{x:g}" for x in place) + ")"


def positions_of(
    data: Mapping[str, AnnData],
    *,
    spatial: str | Mapping[str, Any] | None = SPATIAL,
    section_key: str | Mapping[str, str] | None = None,
) -> dict[str, Positions]:
    """Return the positions of the views that have any.

    Parameters
    ----------
    data
        The views by name.
    spatial
        Key of `obsm`, read where it exists; or a mapping of views to keys or coordinates, which must exist; `None`
        ignores all positions.
    section_key
        Column of `obs` with the section of each cell, for all views with positions or by view.

    Raises
    ------
    KeyError, ValueError
        As `Positions.of`, and if a key or a column is given that no view can use.
    """
    if spatial is None:
        return {}
    given = (
        {name: spatial for name, adata in data.items() if spatial in adata.obsm}
        if isinstance(spatial, str)
        else spatial
    )
    if not given and spatial != SPATIAL:
        raise value_error("spatial: no view has these positions.", found=repr(spatial), expected="a key of obsm")
    if section_key is not None and not given:
        raise value_error(
            "section_key: no view has positions.",
            found=repr(section_key),
            expected=f"coordinates of cells in obsm[{SPATIAL!r}]",
            cli={"what": "--section-key: no view has positions."},
        )
    out = {}
    for name, where in given.items():
        key = section_key.get(name) if isinstance(section_key, Mapping) else section_key
        out[name] = Positions.of(name, data[name], where, section_key=key)
        log.info("%s: %s.", name, out[name])
    return out
