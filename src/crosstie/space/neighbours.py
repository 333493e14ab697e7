"""Which cells lie next to each other: the nearest ones within a section, never across sections.

The graph depends on distances alone, and not on their last bits: shifting, turning or mirroring a section, or giving
its cells in another order, returns the same graph.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from crosstie._errors import check_integer
from crosstie._threads import SMALL, n_cores
from crosstie._typing import Floats, Index
from crosstie.space.positions import Positions

TIED = (
    1e-9  # relative difference of distances below which they are equal: far above rounding, far below any measurement
)
INT32 = np.iinfo(np.int32).max
REACH = np.pi  # times the median distance to the last neighbour; irrational, so no distance on a grid is at the limit


def neighbours(positions: Positions, k: int = 20) -> sp.csr_matrix:
    """Return the graph of nearest cells in the tissue.

    The neighbours of a cell are those of its section that are strictly nearer than the nearest cell but `k`: `k` cells,
    or fewer where several cells are exactly as far as the first that is left out, as on a grid. So no neighbour is
    chosen by rounding. Cells that are farther than π times the median distance to the last neighbour in their section
    are no neighbours. If the data bring neighbours (`positions.graph`), it is these, whatever `k`.

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
    return neighbour_graphs(positions, [k])[0]


def neighbour_graphs(positions: Positions, ks: Sequence[int]) -> list[sp.csr_matrix]:
    """Return the graphs that `neighbours` returns for several numbers of neighbours, from one search."""
    for k in ks:
        check_integer("neighbours: k", k, least=1, name="k")
    if positions.graph is not None:
        return [positions.graph] * len(ks)
    parts = [(rows, _of_section(positions.xy[rows], ks)) for _, rows in positions.by_section()]
    return [_joined([(rows, found[i]) for rows, found in parts], positions.n_cells) for i in range(len(ks))]


def _of_section(xy: Floats, ks: Sequence[int]) -> list[tuple[Index, Index]]:
    """Return numbers of neighbours of each cell of one section, and the neighbours, by row of the section."""
    from scipy.spatial import cKDTree

    n = len(xy)
    if n < 2:
        return [(np.zeros(n, np.int32), np.empty(0, np.int32)) for _ in ks]
    xy = xy - xy.mean(0)
    n_asked = min(max(ks) + 2, n)  # the cell itself, and the first that is left out
    distance, near = cKDTree(xy).query(xy, n_asked, workers=n_cores() if n >= SMALL else 1)
    distance[near == np.arange(n)[:, None]] = -1.0
    return [_nearest(distance[:, : k + 2], near[:, : k + 2], k) for k in ks]


def _nearest(distance: Floats, near: Index, k: int) -> tuple[Index, Index]:
    """Return numbers of neighbours and neighbours, from sorted distances, which are -1 for the cell itself."""
    n, n_asked = distance.shape
    inside = distance >= 0  # the cell itself is missing where more cells than asked for share its place
    if n_asked > k + 1:
        inside &= distance < (1 - TIED) * distance[:, -1:]
    last = np.where(inside, distance, 0.0).max(1)
    inside &= distance <= REACH * np.partition(last, (n - 1) // 2)[(n - 1) // 2]
    return np.count_nonzero(inside, axis=1).astype(np.int32), near[inside].astype(np.int32)


def _joined(parts: Sequence[tuple[Index, tuple[Index, Index]]], n_cells: int) -> sp.csr_matrix:
    """Return the graph of all sections from the neighbours within each."""
    counts = np.zeros(n_cells, np.int64)
    for rows, (n_near, _) in parts:
        counts[rows] = n_near
    ends = np.concatenate([[0], np.cumsum(counts)])
    near = np.empty(ends[-1], np.int32 if max(ends[-1], n_cells) <= INT32 else np.int64)
    for rows, (n_near, found) in parts:
        before = np.cumsum(n_near, dtype=np.int64) - n_near  # of the section, to each cell
        near[np.repeat(ends[rows] - before, n_near) + np.arange(len(found))] = rows[found]
    graph = sp.csr_matrix((np.ones(len(near), np.int8), near, ends), shape=(n_cells, n_cells))
    graph.sort_indices()
    return graph
