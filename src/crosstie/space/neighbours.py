"""Which cells lie next to each other: the nearest ones within a section, never across sections.

The graph depends on distances alone, and not on their last bits: shifting, turning or mirroring a section, or giving
its cells in another order, returns the same graph.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from crosstie._errors import check_integer
from crosstie._typing import Floats, Index
from crosstie.space.positions import Positions

TIED = (
    1e-9  # relative difference of distances below which they are equal: far above rounding, far below any measurement
)
REACH = np.pi  # times the median distance to the last neighbour; irrational, so no distance on a grid is at the limit


def neighbours(positions: Positions, k: int = 20) -> sp.csr_matrix:
    """Return the graph of nearest cells in the tissue.

    The neighbours of a cell are those of its section that are strictly nearer than the nearest cell but `k`: `k` cells,
    or fewer where several cells are exactly as far as the first that is left out, as on a grid. So no neighbour is
    chosen by rounding. Cells that are farther than π times the median distance to the last neighbour in their section
    are no neighbours.

    Parameters
    ----------
    positions
        Where the cells lie.
    k
        Largest number of neighbours, at least 1.

    Returns
    -------
    CSR of ones, shape `(n_cells, n_cells)`, without a diagonal, columns sorted; int8. It is the same to the bit after a
    shift, a rotation or a reflection of a section, as long as these keep all distances to one part in 10⁹, and follows
    the cells if they are reordered.

    Raises
    ------
    ValueError
        If `k` is below 1.
    """
    check_integer("neighbours: k", k, least=1, name="k")
    parts = [_of_section(positions.xy[rows], rows, k) for _, rows in positions.by_section()]
    source = np.concatenate([part[0] for part in parts])
    target = np.concatenate([part[1] for part in parts])
    n = positions.n_cells
    graph = sp.csr_matrix((np.ones(len(source), np.int8), (source, target)), shape=(n, n))
    graph.sort_indices()
    return graph


def _of_section(xy: Floats, rows: Index, k: int) -> tuple[Index, Index]:
    """Return pairs of neighbouring cells of one section, by row number of the view."""
    from scipy.spatial import cKDTree

    n = len(xy)
    if n < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    xy = xy - xy.mean(0)
    n_asked = min(k + 2, n)  # the cell itself, and the first that is left out
    distance, near = cKDTree(xy).query(xy, n_asked)
    itself = near == np.arange(n)[:, None]
    distance = np.where(itself, -1.0, distance)
    inside = ~itself  # the cell itself is missing where more cells than asked for share its place
    if n_asked > k + 1:
        inside &= distance < (1 - TIED) * distance[:, -1:]
    last = np.where(inside, distance, 0.0).max(1)
    reach = REACH * np.partition(last, (n - 1) // 2)[(n - 1) // 2]
    inside &= distance <= reach
    cell, column = np.nonzero(inside)
    return rows[cell], rows[near[cell, column]]
