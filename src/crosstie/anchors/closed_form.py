"""The closed form: all views in one space by linear maps, found by matching and correlating in turn.

Links give a first match of cells; the match gives the cross-covariance of *all* components; its leading directions give
coordinates; these, beside the links, give a better match. Seconds, no training (method.md, eq. 10 to 17).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from crosstie._typing import Array, Edge, Floats, Labels
from crosstie.anchors.batch_offsets import Offsets
from crosstie.anchors.linear import unit_rows
from crosstie.anchors.neighbours import Neighbours


@dataclass(frozen=True)
class Refinement:
    """Settings of the closed form.

    Parameters
    ----------
    n_latent
        Number of coordinates.
    n_rounds
        Rounds of matching and correlating.
    entropy
        Softness of the match.
    balance
        How strictly a cell must place its share of the match, in (0, 1]: below 1, cells without a counterpart on the
        other side are found and left out; 1 believes that both views hold the same mixture of cells.
    damping
        Components are divided by the root of their variance plus this share of the total variance: weak components,
        mostly noise, are not blown up to full weight; the fewer components a panel has, the less is damped.
    link_weight
        Weight of the linked columns beside the shared directions. Among them each column weighs as much as its two
        sides correlate over the matched cells: wrong links fade out.
    link_shrinkage
        How far the correlations of the linked columns are shrunk to none before they are whitened, in [0, 1].
    n_smooth, smoothing
        Before a match, a cell's coordinates are averaged with those of this many neighbours in its own view, at this
        weight in [0, 1].
    pull
        At the end they are averaged with those of as many neighbours in each linked view, at this weight in [0, 1]:
        views then lie in one another, not side by side.
    n_sketch
        Largest number of cells of a view in one match.
    n_sketches
        Largest number of sketches that a round averages over, where a view has more cells than one sketch.
    """

    n_latent: int = 50
    n_rounds: int = 6
    entropy: float = 0.05
    balance: float = 0.9
    damping: float = 0.006
    link_weight: float = 0.4
    link_shrinkage: float = 0.3
    n_smooth: int = 10
    smoothing: float = 0.5
    pull: float = 0.33
    n_sketch: int = 1024
    n_sketches: int = 4


@dataclass(frozen=True)
class ClosedForm:
    """Linear maps from the components of each view to common coordinates.

    Parameters
    ----------
    mean
        Mean component scores of each view, shape `(n_components,)`.
    maps
        Shape `(n_components, n_latent)`; the rows of fitted cells come out with unit mean square length.
    reference
        Coordinates of the fitted cells, of length 1, shape `(n_cells, n_latent)`.
    strength
        How strongly each shared direction is shared, relative to the first; falling, in [0, 1].
    edges
        Which views are linked.
    settings
        What it was fitted with.
    offsets
        What is taken off the coordinates of the batches, if there are any.
    extensions
        Views that were added later: they are drawn to the others, and none is drawn to them.
    indexed
        The reference of each view, ready to be searched; made when it is first needed.
    """

    mean: Mapping[str, Array]
    maps: Mapping[str, Array]
    reference: Mapping[str, Array]
    strength: Floats
    edges: tuple[Edge, ...]
    settings: Refinement
    offsets: Offsets | None = None
    extensions: tuple[str, ...] = ()
    indexed: dict[str, Neighbours] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __getstate__(self) -> dict[str, object]:
        return vars(self) | {"indexed": {}}  # another process makes its own

    def raw(self, view: str, components: Floats) -> Array:
        """Return where the map of a view puts cells: coordinates before batches and pull, rows of length 1."""
        return unit_rows((components - self.mean[view]) @ self.maps[view])

    def coordinates(self, view: str, components: Floats, batch: Labels | None = None) -> Array:
        """Return coordinates of length 1, shape `(n_cells, n_latent)`; the same for fitted cells and for new ones.

        Parameters
        ----------
        view
            The view that the cells belong to.
        components
            Their component scores, shape `(n_cells, n_components)`.
        batch
            The batch of each; nothing is taken off the coordinates of one that was not fitted.
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
        """Return the fitted cells of a view, ready to be searched for neighbours of coordinates."""
        if view not in self.indexed:
            self.indexed[view] = Neighbours(self.reference[view])
        return self.indexed[view]


def near_mean(z: Array, among: Neighbours, k: int) -> Array:
    """Return the mean of the `k` rows of a reference nearest to each row of `z`."""
    near, reference = among.search(z, k)[1], among.base
    total = reference[near[:, 0]].copy()
    for column in near.T[1:]:  # one neighbour at a time: never cells × neighbours × coordinates
        total += reference[column]
    return total / near.shape[1]
