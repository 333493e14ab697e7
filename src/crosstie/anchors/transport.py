"""Entropic optimal transport between two sets of cells: a soft match in which every cell gets its share.

It is only called on sketches of bounded size, so its dense matrix does not grow with the data.
"""

from __future__ import annotations

import numpy as np

from crosstie._threads import side_by_side
from crosstie._typing import Array, Floats
from crosstie.anchors.engine import engine_in_use
from crosstie.anchors.neighbours import nearest

# Standard deviation of log masses: after the first rounds, at most .10 if two views hold the same cells, and .14 or
# more if a cell type is missing or rare in one of them (docs/decisions.md).
SAME_MIXTURE, OTHER_MIXTURE = 0.12, 0.18
# An unbalanced plan still places about two thirds of the mass of a type that the other side lacks.
SHARPENING = 1.5


def transport_plan(
    source: Floats,
    target: Floats,
    *,
    entropy: float,
    balance: float = 1.0,
    source_share: Floats | None = None,
    target_share: Floats | None = None,
    n_iterations: int = 20,
) -> Array:
    r"""Return the transport plan between unit vectors by Sinkhorn's iterations (method.md, eq. 14).

    Parameters
    ----------
    source, target
        Coordinates of the two sets, shapes `(n_source, d)` and `(n_target, d)`; the cost is minus the scalar product.
    entropy
        Weight :math:`\varepsilon` of the entropy, above 0; the smaller, the sharper the plan.
    balance
        Exponent of the scaling, in (0, 1]. 1 is balanced transport; below 1, :math:`\tau / (\tau + \varepsilon)`, where
        :math:`\tau` is the Kullback–Leibler penalty for mass that differs from a cell's share.
    source_share, target_share
        Share of each cell, positive, shapes `(n_source,)` and `(n_target,)`; `None` gives equal shares.
    n_iterations
        Number of Sinkhorn iterations.

    Returns
    -------
    The plan, shape `(n_source, n_target)`, non-negative, with sum 1.

    References
    ----------
    Cuturi, NeurIPS 2013; Chizat et al., Mathematics of Computation 87 (2018), for the unbalanced scaling.
    """
    a, b = _share(source_share, len(source)), _share(target_share, len(target))
    engine = engine_in_use()
    if engine is not None:
        return engine.plan(source, target, (a, b), entropy=entropy, balance=balance, n_iterations=n_iterations)
    kernel = (source @ target.T).astype(np.float32)
    kernel -= kernel.max()
    kernel /= np.float32(entropy)
    np.exp(kernel, out=kernel)
    power, tiny = np.float32(balance), np.float32(1e-30)
    v = np.ones(len(target), np.float32)
    for _ in range(n_iterations):
        u = (a / np.maximum(kernel @ v, tiny)) ** power
        v = (b / np.maximum(u @ kernel, tiny)) ** power
    kernel *= u[:, None]
    kernel *= v
    kernel /= kernel.sum(dtype=np.float64)
    return kernel


def composed_plan(
    source: Floats, target: Floats, *, entropy: float, balance: float, n_smooth: int = 30, n_iterations: int = 20
) -> Array:
    """Return a balanced plan between the parts of two sets of cells that have a counterpart (method.md, eq. 15).

    An unbalanced plan shows how much of its share each cell can place on the other side. If these masses, averaged over
    neighbours, vary more than they do between views with the same mixture of cells, they become the shares of a
    balanced plan: cells of a type that the other side lacks drop out, and cells of a type that is rarer there get less
    weight. Otherwise all shares are equal. `balance=1` gives the plain balanced plan.

    Parameters
    ----------
    source, target, entropy, balance, n_iterations
        As in `transport_plan`.
    n_smooth
        Number of neighbours in its own view over which the mass of a cell is averaged.
    """
    if balance == 1.0:
        return transport_plan(source, target, entropy=entropy, n_iterations=n_iterations)
    loose = transport_plan(source, target, entropy=entropy, balance=balance, n_iterations=n_iterations)

    def log_mass(side: tuple[Floats, Floats]) -> Floats:
        z, mass = side
        return np.log(np.maximum(mass[nearest(z, z, n_smooth)[1]].mean(1), 1e-12 / len(z)))

    sides = (source, loose.sum(1)), (target, loose.sum(0))
    logs = side_by_side(log_mass, sides, n_rows=max(loose.shape))
    spread = max(float(log.std()) for log in logs)
    exponent = SHARPENING * np.clip((spread - SAME_MIXTURE) / (OTHER_MIXTURE - SAME_MIXTURE), 0, 1)
    shares = [np.exp(exponent * (log - log.max())) for log in logs]
    return transport_plan(
        source, target, entropy=entropy, source_share=shares[0], target_share=shares[1], n_iterations=n_iterations
    )


def _share(share: Floats | None, n: int) -> Array:
    if share is None:
        return np.full(n, 1 / n, np.float32)
    return np.maximum(share / share.sum(), 1e-12 / n).astype(np.float32)
