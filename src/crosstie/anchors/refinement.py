"""Settings of the closed form; `Config` extends them, so that each default stands once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Refinement:
    """Settings of the closed form.

    Parameters
    ----------
    n_latent
        Number of latent coordinates.
    n_rounds
        Number of rounds; each matches the cells and then recomputes the shared directions.
    entropy
        Weight of the entropy in optimal transport, above 0: the smaller, the sharper the match.
    balance
        How strictly each cell must be matched, in (0, 1]. Below 1, cells without a counterpart in the other view are
        detected and left out; 1 assumes that both views hold the same mixture of cells.
    damping
        Components are divided by the square root of their variance plus this share of the total variance, so that weak
        components, which are mostly noise, do not get full weight. Small panels are damped less.
    link_weight
        Weight of the linked columns relative to the shared directions. Each column is also weighted by the correlation
        of its two sides over the matched cells, so that wrong links fade out.
    link_shrinkage
        Shrinkage of the correlations between linked columns before whitening, in [0, 1]; 1 treats them as uncorrelated.
    n_smooth, smoothing
        Before each match, the coordinates of a cell are averaged with those of its `n_smooth` nearest neighbours in its
        own view; `smoothing`, in [0, 1], is the weight of the neighbours.
    pull
        At the end, each cell is moved towards its `n_smooth` nearest cells of each linked view, by this share of the
        way in [0, 1], so that the views overlap.
    n_sketch
        Largest number of cells of each view that are matched at once (a sketch).
    n_sketches
        Largest number of sketches averaged in a round, for views with more cells than `n_sketch`.
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
