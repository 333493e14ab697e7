"""Scores that need the truth about pairing: which cells of two views are the same cell."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from crosstie._errors import type_error, value_error
from crosstie._typing import Index
from crosstie.metrics._inputs import Doubles, drawn, kept, names, paired

_BLOCK = 2**23  # distances held at once


def foscttm(x: ArrayLike, y: ArrayLike, *, max_cells: int | None = None, seed: int = 0) -> float:
    """Fraction of samples closer than the true match.

    Row `i` of `x` and row `i` of `y` are one cell seen twice. Counts, for each cell, the share of cells of the other
    side strictly nearer than its partner; averaged over cells and both directions. Ties do not count as nearer, so a
    latent space collapsed to a point scores 0: read it with an accuracy.

    Parameters
    ----------
    x, y
        Latent coordinates, shape `(n_cells, n_latent)`, paired by row.
    max_cells
        Average over this many cells, drawn at random; each is still compared with all cells of the other side.
    seed
        Seed of the draw.

    Returns
    -------
    Score in [0, 1]; lower is better, 0 perfect, 0.5 chance.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.

    References
    ----------
    Liu et al., WABI 2019.
    """
    x, y = paired(x, y, what="foscttm")
    rows = drawn(len(x), max_cells, seed)
    return (_nearer(x, y, rows) + _nearer(y, x, rows)) / 2


def foscttm_one_sided(
    x: ArrayLike,
    y: ArrayLike,
    *,
    metric: Literal["correlation", "euclidean"] = "correlation",
    max_cells: int | None = None,
    seed: int = 0,
) -> float:
    """Fraction of samples closer than the true match, from the cells of `x` to those of `y` only.

    With correlation distance this is the variant that MaxFuse prints. Neither the two directions nor the two distances
    agree, so its figures compare only with figures of the same kind.

    Parameters
    ----------
    x, y
        Latent coordinates, shape `(n_cells, n_latent)`, paired by row.
    metric
        Distance between a cell of `x` and a cell of `y`.
    max_cells
        Average over this many cells of `x`, drawn at random.
    seed
        Seed of the draw.

    Returns
    -------
    Score in [0, 1]; lower is better, 0 perfect, 0.5 chance.

    Raises
    ------
    ValueError
        If the shapes differ, a value is not finite, a cell has no correlation, or the metric is unknown.

    References
    ----------
    Chen et al., Nature Biotechnology 2023 (MaxFuse).
    """
    if metric not in ("correlation", "euclidean"):
        raise value_error("foscttm_one_sided: metric.", found=repr(metric), expected="'correlation' or 'euclidean'")
    x, y = paired(x, y, what="foscttm_one_sided")
    if metric == "correlation":
        x, y = _unit_rows(x, what="x"), _unit_rows(y, what="y")
    return _nearer(x, y, drawn(len(x), max_cells, seed))


def matching_accuracy(
    source: Index, target: Index, true_source: Any, true_target: Any, *, exclude: Collection[str] = ()
) -> float:
    """Share of matched pairs of cells that agree in the truth.

    The truth may be labels (pairs of the same type are right) or hidden cell numbers (only true partners are right).

    Parameters
    ----------
    source, target
        Row numbers of the matched cells in either view, shape `(n_pairs,)`.
    true_source, true_target
        Label or cell number of every cell of the source and of the target view.
    exclude
        Labels that mean unknown: pairs with such a cell on either side are left out.

    Returns
    -------
    Score in [0, 1]; higher is better.

    Raises
    ------
    TypeError
        If the pairs are not whole numbers.
    ValueError
        If source and target differ in length, a row does not exist, a label is missing, or no pair is left to score.
    """
    source, target = np.asarray(source), np.asarray(target)
    if source.ndim != 1 or source.shape != target.shape:
        raise value_error(
            "matching_accuracy: source and target are the two ends of pairs, so they need one length.",
            found=f"source {source.shape}, target {target.shape}",
            expected="two vectors, (n_pairs,)",
        )
    for side, rows in (("source", source), ("target", target)):
        if len(rows) and rows.dtype.kind not in "iu":
            raise type_error(
                f"matching_accuracy: {side} is not of row numbers.", found=f"{rows.dtype}", expected="whole numbers"
            )
    true_source = names(true_source, what="matching_accuracy, true_source")
    true_target = names(true_target, what="matching_accuracy, true_target")
    for side, rows, truth in (("source", source, true_source), ("target", target, true_target)):
        if len(rows) and (rows.min() < 0 or rows.max() >= len(truth)):
            raise value_error(
                f"matching_accuracy: {side} names rows that true_{side} does not have.",
                found=f"rows {rows.min()} to {rows.max()}",
                expected=f"0 to {len(truth) - 1}",
            )
    known = kept(true_source, exclude)[source] & kept(true_target, exclude)[target]
    if not known.any():
        raise value_error(
            "matching_accuracy: no pair is left to score.",
            found=f"{len(source):,} pairs, of which {int((~known).sum()):,} have an excluded label",
        )
    return float((true_source[source] == true_target[target])[known].mean())


def _nearer(x: Doubles, y: Doubles, rows: Index) -> float:
    """Mean share of rows of `y` strictly nearer to `x[i]` than `y[i]`, over `i` in `rows`, in blocks."""
    centre = y.mean(axis=0)
    x, y = x - centre, y - centre
    norm = (y**2).sum(axis=1)
    # The squared norm of x is common to a row, so it is left out of both sides of the comparison. The product and the
    # sum below round differently: a difference within rounding is a tie.
    rounding = 1e-12 * ((x**2).sum(axis=1) + norm.max())
    step = max(1, _BLOCK // len(y))
    total = 0.0
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        distance = x[block] @ y.T
        distance *= -2
        distance += norm
        true = norm[block] - 2 * (x[block] * y[block]).sum(axis=1)
        total += float((distance < (true - rounding[block])[:, None]).mean(axis=1).sum())
    return total / len(rows)


def _unit_rows(z: Doubles, *, what: str) -> Doubles:
    """Centre and normalise rows: squared Euclidean distance is then twice the correlation distance."""
    z = z - z.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(z, axis=1, keepdims=True)
    constant = int((norm == 0).sum())
    if constant:
        raise value_error(
            f"foscttm_one_sided: correlation distance is undefined for {constant:,} of {len(z):,} cells of {what}.",
            found="cells with the same value in every latent coordinate",
            do='Pass metric="euclidean".',
        )
    return z / norm
