"""Finds the anchors of an edge: pairs of cells that are mutual nearest neighbours in the common space, with weights."""

from __future__ import annotations

import numpy as np

from crosstie._errors import check_integer, value_error
from crosstie._typing import Floats, Index
from crosstie.anchors.neighbours import mutual_neighbours
from crosstie.anchors.pairs import Anchors, kernel_weights


def find(source: Floats, target: Floats, *, k: int = 20, known: tuple[Index, Index] | None = None) -> Anchors:
    r"""Find pairs of cells of two views that are mutual nearest neighbours.

    Parameters
    ----------
    source, target
        Coordinates of the two views in the common space, shapes `(n_source, d)` and `(n_target, d)`.
    k
        Number of neighbours searched from each side, at least 1.
    known
        Row numbers of cells known to be the same, in both views. They become anchors of weight 1 and get no others;
        `None` if no cell is shared.

    Returns
    -------
    Anchors with weight :math:`\exp(-d^2 / 2h^2)` with :math:`h^2` the median squared distance of the pairs.

    Raises
    ------
    ValueError
        If coordinates are not finite or of different width, or no two cells are mutual neighbours.
    """
    for name, z in (("source", source), ("target", target)):
        if np.ndim(z) != 2 or not len(z) or not np.isfinite(z).all():
            raise value_error(
                f"anchors: {name} coordinates cannot be used.",
                found=f"shape {np.shape(z)}" if np.ndim(z) != 2 or not len(z) else "NaN or infinite values",
                expected="finite numbers, shape (n_cells, n_latent)",
            )
    check_integer("anchors: the number of neighbours", k, least=1, name="k")
    if source.shape[1] != target.shape[1]:
        raise value_error(
            "anchors: the two sides have different coordinates.",
            found=f"{source.shape[1]} and {target.shape[1]} columns",
            expected="coordinates of one latent space",
        )
    if known is not None:
        return _beside(known, source, target, k)
    rows, columns, distance = mutual_neighbours(source, target, k)
    if not len(rows):
        raise value_error(
            "anchors: no two cells are each other's neighbours.",
            found=f"{len(source):,} and {len(target):,} cells, k={k}",
            do="Raise k, and check whether the links make sense: xt.links.Link.report.",
            cli={"do": "Use --set n_neighbors=60, and check with crosstie links whether the links make sense."},
        )
    return Anchors(rows, columns, kernel_weights(distance))


def _beside(known: tuple[Index, Index], source: Floats, target: Floats, k: int) -> Anchors:
    """Return the known pairs, followed by the anchors found among the other cells."""
    rows, columns = (np.setdiff1d(np.arange(len(z)), i) for z, i in zip((source, target), known, strict=True))
    one = np.ones(len(known[0]), np.float32)
    if not (len(rows) and len(columns)):
        return Anchors(*known, one)
    i, j, distance = mutual_neighbours(source[rows], target[columns], k)
    weight = kernel_weights(distance) if len(i) else one[:0]
    return Anchors(
        np.concatenate([known[0], rows[i]]), np.concatenate([known[1], columns[j]]), np.concatenate([one, weight])
    )
