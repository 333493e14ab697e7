"""Debris of segmentation: fragments, clumps and objects without a nucleus, by size, total intensity and DNA."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crosstie._typing import Floats, Index, Mask
from crosstie.data.normalize import totals
from crosstie.data.readers.stains import stain_of
from crosstie.space.positions import SECTION

if TYPE_CHECKING:
    from anndata import AnnData

FAR = 3.0  # robust standard deviations from the median of the section beyond which an object is unlike the cells
MAD = 1.4826  # robust standard deviation of normal numbers, in median absolute deviations
LEAST = 50  # objects of a section, for its median to mean anything
_AREA = re.compile(r"(?:cell|areashape)?[:_ ]*(?:area|volume)(?:_um2|_px|[_ ]?[µμu]m\^?[23]|_size)?", re.I)


@dataclass(frozen=True)
class Debris:
    """The objects of a segmented image that are unlike its cells.

    Parameters
    ----------
    table
        One row per object, indexed by name; one column of booleans for each kind that could be looked for, of `small`,
        `large`, `faint` and `little DNA`.
    measures
        What each was told by: column of obs, feature, or `"total"`.
    """

    table: pd.DataFrame
    measures: dict[str, str]

    @property
    def flagged(self) -> Mask:
        """Objects of any kind, shape `(n_cells,)`."""
        return np.asarray(self.table.to_numpy(bool).any(1))

    def __str__(self) -> str:
        n, counts = int(self.flagged.sum()), self.table.sum()
        kinds = ", ".join(f"{int(count):,} {kind}" for kind, count in counts.items() if count)
        return f"{n:,} of {len(self.table):,} ({n / max(len(self.table), 1):.1%})" + (f": {kinds}" if kinds else "")


def find_debris(adata: AnnData, *, section_key: str | None = None) -> Debris:
    """Find the objects of a segmented image that are unlike its cells: fragments, clumps, objects without a nucleus.

    Three measures are compared with those of the other objects of the section: the size (a column of obs such as `area`
    or `Cell: Area µm^2`), the sum of all markers, and the nuclear stain (DAPI, Hoechst, DRAQ5, DNA, ¹⁹¹Ir, ¹⁹³Ir: a
    column of obs or a feature). An object more than three robust standard deviations from the median, on a log scale
    where no value is negative, is flagged; of sum and nuclear stain only low values are, because whole types of cells
    are bright (docs/decisions.md). Nothing is left out: `adata.obs["debris"] = find_debris(adata).flagged`.

    Parameters
    ----------
    adata
        Segmented objects with intensities in `X`.
    section_key
        Column of obs with the section; `None` takes `"section"` where there is one.

    Returns
    -------
    What was found. Sections of fewer than 50 objects, and measures without any spread, flag nothing.

    Raises
    ------
    KeyError
        If there is no such column.
    """
    key = section_key or (SECTION if SECTION in adata.obs else None)
    section = np.zeros(adata.n_obs, np.int64) if key is None else pd.factorize(adata.obs[key])[0]
    table, measures = {}, {}
    for (low, high), (name, values) in _measures(adata).items():
        far = _far(values, section)
        table[low], measures[low] = far < -FAR, name
        if high:
            table[high], measures[high] = far > FAR, name
    return Debris(pd.DataFrame(table, index=adata.obs_names), measures)


def _measures(adata: AnnData) -> dict[tuple[str, str], tuple[str, Floats]]:
    """Return name and values of each measure there is, by the words for low and high values."""
    out = {}
    area = next((c for c in adata.obs if _AREA.fullmatch(str(c)) and _is_number(adata.obs[c])), None)
    if area is not None:
        out["small", "large"] = str(area), adata.obs[area].to_numpy(np.float64)
    out["faint", ""] = "total", np.asarray(totals(adata.X), np.float64)
    dna = next((c for c in adata.obs if stain_of(str(c)) == "DNA" and _is_number(adata.obs[c])), None)
    feature = next((i for i, name in enumerate(adata.var_names) if stain_of(str(name)) == "DNA"), None)
    if dna is not None:
        out["little DNA", ""] = str(dna), adata.obs[dna].to_numpy(np.float64)
    elif feature is not None:
        column = adata.X[:, [feature]]
        out["little DNA", ""] = str(adata.var_names[feature]), np.asarray(totals(column), np.float64)
    return out


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _far(values: Floats, section: Index) -> Floats:
    """Return how many robust standard deviations values are from the median of their section; 0 where none is known."""
    known = np.isfinite(values)
    if known.any() and values[known].min() >= 0:
        values = np.log(values + 1e-3 * max(float(np.median(values[known])), 1e-12))
    out = np.zeros(len(values))
    for number in np.unique(section):
        rows = np.flatnonzero(known & (section == number))
        if len(rows) < LEAST:
            continue
        apart = values[rows] - np.median(values[rows])
        spread = MAD * np.median(np.abs(apart))
        if spread > 0:
            out[rows] = apart / spread
    return out
