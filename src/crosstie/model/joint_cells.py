"""One row per cell, however many views measured it: the joint table of a mosaic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._typing import Array, Edge, Index
from crosstie.anchors.linear import unit_rows

if TYPE_CHECKING:
    from anndata import AnnData


def joint_cells(
    latents: Mapping[str, Array], cells: Mapping[str, pd.Index], shared: Mapping[Edge, tuple[Index, Index]]
) -> AnnData:
    """Merge the views' coordinates of shared cells.

    Parameters
    ----------
    latents
        Coordinates of each view, shape `(n_cells, n_latent)`.
    cells
        Names of the cells of each view.
    shared
        Row numbers of the cells that two views share, by edge.

    Returns
    -------
    Cells × latent coordinates, in order of first appearance. `.obs` has `views` (those that measured
    the cell, joined by `+`) and, for each view, the cell's name in it. If one name stands for different
    cells, the name of the view is appended.
    """
    start = dict(zip(latents, np.cumsum([0, *map(len, latents.values())]), strict=False))
    n = sum(map(len, latents.values()))
    ends = [np.stack([i + start[a], j + start[b]]) for (a, b), (i, j) in shared.items()]
    left, right = np.hstack([np.zeros((2, 0), np.int64), *ends])
    graph = sp.coo_array((np.ones(len(left)), (left, right)), shape=(n, n))
    n_cells, member = sp.csgraph.connected_components(graph, directed=False)
    member = pd.factorize(member)[0]  # numbered as they first occur
    merge = sp.coo_array((np.ones(n), (member, np.arange(n))), shape=(n_cells, n)).tocsr()
    z = merge @ np.vstack(list(latents.values())) / merge.sum(1)[:, None]
    lengths = merge @ np.linalg.norm(np.vstack(list(latents.values())), axis=1) / merge.sum(1)
    z = unit_rows(z) * lengths[:, None]  # as long as the views' own rows: 1, unless the latent space is without norm
    obs = pd.DataFrame(index=pd.RangeIndex(n_cells))
    seen = {view: np.asarray(member[start[view] : start[view] + len(x)]) for view, x in latents.items()}
    for view, rows in seen.items():
        obs[view] = pd.Series(np.asarray(cells[view], dtype=object), index=rows).reindex(obs.index)
    there = obs.notna().to_numpy()
    views = np.array(list(latents), dtype=object)
    obs.insert(0, "views", pd.Series(["+".join(views[row]) for row in there], dtype="category"))
    first = views[there.argmax(1)]
    name = pd.Series(obs[list(latents)].bfill(axis=1).iloc[:, 0].astype(str).to_numpy())
    twice = name.duplicated(keep=False).to_numpy()
    obs.index = pd.Index(np.where(twice, name + "-" + first, name).astype(str))
    from anndata import AnnData

    return AnnData(z.astype(np.float32), obs=obs)
