"""Whether a trained latent space holds up against the closed form that it started from: no labels, no pairing.

A network can lower its loss and ruin what it was given. Two figures see it, on every edge: how many cells are among
each other's nearest, and how far the linked columns of such cells agree (docs/decisions.md).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from crosstie._typing import Array, Edge, Floats
from crosstie.anchors.neighbours import mutual_neighbours

TOLERANCE = 0.01  # by which share either figure may fall
MAX_CELLS = 1500


def support(z: Floats, w: Floats, x: Floats, y: Floats, *, k: int = 20) -> tuple[int, float]:
    """Return how many cells of two views are each other's neighbours, and how far their linked columns agree.

    Parameters
    ----------
    z, w
        Common coordinates, shapes `(n_source, d)` and `(n_target, d)`.
    x, y
        Linked columns of the same cells, shapes `(n_source, n_columns)` and `(n_target, n_columns)`.
    k
        Number of neighbours.

    Returns
    -------
    Number of mutual pairs, and the mean over columns of the Pearson correlation over these pairs, in [-1, 1].
    """
    i, j, _ = mutual_neighbours(z, w, k)
    if not len(i) or not x.shape[1]:
        return len(i), 0.0
    x, y = x[i] - x[i].mean(0), y[j] - y[j].mean(0)
    spread = np.sqrt((x**2).sum(0) * (y**2).sum(0))
    return len(i), float(((x * y).sum(0) / np.where(spread > 1e-12, spread, np.inf)).mean())


def what_fell(
    trained: Mapping[str, Array], start: Mapping[str, Array], linked: Mapping[Edge, tuple[Floats, Floats]]
) -> list[str]:
    """Return what the trained coordinates do worse than those that they started from, one line per figure and edge.

    Parameters
    ----------
    trained, start
        Common coordinates of every view, before views are drawn together.
    linked
        Linked columns of the two sides of every edge.
    """
    rng = np.random.default_rng(0)
    out = []
    for (a, b), (x, y) in linked.items():
        i, j = (rng.permutation(len(side))[:MAX_CELLS] for side in (x, y))
        now, before = (support(z[a][i], z[b][j], x[i], y[j]) for z in (trained, start))
        for figure, n, q in zip(("mutual neighbours", "agreement of linked columns"), now, before, strict=True):
            if n < q - TOLERANCE * abs(q):
                out.append(f"{figure} of {a} and {b}, {q:.3g} → {n:.3g}")
    return out
