"""Labels carried from the cells of one view to those of another, with probabilities that mean what they say.

Needs a fitted model's coordinates. No label of the target is ever read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from crosstie._errors import type_error, value_error
from crosstie._log import log
from crosstie._typing import Array, Floats, Index
from crosstie.tl.label_levels import Labels, Level, read_labels
from crosstie.tl.neighbourhood import coordinates, neighbour_means, own_coordinates, votes, weighted_neighbours
from crosstie.tl.novelty import novelty

if TYPE_CHECKING:
    from crosstie.model.model import Model

N_OWN = 15  # neighbours in the target's own view with which a cell shares its vote
N_CYCLE = 2048  # source cells that serve to find the temperature
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.5, 3.0
LEAST = 1e-3  # of a probability, before its logarithm is taken


def transfer_labels(
    model: Model,
    source: str,
    target: str,
    *,
    key: str | Sequence[str] | None = None,
    labels: Any = None,
    parents: Mapping[Any, Any] | None = None,
    k: int = 40,
    abstain_at: float | None = None,
) -> pd.DataFrame:
    """Give the cells of one view the labels of their neighbours in another.

    Parameters
    ----------
    model
        Fitted.
    source, target
        Names of the views: where labels are known, and where they are wanted.
    key
        Column of `model.obs[source]` with the labels; or several that nest, from coarse to fine:
        `["lineage", "cell_type"]`.
    labels
        The labels themselves, instead of `key`: a Series by cell name, or one label per cell in order. Missing labels
        are left out of the vote.
    parents
        Coarser label of each label (of the coarsest level that is given): a level above them, called `parent`.
    k
        Number of labelled source cells that vote on each target cell; all of them, where there are fewer.
    abstain_at
        Labels of lower confidence are left missing, in [0, 1]; the log says how many. `None` labels every cell.

    Returns
    -------
    One row per target cell, by name: `label`; `confidence`, in [0, 1], the probability that it is right, as
    `label_probabilities` has it; `novelty`, in [0, 1], how little supports the cell in the source, as
    `crosstie.tl.novelty.novelty` has it. For each coarser level `label_NAME` and `confidence_NAME`, by the name of its
    column (or `parent`), first the coarsest. Labels agree from level to level: the finer one is the most probable
    among those under the coarser one, and the probability of a coarser label is the sum of those under it.

    Raises
    ------
    KeyError
        If there is no such view or column, or a label has no parent.
    ValueError
        If no cell has a label, labels do not fit the source's cells, levels do not nest, or `abstain_at` is not in
        [0, 1].
    """
    if not isinstance(abstain_at, int | float | np.number | None):
        raise type_error("transfer_labels: abstain_at is no number.", found=repr(abstain_at), expected="in [0, 1]")
    if abstain_at is not None and not 0 <= abstain_at <= 1:
        raise value_error("transfer_labels: abstain_at is a confidence.", found=repr(abstain_at), expected="in [0, 1]")
    z_source, z_target = coordinates(model, source, target, k, what="transfer_labels")
    known = read_labels(model, source, key, labels, parents)
    probability = _probabilities(z_source, z_target, own_coordinates(model, target), known, k)
    result: dict[str, Any] = {}
    allowed = np.ones(probability.shape, bool)
    for level in known.levels:
        winner, confidence = _winners(level, probability, allowed)
        allowed &= level.of_fine == winner[:, None]
        label = pd.Series(level.labels.take(winner))
        if abstain_at is not None:
            label = _abstained(label, confidence < abstain_at, abstain_at, level.name)
        suffix = f"_{level.name}" if level.name else ""
        result |= {f"label{suffix}": label.array, f"confidence{suffix}": confidence}
    result["novelty"] = novelty(z_source[known.code >= 0], z_target)
    return pd.DataFrame(result, index=model.obs[target].index)


def label_probabilities(
    model: Model,
    source: str,
    target: str,
    *,
    key: str | Sequence[str] | None = None,
    labels: Any = None,
    parents: Mapping[Any, Any] | None = None,
    k: int = 40,
) -> pd.DataFrame:
    r"""Return the probability of every label for the cells of another view.

    Half of it is the vote of the nearest source cells, half the mean vote on the 15 nearest cells of the target itself.
    Its sharpness is then set by a temperature :math:`T`, probabilities :math:`\propto p^{1/T}`, the one under which the
    known labels of source cells are most likely when labels go to the target's cells and come back, without a cell's
    own. The target's labels are not needed and not read.

    Parameters
    ----------
    model, source, target, key, labels, parents, k
        As in `transfer_labels`.

    Returns
    -------
    One row per target cell, by name; one column per label; rows sum to 1. With several levels columns are pairs of
    level (`key`, `parent`; the finest is `label`) and label, and rows sum to 1 in each level.
    """
    z_source, z_target = coordinates(model, source, target, k, what="label_probabilities")
    known = read_labels(model, source, key, labels, parents)
    probability = _probabilities(z_source, z_target, own_coordinates(model, target), known, k)
    index = model.obs[target].index
    parts = {
        level.name or "label": pd.DataFrame(level.summed(probability), index, pd.Index(level.labels))
        for level in known.levels
    }
    return pd.concat(parts, axis=1) if len(parts) > 1 else parts["label"]


def _probabilities(z_source: Array, z_target: Array, z_own: Array, known: Labels, k: int) -> Floats:
    """Return the probability of every label of the finest level, shape `(n_target, n_labels)`."""
    has = known.code >= 0
    z_source, code, n_labels = z_source[has], known.code[has], len(known.levels[-1].labels)
    row, weight = weighted_neighbours(z_source, z_target, k)
    vote = votes(row, weight, code, n_labels)
    probability = vote
    if len(z_target) > 1:
        own = weighted_neighbours(z_own, z_own, N_OWN, own=np.arange(len(z_own)))
        probability = (vote + neighbour_means(*own, vote)) / 2
    temperature = _temperature(*_returned(z_source, z_target, code, row, weight, vote, k))
    log.info("labels: %d voters on each cell, temperature %.2f.", row.shape[1], temperature)
    return tempered(probability, temperature)


def _returned(
    z_source: Array, z_target: Array, code: Index, row: Index, weight: Array, vote: Floats, k: int
) -> tuple[Floats, Index]:
    """Return what source cells are told of their own label by target cells, without their own vote, and their labels.

    Parameters
    ----------
    z_source, z_target
        Coordinates.
    code
        Label of each source cell.
    row, weight
        Source cells that vote on each target cell, and how much they count.
    vote
        What they vote, shape `(n_target, n_labels)`.
    k
        Number of target cells that a source cell asks.
    """
    step = -(-len(z_source) // N_CYCLE)
    cells = np.arange(0, len(z_source), step)
    asked, trust = weighted_neighbours(z_target, z_source[cells], k)
    back = neighbour_means(asked, trust, vote).astype(np.float64)
    own = np.zeros(len(cells))
    for column in range(asked.shape[1]):  # one target cell each at a time: never cells × k × k
        voters = asked[:, column]
        own += trust[:, column] * np.where(row[voters] == cells[:, None], weight[voters], 0).sum(1)
    back[np.arange(len(cells)), code[cells]] -= own
    left = 1 - own
    told = left > 1e-3  # nobody but the cell itself was asked
    return np.maximum(back[told], 0) / left[told, None], code[cells][told]


def _temperature(probability: Floats, code: Index) -> float:
    """Return the temperature under which the labels are most likely."""
    if not len(code) or probability.shape[1] < 2:
        return 1.0
    rows = np.arange(len(code))

    def surprise(log_temperature: float) -> float:
        return -float(np.log(tempered(probability, np.exp(log_temperature))[rows, code]).mean())

    bounds = np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE)
    return float(np.exp(minimize_scalar(surprise, bounds=bounds, method="bounded").x))


def tempered(probability: Floats, temperature: float) -> Floats:
    """Return probabilities to the power `1 / temperature`, rows summing to 1; none is below about `LEAST` before."""
    power = np.maximum(probability, LEAST) ** (1 / temperature)
    return power / power.sum(1, keepdims=True)


def _winners(level: Level, probability: Floats, allowed: np.ndarray) -> tuple[Index, Floats]:
    """Return each cell's most probable label among those allowed (by the coarser levels), and its probability."""
    here = level.summed(probability)
    open_ = level.summed(allowed.astype(float)) > 0
    winner = np.where(open_, here, -1).argmax(1)
    return winner, np.minimum(here[np.arange(len(here)), winner], 1)


def _abstained(label: pd.Series, unsure: np.ndarray, abstain_at: float, level: str) -> pd.Series:
    """Return labels without those of unsure cells, and say how many."""
    where = f" on level {level}" if level else ""
    log.info("transfer_labels: %d of %d cells%s below %g: no label.", unsure.sum(), len(unsure), where, abstain_at)
    if pd.api.types.is_integer_dtype(label.dtype):
        label = label.astype("Int64")
    return label.mask(unsure)
