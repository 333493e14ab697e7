"""How far linked features contradict the matches of cells, which tells a lacking type from one that is rarer."""

from __future__ import annotations

import numpy as np

from crosstie._typing import Array, Floats
from crosstie.anchors.linear import unit_rows
from crosstie.anchors.neighbours import nearest, row_means

N_MATCHES, N_SMOOTH = 20, 30
LEAST_COLUMNS, MOST_COLUMNS = 6, 100  # fewer cannot tell, and more do not tell more


def disagreement(source: tuple[Array, Floats], target: tuple[Array, Floats], own: Array) -> Array:
    r"""Return how far the linked features around each target cell are from what its matches predict.

    Novelty measures mass, and a type that is merely rarer in the other view also receives little. Linked features do
    not depend on proportions: averaged over the neighbours of a cell in its own view, those of a type that the other
    view has are a linear function of the matched ones. With :math:`\bar y_j` and :math:`\bar x_j` the averages of a
    linked column here and of its matches there, standardised, :math:`r_j` their correlation and :math:`e_j` the
    residual of :math:`\bar y_j` on :math:`\bar x_j`, this is :math:`\sqrt{\sum_j r_j^2 e_j^2 / \sum_j r_j^2}`.

    Parameters
    ----------
    source, target
        Common coordinates and linked columns of the cells of each view, shapes `(n_cells, d)` and
        `(n_cells, n_columns)`.
    own
        The target view's own coordinates; only their direction counts.

    Returns
    -------
    Shape `(n_target,)`, in standard deviations of a linked column. Means are over 20 matches, and over 30 neighbours
    including the cell itself.
    """
    (z_source, x), (z_target, y) = source, target
    x, y = ((values - values.mean(0)) / np.where(values.std(0) > 1e-9, values.std(0), np.inf) for values in (x, y))
    own = unit_rows(own)
    near = nearest(own, own, N_SMOOTH)[1]
    sides = [row_means(row_means(x, nearest(z_source, z_target, N_MATCHES)[1]), near), row_means(y, near)]
    there, here = (side - side.mean(0) for side in sides)
    spread = [np.sqrt((side**2).mean(0)) for side in (there, here)]
    agree = np.maximum((there * here).mean(0) / np.maximum(spread[0] * spread[1], 1e-12), 0)
    left = here - there * (agree * spread[1] / np.maximum(spread[0], 1e-12))
    weight = agree**2 / max(float((agree**2).sum()), 1e-12)
    return np.sqrt((weight * left**2).sum(1)).astype(np.float32)
