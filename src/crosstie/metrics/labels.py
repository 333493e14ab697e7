"""Scores that need cell labels: how well they carry over from one view to another, and how far they stay apart."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crosstie._errors import value_error
from crosstie._typing import Index
from crosstie.metrics._inputs import coordinates, drawn, kept, names
from crosstie.metrics.neighbours import neighbours


def transfer_accuracy(true: Any, predicted: Any, *, exclude: Collection[str] = ()) -> float:
    """Share of cells whose predicted label is the true one.

    Parameters
    ----------
    true, predicted
        Labels, shape `(n_cells,)`.
    exclude
        True labels that mean unknown, such as "unknown": their cells are left out.

    Returns
    -------
    Score in [0, 1]; higher is better.

    Raises
    ------
    ValueError
        If lengths differ, a label is missing, or no cell is left to score.
    """
    true, predicted = _scored(true, predicted, exclude, what="transfer_accuracy")
    return float((true == predicted).mean())


def balanced_accuracy(true: Any, predicted: Any, *, exclude: Collection[str] = ()) -> float:
    """Mean over the true classes of the share of their cells that are predicted right.

    Parameters
    ----------
    true, predicted
        Labels, shape `(n_cells,)`.
    exclude
        True labels whose cells are left out.

    Returns
    -------
    Score in [0, 1]; higher is better; every class weighs the same, however rare.

    Raises
    ------
    ValueError
        If lengths differ, a label is missing, or no cell is left to score.
    """
    true, predicted = _scored(true, predicted, exclude, what="balanced_accuracy")
    return float(pd.Series(true == predicted).groupby(true).mean().mean())


def macro_f1(true: Any, predicted: Any, *, exclude: Collection[str] = ()) -> float:
    """Mean over classes of the harmonic mean of precision and recall.

    A class that is predicted but never true counts with 0.

    Parameters
    ----------
    true, predicted
        Labels, shape `(n_cells,)`.
    exclude
        True labels whose cells are left out.

    Returns
    -------
    Score in [0, 1]; higher is better.

    Raises
    ------
    ValueError
        If lengths differ, a label is missing, or no cell is left to score.
    """
    true, predicted = _scored(true, predicted, exclude, what="macro_f1")
    from sklearn.metrics import f1_score

    return float(f1_score(true, predicted, average="macro", zero_division=0))


def ari(true: Any, predicted: Any, *, exclude: Collection[str] = ()) -> float:
    """Adjusted Rand index of two partitions of the same cells; names of the groups do not matter.

    Parameters
    ----------
    true, predicted
        Labels or clusters, shape `(n_cells,)`.
    exclude
        True labels whose cells are left out.

    Returns
    -------
    1 for equal partitions, 0 on average for random ones, down to -0.5.

    Raises
    ------
    ValueError
        If lengths differ, a label is missing, or no cell is left to score.
    """
    true, predicted = _scored(true, predicted, exclude, what="ari")
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(true, predicted))


def silhouette(
    z: ArrayLike, labels: Any, *, exclude: Collection[str] = (), max_cells: int | None = None, seed: int = 0
) -> float:
    """Mean silhouette width of the labels in the latent space.

    Parameters
    ----------
    z
        Latent coordinates, shape `(n_cells, n_latent)`.
    labels
        Labels, shape `(n_cells,)`.
    exclude
        Labels whose cells are left out.
    max_cells
        Compute on this many cells, drawn at random: time grows with their square.
    seed
        Seed of the draw.

    Returns
    -------
    Score in [-1, 1]; higher means that labels are tighter and further apart.

    Raises
    ------
    ValueError
        If there are fewer than two classes or no more cells than classes, a label is missing, or a value is not finite.
    """
    z = coordinates(z, what="silhouette")
    y = names(labels, what="silhouette", n_cells=len(z))
    rows = np.flatnonzero(kept(y, exclude))
    rows = rows[drawn(len(rows), max_cells, seed)]
    n_classes = len(np.unique(y[rows]))
    if not 2 <= n_classes < len(rows):
        raise value_error(
            "silhouette: needs at least two classes, and more cells than classes.",
            found=f"{n_classes:,} classes in {len(rows):,} cells",
            do="Give labels of several classes, or exclude fewer.",
        )
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(z[rows], y[rows]))


def nearest_labels(z_reference: ArrayLike, labels: Any, z_query: ArrayLike, k: int = 1) -> NDArray[Any]:
    """Label of each query cell: the most frequent among its `k` nearest reference cells.

    Swap the two views for the other direction. Among equally frequent labels the one that holds the nearest cell wins.

    Parameters
    ----------
    z_reference, z_query
        Latent coordinates, shapes `(n_reference, n_latent)` and `(n_queries, n_latent)`.
    labels
        Labels of the reference cells, shape `(n_reference,)`.
    k
        Number of neighbours; 1 copies the label of the nearest cell.

    Returns
    -------
    Labels, shape `(n_queries,)`.

    Raises
    ------
    ValueError
        If the coordinates differ in width or are not finite, there is not one label per reference cell, or `k` is
        below 1.
    """
    z_reference = coordinates(z_reference, what="nearest_labels, reference")
    names(labels, what="nearest_labels", n_cells=len(z_reference))
    z_query = coordinates(z_query, what="nearest_labels, query")
    if z_query.shape[1] != z_reference.shape[1]:
        raise value_error(
            "nearest_labels: reference and query are not of one latent space.",
            found=f"{z_reference.shape[1]} and {z_query.shape[1]} coordinates",
        )
    return vote(np.asarray(labels), neighbours(z_reference, z_query, k).index)


def vote(labels: NDArray[Any], index: Index) -> NDArray[Any]:
    """Most frequent label among each row's neighbours.

    Parameters
    ----------
    labels
        Labels of the reference cells, shape `(n_reference,)`.
    index
        Row numbers of neighbours in the reference, nearest first, shape `(n_queries, k)`.

    Returns
    -------
    Labels, shape `(n_queries,)`.
    """
    codes, classes = pd.factorize(labels)
    near = codes[index]  # (n_queries, k)
    support = sum((near == near[:, [j]]).astype(np.int64) for j in range(near.shape[1]))
    winner = np.argmax(support, axis=1)  # the first of the largest, so the nearest
    return classes[near[np.arange(len(near)), winner]]


def _scored(
    true: Any, predicted: Any, exclude: Collection[str], *, what: str
) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    true = names(true, what=f"{what}, true")
    predicted = names(predicted, what=f"{what}, predicted", n_cells=len(true))
    known = kept(true, exclude)
    if not known.any():
        raise value_error(
            f"{what}: no cell is left to score.",
            found=f"{len(true):,} cells, every label among the excluded {sorted(exclude)}",
            do="Exclude fewer labels.",
        )
    return true[known], predicted[known]
