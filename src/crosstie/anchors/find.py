"""Anchors of one edge, found once among all cells: mutual neighbours in common coordinates, weighted."""

from __future__ import annotations

import numpy as np

from crosstie._errors import value_error
from crosstie._typing import Floats
from crosstie.anchors.neighbours import mutual_neighbours
from crosstie.anchors.pairs import Anchors, kernel_weights


def find(source: Floats, target: Floats, *, k: int = 20) -> Anchors:
    r"""Find pairs of cells of two views that are among each other's nearest.

    Parameters
    ----------
    source, target
        Common coordinates, shapes `(n_source, d)` and `(n_target, d)`.
    k
        Number of neighbours looked at from each side.

    Returns
    -------
    Anchors, of weight :math:`\exp(-d^2 / 2h^2)` with :math:`h^2` the median squared distance of the pairs.

    Raises
    ------
    ValueError
        If coordinates are not finite or of different width, or no two cells are mutual neighbours.
    """
    for name, z in (("source", source), ("target", target)):
        if np.ndim(z) != 2 or not len(z) or not np.isfinite(z).all():
            raise value_error(
                f"anchors: {name} coordinates cannot be used.", found=f"shape {np.shape(z)}, or not finite"
            )
    if source.shape[1] != target.shape[1]:
        raise value_error(
            "anchors: the two sides have different coordinates.",
            found=f"{source.shape[1]} and {target.shape[1]} columns",
        )
    rows, columns, distance = mutual_neighbours(source, target, k)
    if not len(rows):
        raise value_error(
            "anchors: no two cells are each other's neighbours.",
            found=f"{len(source):,} and {len(target):,} cells, k={k}",
            do="Raise k, and look whether the links make sense: xt.links.Link.report.",
        )
    return Anchors(rows, columns, kernel_weights(distance))
