"""Scores of how well views mix in the latent space. They need no truth, but alone they prove nothing.

Noise mixes perfectly, and views of different composition should not mix everywhere: read them with an accuracy.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from crosstie._typing import Index
from crosstie.metrics._inputs import Doubles, at_least_one, drawn, views
from crosstie.metrics.neighbours import Neighbours, neighbours


def mixing(latents: Mapping[str, ArrayLike], *, k: int = 20, max_cells: int | None = None, seed: int = 0) -> float:
    """Share of a cell's nearest neighbours that come from another view, averaged over cells.

    Parameters
    ----------
    latents
        Latent coordinates of every view, shape `(n_cells, n_latent)` each.
    k
        Number of neighbours, the cell itself left out.
    max_cells
        Average over this many cells, drawn at random from all views together.
    seed
        Seed of the draw.

    Returns
    -------
    Score in [0, 1]; 0 when the views are separate; near 0.5 when two views of one size are well mixed.

    Raises
    ------
    ValueError
        If there are fewer than two views, their coordinates differ in width or are not finite, or `k` is below 1.
    """
    share, _ = _other_shares(latents, k=k, max_cells=max_cells, seed=seed, what="mixing")
    return float(share.mean())


def alignment(latents: Mapping[str, ArrayLike], *, k: int = 20, max_cells: int | None = None, seed: int = 0) -> float:
    r"""Nearest-neighbour alignment score: mixing, relative to what perfect mixing would give.

    For a cell :math:`c` of view :math:`v`, :math:`s_c` is the share of its `k` nearest neighbours that are of another
    view; under perfect mixing it is :math:`e_v = (N - n_v) / (N - 1)` on average. The score is the mean over cells of
    :math:`s_c / e_v`. For views of one size this is the alignment score of Butler et al.; where that one subsamples all
    views to the smallest, here the expectation of every view takes its size into account and all cells count.

    Parameters
    ----------
    latents
        Latent coordinates of every view, shape `(n_cells, n_latent)` each.
    k
        Number of neighbours, the cell itself left out.
    max_cells
        Average over this many cells, drawn at random from all views together.
    seed
        Seed of the draw.

    Returns
    -------
    1 when perfectly mixed, 0 when the views are separate; slightly above 1 when cells are nearer to the other view than
    to their own, as true partners do.

    Raises
    ------
    ValueError
        If there are fewer than two views, their coordinates differ in width or are not finite, or `k` is below 1.

    References
    ----------
    Butler et al., Nature Biotechnology 36, 411 (2018), online methods.
    """
    share, view = _other_shares(latents, k=k, max_cells=max_cells, seed=seed, what="alignment")
    return float((share / expected_share([len(np.asarray(z)) for z in latents.values()])[view]).mean())


def expected_share(sizes: list[int]) -> Doubles:
    """Share of other views among a cell's neighbours under perfect mixing: for each view, from the sizes of all."""
    n = np.asarray(sizes, dtype=np.float64)
    return (n.sum() - n) / (n.sum() - 1)


def share_of_others(own: Neighbours, others: list[Neighbours], *, k: int) -> Doubles:
    """Merge each cell's neighbours within its view and in others; share of the `k` nearest of all that are in others.

    Parameters
    ----------
    own, others
        Neighbours of the same query cells in their own view (without themselves) and in each other view; each list must
        hold `k` neighbours or the whole view.
    k
        Number of neighbours to keep of the merged ones.

    Returns
    -------
    Shares, shape `(n_queries,)`.
    """
    parts = [own, *others]
    distance = np.hstack([part.distance for part in parts])
    foreign = np.repeat(np.arange(len(parts)) > 0, [part.distance.shape[1] for part in parts])
    k = min(at_least_one(k, what="share_of_others"), distance.shape[1])
    nearest = np.argpartition(distance, k - 1, axis=1)[:, :k]
    return foreign[nearest].mean(axis=1)


def _other_shares(
    latents: Mapping[str, ArrayLike], *, k: int, max_cells: int | None, seed: int, what: str
) -> tuple[Doubles, Index]:
    """Share of other views among the neighbours of drawn cells, and the number of each drawn cell's view."""
    z = views(latents, what=what)
    joint = np.vstack(list(z.values()))
    view = np.repeat(np.arange(len(z)), [len(part) for part in z.values()])
    rows = drawn(len(joint), max_cells, seed)
    near = neighbours(joint, joint[rows], k, own=rows)
    return (view[near.index] != view[rows][:, None]).mean(axis=1), view[rows]
