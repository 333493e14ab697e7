"""The result of a fit, frozen: the map, the coordinates of the fitted cells, and their anchors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from crosstie._typing import Array, Edge, Index
from crosstie.anchors import Anchors
from crosstie.model.inputs import Inputs
from crosstie.model.latent_map import LatentMap


@dataclass(frozen=True)
class Fitted:
    """What a fit found.

    Parameters
    ----------
    map
        What places cells.
    latents
        Coordinates of each view's cells, shape `(n_cells, n_latent)`.
    anchors
        Weighted pairs of cells of each edge.
    history
        One row per recorded training step; empty without training.
    core_rows
        For views too large to be fitted whole: row numbers of the cells that were fitted.
    disagreement
        For both directions of linked views, source first: how far linked features contradict the matches of each target
        cell that was fitted, shape `(n_fitted,)` (`crosstie.anchors.disagreement`). Edges with few links have none.
    core
        Inputs and result of the fit to these cells alone; `None` if it is not at hand, or all cells were fitted.
    """

    map: LatentMap
    latents: Mapping[str, Array] = field(repr=False)
    anchors: Mapping[Edge, Anchors]
    history: pd.DataFrame = field(repr=False)
    core_rows: Mapping[str, Index] = field(default_factory=dict, repr=False)
    disagreement: Mapping[Edge, Array] = field(default_factory=dict, repr=False)
    core: tuple[Inputs, Fitted] | None = field(default=None, repr=False)

    def subset(self, rows: Mapping[str, Index]) -> Fitted:
        """Return the result for some cells of every view.

        Parameters
        ----------
        rows
            Row numbers of each view, in ascending order; they include all cells that anchors name.
        """
        anchors = {
            (a, b): Anchors(
                np.searchsorted(rows[a], found.source), np.searchsorted(rows[b], found.target), found.weight
            )
            for (a, b), found in self.anchors.items()
        }
        latents = {name: z[rows[name]] for name, z in self.latents.items()}
        told = {(a, b): e if b in self.core_rows else e[rows[b]] for (a, b), e in self.disagreement.items()}
        return replace(self, latents=latents, anchors=anchors, disagreement=told, core_rows={}, core=None)

    def restored(self, order: Mapping[str, Index]) -> Fitted:
        """Return the result in the order of the data, of a fit to cells that were sorted.

        Parameters
        ----------
        order
            For each view, row numbers in the data of the fitted cells, a permutation.
        """
        place = {name: np.argsort(rows) for name, rows in order.items()}
        form = self.map.closed_form
        if form is not None:
            form = replace(form, reference={name: z[place[name]] for name, z in form.reference.items()})
        return replace(
            self,
            map=replace(self.map, closed_form=form),
            latents={name: z[place[name]] for name, z in self.latents.items()},
            anchors={(a, b): _sorted(found, order[a], order[b]) for (a, b), found in self.anchors.items()},
            disagreement={(a, b): e[place[b]] for (a, b), e in self.disagreement.items()},
        )


def _sorted(pairs: Anchors, source: Index, target: Index) -> Anchors:
    """Return pairs of sorted cells as pairs of row numbers in the data, by source row, then target row."""
    rows, columns = source[pairs.source], target[pairs.target]
    by = np.lexsort((columns, rows))
    return Anchors(rows[by], columns[by], pairs.weight[by])
