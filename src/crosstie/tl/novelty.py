"""Novelty: cells without a counterpart in the other view, which optimal transport places only at a high cost."""

from __future__ import annotations

import numpy as np

from crosstie._threads import few_threads
from crosstie._typing import Floats, Index
from crosstie.anchors.linear import unit_rows
from crosstie.anchors.neighbours import nearest
from crosstie.anchors.transport import transport_plan

ENTROPY, BALANCE = 0.1, 0.95
SKETCH = 1024
N_SMOOTH = 30  # cells over which mass is averaged
BLOCK = 65_536  # cells averaged at a time
COMMON, LACKING = 0.3, 0.6  # novelty of cells that surely have, and surely lack, a counterpart
LOW, EASY, MIDDLE = 0.05, 0.25, 0.45  # quantiles of the cost: its noise is from LOW to MIDDLE, EASY counts as 0
NOISE, SCALE = 0.3, 1.4  # of the cost: what two halves of one data set differ by, and the unit of novelty
DISAGREE = 0.4  # standard deviations: the disagreement of cells whose links cannot tell


def novelty(
    source: Floats,
    target: Floats,
    *,
    disagreement: Floats | None = None,
    n_smooth: int = N_SMOOTH,
    seed: int = 0,
    near: np.ndarray | None = None,
    among: Index | None = None,
) -> Floats:
    r"""Return the extra cost of placing each target cell among the source cells, where linked features confirm it.

    In unbalanced transport from source to target, cells may receive less than their share, at a price. The mass
    :math:`m` that a cell receives, averaged over its neighbours in its own view, gives the cost of placing it:
    :math:`c = -\tau \log m` with :math:`\tau = \varepsilon\,b / (1 - b)`, the price of mass, in units of the cosine
    between cells. With :math:`c_q` its quantiles over the cells and :math:`e` the disagreement, novelty is

    .. math:: 1.4\,e\,\frac{c - c_{.25}}{c_{.45} - c_{.05} + 0.3}.

    The lower quartile is subtracted: if the *source* has an extra population, that sends its mass to a few cells here,
    and all others look equally expensive to place. (It would hide a real lack of counterparts only if that concerned
    three quarters of the cells.) The spread below the median is noise, also where half of the cells lack a counterpart.
    A population that is missing from the source may have near source cells of other types, but those send their mass to
    their own type. Distances are therefore less informative. Cells of a type that is only rarer in the source cost much
    too, but their linked features agree with their matches (docs/decisions.md).

    Parameters
    ----------
    source, target
        Common coordinates, shapes `(n_source, d)` and `(n_target, d)`; only their direction counts.
    disagreement
        How far linked features contradict the matches of each target cell, in standard deviations, shape `(n_target,)`
        (`crosstie.anchors.disagreement`); `None`, where links cannot tell, takes 0.4 for all.
    n_smooth
        Number of neighbours, including the cell itself, over which the mass is averaged.
    seed
        Seed of the sketches of at most 1,024 cells per view between which mass is transported; every target cell is in
        one sketch. No effect in smaller views.
    near
        Neighbours of each target cell by row number, shape `(n_target, n_smooth)`; `None` searches them. They may be
        among a sample of the target, which alone receives mass then.
    among
        Rows of that sample in the target, in the numbering of `near`; `None` for all.

    Returns
    -------
    Values in [0, 1], shape `(n_target,)`. If both views hold the same mixture of cells, 99 of 100 are below 0.3; of two
    studies of one tissue, 96.

    References
    ----------
    Chizat et al., Mathematics of Computation 87 (2018).
    """
    source, target = unit_rows(source), unit_rows(target)
    received = _received(source, target if among is None else target[among], np.random.default_rng(seed))
    near = nearest(target, target, n_smooth)[1] if near is None else near
    mass = np.concatenate([received[near[i : i + BLOCK]].mean(1) for i in range(0, len(near), BLOCK)])
    price = -ENTROPY * BALANCE / (1 - BALANCE) * np.log(np.maximum(mass, 1e-12))
    low, easy, middle = np.quantile(price, (LOW, EASY, MIDDLE))
    told = DISAGREE if disagreement is None else disagreement
    return np.clip(SCALE * told * (price - easy) / (middle - low + NOISE), 0, 1)


def supported(novelty: Floats) -> Floats:
    """Return the support of cells by their novelty: 1 up to 0.3, which 99 of 100 cells of common types are below.

    Falls linearly to 0 at 0.6, where most cells of a type are that the other view lacks.
    """
    return np.clip((LACKING - novelty) / (LACKING - COMMON), 0, 1)


def _received(source: Floats, target: Floats, rng: np.random.Generator) -> Floats:
    """Return the mass that each target cell receives, in units of an equal share, shape `(n_target,)`."""
    n_parts = -(-len(target) // SKETCH)
    parts = np.array_split(rng.permutation(len(target)), n_parts) if n_parts > 1 else [np.arange(len(target))]
    mass = np.empty(len(target))
    with few_threads(SKETCH):
        for part in parts:
            chosen = source if len(source) <= SKETCH else source[rng.choice(len(source), SKETCH, replace=False)]
            plan = transport_plan(chosen, target[part], entropy=ENTROPY, balance=BALANCE)
            mass[part] = plan.sum(0, dtype=np.float64) * len(part)
    return mass
