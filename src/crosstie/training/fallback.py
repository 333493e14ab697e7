"""Whether training improved on the closed form that it started from, judged without labels and without known pairs.

Training can lower its loss and still ruin the map. Two figures show it on every edge: the number of mutual nearest
neighbours, and the correlation of linked columns over them (docs/decisions.md).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from crosstie._typing import Array, Edge, Floats
from crosstie.anchors.neighbours import mutual_neighbours

TOLERANCE = 0.01  # largest relative loss of either figure
MAX_CELLS = 1500


def support(z: Floats, w: Floats, x: Floats, y: Floats, *, k: int = 20) -> tuple[int, float]:
    """Return the number of mutual neighbours of two views, and the correlation of linked columns over them.

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
    """Return in which respects trained coordinates are worse than the initial ones, one line per figure and edge.

    Parameters
    ----------
    trained, start
        Common coordinates of every view, before views are moved towards each other.
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
