"""Labels carried from the cells of one view to those of another, by a weighted vote of the nearest.

Needs a fitted model's coordinates. The weights of neighbours are defined here; imputation uses the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crosstie._errors import sample, unknown_name, value_error
from crosstie._log import log
from crosstie._typing import Array, Floats, Index
from crosstie.anchors.neighbours import nearest

if TYPE_CHECKING:
    from crosstie.model.model import Model

BLOCK = 4096  # target cells whose votes are counted at a time


def transfer_labels(
    model: Model, source: str, target: str, *, key: str | None = None, labels: Any = None, k: int = 40
) -> pd.DataFrame:
    """Give the cells of one view the labels of their neighbours in another.

    Parameters
    ----------
    model
        Fitted.
    source, target
        Names of the views: where labels are known, and where they are wanted.
    key
        Column of `model.obs[source]` with the labels.
    labels
        The labels themselves, instead of `key`: a Series by cell name, or one label per cell in order. Missing labels
        are left out of the vote.
    k
        Number of labelled source cells that vote on each target cell; all of them, where there are fewer.

    Returns
    -------
    One row per target cell, by name: `label`; `confidence`, in [0, 1]: the label's share of the vote, if one more voter
    were against it; `novelty`, in [0, 1]: how much farther off labelled source cells are than cells of the target
    itself, as `crosstie.tl.transfer.novelty` has it.

    Raises
    ------
    KeyError
        If there is no such view or column.
    ValueError
        If no cell has a label, or labels do not fit the source's cells.
    """
    z_source, z_target = coordinates(model, source, target, k, what="transfer_labels")
    values = _labels(model, source, key, labels)
    code, names = pd.factorize(values, sort=True)
    known = code >= 0
    if not known.any():
        raise value_error(
            f"transfer_labels: no cell of {source!r} has a label.",
            found=f"{len(code):,} missing",
            do="Give another key, or labels=.",
        )
    if not known.all():
        log.info("transfer_labels: %d of %d cells of %s have no label: left out.", (~known).sum(), len(code), source)
    z_source, code = z_source[known], code[known]
    winner, share = _vote(z_source, z_target, code, len(names), k)
    result = {"label": names.take(winner), "confidence": share, "novelty": novelty(z_source, z_target, k=k)}
    return pd.DataFrame(result, index=model.obs[target].index)


def weighted_neighbours(base: Floats, query: Floats, k: int) -> tuple[Index, Array]:
    r"""Return the nearest rows of `base` and how much each counts, by a kernel as wide as the neighbourhood.

    Parameters
    ----------
    base, query
        Coordinates, shapes `(n_base, d)` and `(n_query, d)`.
    k
        Number of neighbours.

    Returns
    -------
    Row numbers and weights, shape `(n_query, min(k, n_base))`; weights are proportional to :math:`\exp(-(2d/d_k)^2)`,
    with :math:`d_k` the distance to the last neighbour, and sum to 1.
    """
    distance, row = nearest(base, query, k)
    squared = np.maximum(distance, 0)
    weight = np.exp(-4 * squared / np.maximum(squared.max(1, keepdims=True), 1e-12))
    return row, (weight / weight.sum(1, keepdims=True)).astype(np.float32)


def novelty(source: Floats, target: Floats, *, k: int = 30) -> Floats:
    r"""Return how much farther each target cell is from source cells than from cells of its own view.

    :math:`1 - \min(1, r_\mathrm{own} / r_\mathrm{source})`, with the radii of the smallest balls around the cell that
    hold the same share of the target's and of the source's cells: `k` cells of the larger of the two. 0 where the
    source has as many cells nearby as the target has; 0.5 where they are twice as far.

    A population that the source lacks tends to have high values. It need not: a fit that expects every cell to have a
    counterpart moves such cells next to others.

    Parameters
    ----------
    source, target
        Common coordinates, shapes `(n_source, d)` and `(n_target, d)`.
    k
        Number of neighbours in the larger view.
    """
    n_source, n_target = len(source), len(target)
    if n_target < 2:
        return np.zeros(n_target)
    largest = max(n_source, n_target)
    k_source, k_own = (max(1, round(k * n / largest)) for n in (n_source, n_target))
    away = np.sqrt(np.maximum(nearest(source, target, k_source)[0][:, -1], 0).astype(np.float64))
    # The nearest of a cell's own view is the cell itself.
    own = np.sqrt(np.maximum(nearest(target, target, k_own + 1)[0][:, -1], 0).astype(np.float64))
    return 1 - np.minimum(1, own / np.maximum(away, 1e-12))


def coordinates(model: Model, source: str, target: str, k: int, *, what: str) -> tuple[Array, Array]:
    """Return the coordinates of two different views of a fitted model, and check the number of neighbours."""
    z_source, z_target = model.embed(source), model.embed(target)
    if source == target:
        raise value_error(f"{what}: source and target are one view.", found=repr(source), expected="two views")
    if k < 1:
        raise value_error(f"{what}: the number of neighbours must be at least 1.", found=f"k={k}")
    return z_source, z_target


def _labels(model: Model, source: str, key: str | None, labels: Any) -> pd.Series:
    """Return one label per source cell, in order."""
    obs = model.obs[source]
    if (key is None) == (labels is None):
        raise value_error(
            "transfer_labels: labels come from one place.",
            found="both key and labels" if key is not None else "neither key nor labels",
            do=f"Give key=, a column of model.obs[{source!r}], or labels=, one per cell.",
        )
    if key is not None:
        if key not in obs:
            raise unknown_name(
                f"transfer_labels: key, a column of model.obs[{source!r}]", key, obs.columns, do="Or give labels=."
            )
        return obs[key]
    given = labels if isinstance(labels, pd.Series) else pd.Series(labels)
    if not isinstance(given.index, pd.RangeIndex) and not given.index.equals(obs.index):
        missing = obs.index.difference(given.index)
        if len(missing) or not given.index.is_unique:
            raise value_error(
                f"transfer_labels: the labels' index does not name the cells of {source!r}, each once.",
                found=f"{sample(given.index, 3)}; {len(missing):,} cells without an entry",
                expected=sample(obs.index, 3),
                do="Give NaN to cells of unknown label, or give an array in the order of the cells.",
            )
        given = given.reindex(obs.index)
    if len(given) != len(obs):
        raise value_error(
            "transfer_labels: not one label per cell.",
            found=f"{len(given):,} labels",
            expected=f"{len(obs):,}, the cells of {source!r}",
        )
    return given


def _vote(source: Floats, target: Floats, code: Index, n_labels: int, k: int) -> tuple[Index, Floats]:
    """Return the label with most votes of each target cell, and its share, shrunk by a voter against it.

    Neighbours resemble each other, so that bare shares are too sure. The number of voters is the effective one.
    """
    row, weight = weighted_neighbours(source, target, k)
    winner, share = np.empty(len(target), np.int64), np.empty(len(target))
    for start in range(0, len(target), BLOCK):
        block = slice(start, start + BLOCK)
        n = len(row[block])
        cell = np.arange(n)[:, None] * n_labels
        votes = np.bincount((cell + code[row[block]]).ravel(), weight[block].ravel(), n * n_labels).reshape(n, n_labels)
        winner[block] = votes.argmax(1)
        share[block] = np.minimum(votes.max(1), 1)
    n_voters = 1 / np.maximum((weight.astype(np.float64) ** 2).sum(1), 1e-12)
    return winner, share * n_voters / (n_voters + 1)
