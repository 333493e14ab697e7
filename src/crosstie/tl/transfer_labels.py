"""Label transfer from the cells of one view to those of another, with calibrated probabilities.

It reads the coordinates of a fitted model, and never the labels of the target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import type_error, value_error
from crosstie._log import log
from crosstie._threads import side_by_side
from crosstie._typing import Array, Edge, Floats, Index, Mask
from crosstie.anchors.neighbours import Neighbours, row_means
from crosstie.anchors.unlike_cells import distance_ratio, is_unlike
from crosstie.space.context import in_context
from crosstie.space.neighbours import neighbour_graphs
from crosstie.space.smoothing import smoothed
from crosstie.tl.empty_cells import empty_cells, warn_of_empty
from crosstie.tl.label_levels import Labels, Level, read_labels
from crosstie.tl.neighbourhood import (
    coordinates,
    kernel,
    near_others,
    neighbour_means,
    own_coordinates,
    searched_rows,
    votes,
    weighted_neighbours,
)
from crosstie.tl.novelty import N_SMOOTH, novelty, supported
from crosstie.tl.temperature import best_temperature, returned_votes, tempered

if TYPE_CHECKING:
    from crosstie.model.model import Model

N_OWN = 15  # neighbours in the target's own view whose votes a cell shares
N_ALIKE, N_AROUND = 10, 20  # neighbours in the tissue that a cell is averaged with, and whose labels are its prior
SURE = 0.99  # mean vote of its neighbours at which a cell of a large view is not asked itself
N_TOLD = 10  # fitted cells whose disagreement a cell of a large view takes
BLOCK = 65_536  # cells whose neighbours are searched at a time


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
    keep_words: bool = False,
    context: bool = True,
) -> pd.DataFrame:
    """Transfer labels from one view to the cells of another.

    Parameters
    ----------
    model
        A fitted model.
    source, target
        Names of the views: the one with labels, and the one to be labelled.
    key
        Column of `model.obs[source]` with the labels, or several nested columns from coarse to fine:
        `["lineage", "cell_type"]`.
    labels
        The labels themselves instead of `key`: a Series indexed by cell name, or one label per cell in order. Cells
        without a label do not vote; words such as `Unknown`, `unassigned`, `nan`, `NA` or `""` count as no label, and a
        warning says so.
    parents
        Coarser label of each label on the coarsest given level; adds a level above, called `parent`.
    k
        Number of labelled source cells that vote on each target cell; all of them if there are fewer.
    abstain_at
        Confidence in [0, 1] below which a cell gets no label; the log says how many. `None` labels every cell.
    keep_words
        Take words that mean a missing label as labels like any other.
    context
        Let neighbours in the tissue count, if cells have positions (`crosstie.space.smoothed`, `in_context`).

    Returns
    -------
    One row per target cell, indexed by name: `label`; `confidence`, in [0, 1], the probability that the label is
    correct: that of `label_probabilities`, times the support of the cell (`crosstie.tl.novelty.supported`), since no
    label of the source is right for a cell without a counterpart there; `novelty`, in [0, 1], high for cells without
    a counterpart in the source (see `crosstie.tl.novelty.novelty`; for mapped cells of one kind, unlike all fitted
    ones, at least the share of their distance to these that is unusual among fitted cells). Cells without a single
    count in the features used get no label, confidence 0 and novelty 1, and a warning counts them. Coarser levels add
    `label_NAME` and `confidence_NAME`, with the name of their column (or `parent`), coarsest first. Labels are
    consistent across levels: the finer label is the most probable one within the coarser label, whose probability is
    the sum of its finer labels.

    Raises
    ------
    KeyError
        If a view or column does not exist, or a label has no parent.
    ValueError
        If no cell has a label, the labels do not match the source cells, levels do not nest, or `abstain_at` is not in
        [0, 1].
    """
    _check_abstain_at(abstain_at)
    z_source, z_target = coordinates(model, source, target, k, what="transfer_labels")
    known = read_labels(model, source, key, labels, parents, keep_words=keep_words)
    empty = warn_of_empty(model, target, what="transfer_labels", so="they get no label, and confidence 0")
    cells = _Cells.of(model, target, z_target, empty, context)
    found, near = _probabilities(cells, z_source, known, k)
    there = supported(new := _novelty(model, (source, target), z_source[known.code >= 0], cells, near, empty))
    found = _everywhere(found, cells, empty)
    result: dict[str, Any] = {}
    allowed = np.ones(found.shape, bool)
    for level in known.levels:
        winner, confidence = _winners(level, found, allowed, there)
        allowed &= level.of_fine == winner[:, None]
        label = pd.Series(level.labels.take(winner))
        label = _without(label, empty) if empty.any() else label
        if abstain_at is not None:
            label = _abstained(label, confidence < abstain_at, abstain_at, level.name)
        suffix = f"_{level.name}" if level.name else ""
        result |= {f"label{suffix}": label.array, f"confidence{suffix}": confidence}
    result["novelty"] = new
    return pd.DataFrame(result, index=model.obs[target].index)


def _novelty(model: Model, way: Edge, z_source: Array, cells: _Cells, near: np.ndarray | None, empty: Mask) -> Floats:
    """Return the novelty of the target cells, 1 for cells without counts."""
    new = np.ones(len(empty))
    if len(cells.rows):
        told = _disagreement(model, way, cells, near)
        found = novelty(z_source, cells.z, disagreement=told, near=near, among=cells.among)
        new[cells.rows] = np.maximum(found, _unlike_fitted(model, way[1], ~empty))
    return new


def _disagreement(model: Model, way: Edge, cells: _Cells, near: np.ndarray | None) -> Floats | None:
    """Return how far linked features contradict the matches of the target cells; `None` where they cannot tell.

    Cells of large views that were not fitted take the mean over the nearest ones that were.
    """
    source, target = way
    told = model.fitted.disagreement.get((model.like.get(source, source), target))
    core = model.core_rows.get(target)
    if told is None or core is None or len(core) == len(model.latents[target]):
        return None if told is None else told[cells.rows]
    if near is None or cells.among is None:
        return None
    of_fitted = told[np.searchsorted(core, cells.rows[cells.among])]
    return row_means(of_fitted, near[:, :N_TOLD])


def _unlike_fitted(model: Model, target: str, rows: Mask) -> Floats | float:
    """Return the novelty of the cells of a view that `extend` added, if all are of one kind, unlike the fitted cells.

    Transport cannot tell: its price is relative to the cells that are easiest to place.
    """
    if target not in model.like:
        return 0.0
    fitted, new = own_coordinates(model, model.like[target]), own_coordinates(model, target)[rows]
    return np.maximum(1 - 1 / distance_ratio(fitted, new), 0) if is_unlike(fitted, new) else 0.0


def _check_abstain_at(abstain_at: object) -> None:
    if not isinstance(abstain_at, int | float | np.number | None):
        raise type_error(
            "transfer_labels: `abstain_at` must be a number.", found=repr(abstain_at), expected="in [0, 1]"
        )
    if abstain_at is not None and not 0 <= abstain_at <= 1:
        raise value_error(
            "transfer_labels: `abstain_at` is out of range.", found=repr(abstain_at), expected="in [0, 1]"
        )


def label_probabilities(
    model: Model,
    source: str,
    target: str,
    *,
    key: str | Sequence[str] | None = None,
    labels: Any = None,
    parents: Mapping[Any, Any] | None = None,
    k: int = 40,
    keep_words: bool = False,
    context: bool = True,
) -> pd.DataFrame:
    r"""Return the probability of every label for the cells of another view.

    Half of it is the vote of the nearest source cells, and half is the mean vote for the 15 nearest target cells. A
    temperature :math:`T` then sets the sharpness, with probabilities :math:`\propto p^{1/T}`. It maximises the
    likelihood of the known source labels when labels are sent to the target cells and back, excluding each cell's own
    vote. Labels of the target are neither needed nor read.

    Parameters
    ----------
    model, source, target, key, labels, parents, k, keep_words, context
        As in `transfer_labels`.

    Returns
    -------
    One row per target cell, indexed by name, and one column per label; rows sum to 1, and every label of a cell without
    a single count is equally probable. With several levels, columns are pairs of level (`key` or
    `parent`; the finest is `label`) and label, and rows sum to 1 within each level.
    """
    z_source, z_target = coordinates(model, source, target, k, what="label_probabilities")
    known = read_labels(model, source, key, labels, parents, keep_words=keep_words)
    empty = empty_cells(model, target)
    cells = _Cells.of(model, target, z_target, empty, context)
    probability = _everywhere(_probabilities(cells, z_source, known, k)[0], cells, empty)
    index = model.obs[target].index
    parts = {
        level.name or "label": pd.DataFrame(level.summed(probability), index, pd.Index(level.labels))
        for level in known.levels
    }
    return pd.concat(parts, axis=1) if len(parts) > 1 else parts["label"]


@dataclass(frozen=True)
class _Cells:
    """The cells of a target that have counts: coordinates, and what surrounds them.

    Parameters
    ----------
    rows
        Row of each cell in the view, ascending, shape `(n_cells,)`.
    z, own
        Coordinates, shape `(n_cells, n_latent)`, averaged with alike neighbours in a tissue; those for searching
        neighbours within the view are the same array where no others exist.
    among
        Cells among which neighbours within the view are searched; `None` for all.
    around
        Neighbours in the tissue; `None` without positions.
    """

    rows: Index
    z: Array
    own: Array
    among: Index | None
    around: sp.csr_matrix | None

    @classmethod
    def of(cls, model: Model, target: str, z: Array, empty: Mask, context: bool) -> _Cells:
        """Return the cells of a fitted view."""
        rows, own, around = np.flatnonzero(~empty), own_coordinates(model, target), None
        same, among = own is z, searched_rows(model, target, rows)
        if len(rows) < len(empty):
            z, own = z[rows], own[rows]
        if context and target in model.positions and len(rows):
            near, around = neighbour_graphs(model.positions[target].take(rows), (N_ALIKE, N_AROUND))
            z, own = smoothed(z, near), own if same else smoothed(own, near)
        return cls(rows, z, z if same else own, among, around)


def _probabilities(cells: _Cells, z_source: Array, known: Labels, k: int) -> tuple[Floats, np.ndarray | None]:
    """Return the probability of every label of the finest level, shape `(n_cells, n_labels)`, and neighbours.

    In a tissue, the labels around a cell are its prior.
    """
    if not len(cells.rows):
        return np.empty((0, len(known.levels[-1].labels))), None
    found, near = _voted(cells, z_source, known, k)
    return found if cells.around is None else in_context(found, cells.around), near


def _everywhere(found: Floats, cells: _Cells, empty: Mask) -> Floats:
    """Return probabilities of all cells of a view: every label of a cell without counts is equally probable."""
    if len(cells.rows) == len(empty):
        return found
    out = np.full((len(empty), found.shape[1]), 1 / found.shape[1])
    out[cells.rows] = found
    return out


def _voted(cells: _Cells, z_source: Array, known: Labels, k: int) -> tuple[Floats, np.ndarray | None]:
    """Return the probability of every label by the votes of source cells and of a cell's neighbours in its own view.

    The neighbours are returned too, where they are searched among a sample: these serve for novelty as well.
    """
    has, n_labels = known.code >= 0, len(known.levels[-1].labels)
    source, code = Neighbours(z_source[has]), known.code[has]
    base = slice(None) if cells.among is None else cells.among
    row, weight = weighted_neighbours(source, cells.z[base], k)
    vote = votes(row, weight, code, n_labels)
    temperature = best_temperature(*returned_votes(source.base, cells.z[base], code, row, weight, vote, k))
    log.info("transfer_labels: %d votes per cell, temperature %.2f.", row.shape[1], temperature)
    n_cells, n_near = len(cells.z), N_OWN if cells.among is None else min(N_SMOOTH, max(len(vote) - 1, 1))
    own, place = Neighbours(cells.own[base]), np.full(n_cells, -1)
    place[base] = np.arange(len(vote))
    out, kept = np.empty((n_cells, n_labels)), None if cells.among is None else np.zeros((n_cells, n_near), np.int32)

    def voted(z: Array) -> Floats:
        """Return the votes of the source cells nearest to some coordinates."""
        return votes(*weighted_neighbours(source, z, k), code, n_labels)

    def fill(start: int) -> None:
        block = slice(start, start + BLOCK)
        if len(vote) == 1:
            p = voted(cells.z[block])
        else:
            distance, near = near_others(own, cells.own[block], n_near, own=place[block])
            around = neighbour_means(near[:, :N_OWN], kernel(distance[:, :N_OWN]), vote)
            if kept is None:
                p = vote[block]
            else:
                kept[block], p = near, around.astype(np.float64)
                unsure = np.flatnonzero(around.max(1) < SURE)
                p[unsure] = voted(cells.z[block][unsure])
            p = (p + around) / 2
        out[block] = tempered(p, temperature)

    starts = range(0, n_cells, BLOCK)
    if len(starts) > 1:
        side_by_side(fill, starts)
    else:
        fill(0)
    return out, kept


def _winners(level: Level, probability: Floats, allowed: np.ndarray, there: Floats) -> tuple[Index, Floats]:
    """Return each cell's most probable label among those allowed (by the coarser levels), and its probability.

    The probability is multiplied by the support of the cell, `there`.
    """
    here = level.summed(probability)
    open_ = level.summed(allowed.astype(float)) > 0
    winner = np.where(open_, here, -1).argmax(1)
    return winner, np.minimum(here[np.arange(len(here)), winner], 1) * there


def _abstained(label: pd.Series, unsure: np.ndarray, abstain_at: float, level: str) -> pd.Series:
    """Return labels with those of unsure cells removed, and log how many."""
    where = f" on level {level}" if level else ""
    log.info(
        "transfer_labels: %d of %d cells%s have a confidence below %g and get no label.",
        unsure.sum(),
        len(unsure),
        where,
        abstain_at,
    )
    return _without(label, unsure)


def _without(label: pd.Series, cells: np.ndarray) -> pd.Series:
    """Return labels with those of some cells removed; whole numbers remain whole."""
    if pd.api.types.is_integer_dtype(label.dtype):
        label = label.astype("Int64")
    return label.mask(cells)
