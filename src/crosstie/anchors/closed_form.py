"""The result of the closed form: a linear map from each view into one common space, and its settings.

Links give a first match of cells. The match gives the cross-covariance of *all* components, whose leading directions
give coordinates. Coordinates and links together give a better match, and so on (method.md, eq. 10 to 17).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from crosstie._typing import Array, Edge, Floats, Labels
from crosstie.anchors.batch_offsets import Offsets
from crosstie.anchors.engine import engine_in_use
from crosstie.anchors.linear import unit_rows
from crosstie.anchors.neighbours import Neighbours, row_means
from crosstie.anchors.refinement import Refinement


@dataclass(frozen=True)
class ClosedForm:
    """Linear maps from the components of each view to common coordinates.

    Parameters
    ----------
    mean
        Mean component scores of each view, shape `(n_components,)`.
    maps
        Map of each view, shape `(n_components, n_latent)`, scaled so that fitted cells have unit mean square length.
    reference
        Coordinates of the fitted cells of each view, scaled to length 1, shape `(n_cells, n_latent)`.
    strength
        Strength of each shared direction relative to the first, in [0, 1], in descending order.
    edges
        Pairs of linked views.
    settings
        The settings that it was fitted with.
    offsets
        Offsets of the batches; `None` without batches.
    extensions
        Names of views that were added later: they are moved towards the fitted views, which do not move.
    indexed
        Neighbour index of the reference cells of each view, built when first needed.
    """

    mean: Mapping[str, Array] = field(repr=False)
    maps: Mapping[str, Array] = field(repr=False)
    reference: Mapping[str, Array] = field(repr=False)
    strength: Floats = field(repr=False)
    edges: tuple[Edge, ...]
    settings: Refinement
    offsets: Offsets | None = None
    extensions: tuple[str, ...] = ()
    indexed: dict[str, Neighbours] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __getstate__(self) -> dict[str, object]:
        return vars(self) | {"indexed": {}}  # another process makes its own

    def raw(self, view: str, components: Floats) -> Array:
        """Return coordinates before batch correction and pull, scaled to length 1."""
        return unit_rows((components - self.mean[view]) @ self.maps[view])

    def coordinates(self, view: str, components: Floats, batch: Labels | None = None) -> Array:
        """Return the coordinates of cells, fitted or new, scaled to length 1, shape `(n_cells, n_latent)`.

        Parameters
        ----------
        view
            Name of the view that the cells belong to.
        components
            Component scores of the cells, shape `(n_cells, n_components)`.
        batch
            Batch of each cell; cells of an unknown batch, or all cells with `None`, are not corrected.
        """
        z, pull = self.raw(view, components), self.settings.pull
        if self.offsets is not None and batch is not None:
            z = self.offsets.corrected(view, z, batch)
        if pull == 0:
            return z
        linked = [b if view == a else a for a, b in self.edges if view in (a, b)]
        others = [self.among(other) for other in linked if other not in self.extensions]
        drawn = np.mean([near_mean(z, other, self.settings.n_smooth) for other in others], axis=0)
        return unit_rows((1 - pull) * z + pull * drawn)

    def among(self, view: str) -> Neighbours:
        """Return the neighbour index of the fitted cells of a view."""
        if view not in self.indexed or self.indexed[view].engine != engine_in_use():
            self.indexed[view] = Neighbours(self.reference[view])
        return self.indexed[view]


def near_mean(z: Array, among: Neighbours, k: int) -> Array:
    """Return the mean of the `k` rows of a reference nearest to each row of `z`."""
    return row_means(among.base, among.search(z, k)[1])
