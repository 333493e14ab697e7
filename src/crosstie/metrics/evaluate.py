"""All scores of one latent space in one tidy table, over every ordered pair of views."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crosstie._errors import sample, unknown_name, value_error
from crosstie._log import log
from crosstie._typing import Index
from crosstie.metrics._inputs import Doubles, at_least_one, drawn, kept, names, views
from crosstie.metrics.labels import (
    ari,
    balanced_accuracy,
    macro_f1,
    silhouette,
    transfer_accuracy,
    vote,
)
from crosstie.metrics.mixing import expected_share, share_of_others
from crosstie.metrics.neighbours import Neighbours, neighbours
from crosstie.metrics.pairs import foscttm_one_sided, matching_accuracy

EVERY = "all"  # source and target of a score of the whole latent space
_K_MIXING = 20

Row = tuple[str, str, str, float]
Near = dict[tuple[str, str], Neighbours]


def evaluate(
    latents: Mapping[str, ArrayLike],
    labels: Mapping[str, Any] | None = None,
    *,
    pairs: Mapping[str, Any] | None = None,
    exclude: Collection[str] | None = None,
    k: int = 15,
    max_cells: int | None = 4000,
    max_queries: int | None = 20_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Score latent coordinates with everything that the given truth allows.

    ===================== ================== ===========================================================================
    metric                needs              of `source` and `target`
    ===================== ================== ===========================================================================
    mixing                –                  share of the 20 nearest of a source cell, in both views, that are target's
    alignment             –                  all views: mixing relative to perfect mixing (one row, "all" to "all")
    accuracy              labels             target cells that get their label from the nearest source cell
    balanced_accuracy     labels             the same, every class weighing the same
    macro_f1              labels             the same, mean F1 over classes
    ari                   labels             adjusted Rand index of these transferred labels and the true ones
    knn_accuracy          labels             target cells that get their label from the vote of `k` source cells
    silhouette            labels             all views: silhouette width of the labels (one row, "all" to "all")
    foscttm               pairs              share of target cells nearer to a source cell than its partner (0 is best)
    matching_accuracy     pairs              source cells whose nearest target cell is their partner
    ===================== ================== ===========================================================================

    The mean of `foscttm` over both directions is the symmetric score of :func:`foscttm`. A target class that the source
    view lacks cannot be transferred and counts as wrong.

    Parameters
    ----------
    latents
        Latent coordinates of two or more views, shape `(n_cells, n_latent)` each.
    labels
        Cell labels of views, shape `(n_cells,)` each; views without labels are left out of the label scores.
    pairs
        Identity of each cell of a view, shape `(n_cells,)` each: equal values in two views are the same cell. A value
        that the other view lacks, or a negative number, is a cell without partner; pairing scores leave it out.
    exclude
        Labels that mean unknown; their cells neither give nor get labels. `None` takes the usual words, such as
        `unknown`, `Unassigned` or `NA`.
    k
        Number of neighbours of `knn_accuracy`.
    max_cells
        Cells drawn for `foscttm` and `silhouette`, whose time is quadratic.
    max_queries
        Cells of a view drawn for all other scores; each is searched among all cells of a view.
    seed
        Seed of the draws.

    Returns
    -------
    Table with columns `metric`, `source`, `target`, `value`.

    Raises
    ------
    ValueError
        If a shape is wrong, a value is not finite, a label is missing, or a cell identity occurs twice in a view.
    """
    z = views(latents, what="evaluate")
    truth = _by_view(labels, z, what="evaluate, labels")
    cells = _identities(pairs, z)
    queries = {view: drawn(len(x), max_queries, seed) for view, x in z.items()}
    width = max(at_least_one(k, what="evaluate"), _K_MIXING)
    near = {
        (query, view): neighbours(
            z[view], z[query][queries[query]], width, own=queries[query] if query == view else None
        )
        for query in z
        for view in z
    }
    rows = [
        *_mixing_rows(near, {view: len(x) for view, x in z.items()}),
        *_label_rows(z, near, queries, truth, exclude=exclude, k=k, max_cells=max_cells, seed=seed),
        *_pairing_rows(z, near, queries, cells, max_cells=max_cells, seed=seed),
    ]
    return pd.DataFrame(rows, columns=["metric", "source", "target", "value"])


def _mixing_rows(near: Near, sizes: Mapping[str, int]) -> Iterator[Row]:
    for source, target in permutations(sizes, 2):
        share = share_of_others(near[source, source], [near[source, target]], k=_K_MIXING)
        yield "mixing", source, target, float(share.mean())
    relative, weight = [], []
    for (source, n_cells), expected in zip(sizes.items(), expected_share(list(sizes.values())), strict=True):
        others = [near[source, target] for target in sizes if target != source]
        relative.append(share_of_others(near[source, source], others, k=_K_MIXING).mean() / expected)
        weight.append(n_cells)  # not the number of queries: a draw must not change what is estimated
    yield "alignment", EVERY, EVERY, float(np.average(relative, weights=weight))


def _label_rows(
    z: Mapping[str, Doubles],
    near: Near,
    queries: Mapping[str, Index],
    truth: Mapping[str, NDArray[np.str_]],
    *,
    exclude: Collection[str] | None,
    k: int,
    max_cells: int | None,
    seed: int,
) -> Iterator[Row]:
    known = {view: kept(y, exclude) for view, y in truth.items()}
    for view, keep in known.items():
        if not keep.all():
            log.info("evaluate: %s: %d of %d cells have an excluded label", view, (~keep).sum(), len(keep))
    scored = [view for view, keep in known.items() if keep[queries[view]].any()]
    for source, target in permutations(scored, 2):
        asked = known[target][queries[target]]
        if known[source].all():
            index = near[target, source].index[asked]
        else:
            index = neighbours(z[source][known[source]], z[target][queries[target][asked]], k).index
        given = truth[source][known[source]]
        true, predicted = truth[target][queries[target][asked]], vote(given, index[:, :1])
        for score in (transfer_accuracy, balanced_accuracy, macro_f1, ari):
            name = "accuracy" if score is transfer_accuracy else score.__name__
            yield name, source, target, score(true, predicted)
        yield "knn_accuracy", source, target, transfer_accuracy(true, vote(given, index[:, :k]))
    if not scored:
        return
    joint = np.vstack([z[view][known[view]] for view in scored])
    y = np.concatenate([truth[view][known[view]] for view in scored])
    drawn_classes = np.unique(y[drawn(len(y), max_cells, seed)])
    if 2 <= len(drawn_classes) < min(len(y), max_cells or len(y)):
        yield "silhouette", EVERY, EVERY, silhouette(joint, y, max_cells=max_cells, seed=seed)


def _pairing_rows(
    z: Mapping[str, Doubles],
    near: Near,
    queries: Mapping[str, Index],
    cells: Mapping[str, NDArray[Any]],
    *,
    max_cells: int | None,
    seed: int,
) -> Iterator[Row]:
    for source, target in permutations(cells, 2):
        shared, at_source, at_target = np.intersect1d(cells[source], cells[target], return_indices=True)
        real = _has_partner(shared)
        at_source, at_target = at_source[real], at_target[real]
        if not len(at_source):
            log.info("evaluate: %s and %s share no cell: no pairing scores", source, target)
            continue
        x, y = z[source][at_source], z[target][at_target]
        yield (
            "foscttm",
            source,
            target,
            foscttm_one_sided(x, y, metric="euclidean", max_cells=max_cells, seed=seed),
        )
        asked = np.isin(queries[source], at_source)
        if asked.any():
            nearest = near[source, target].index[asked, 0]
            hit = matching_accuracy(queries[source][asked], nearest, cells[source], cells[target])
            yield "matching_accuracy", source, target, hit


def _by_view(values: Mapping[str, Any] | None, z: Mapping[str, Doubles], *, what: str) -> dict[str, NDArray[np.str_]]:
    for view in values or {}:
        if view not in z:
            raise unknown_name(what, view, z)
    return {
        view: names(values[view], what=f"{what} of {view!r}", n_cells=len(x))
        for view, x in z.items()
        if values is not None and view in values
    }


def _identities(pairs: Mapping[str, Any] | None, z: Mapping[str, Doubles]) -> dict[str, NDArray[Any]]:
    """Check cell identities; numbers stay numbers, so that cells are drawn in their order."""
    _by_view(pairs, z, what="evaluate, pairs")
    cells = {view: np.asarray(pairs[view]) for view in z if pairs is not None and view in pairs}
    cells = {view: cell.astype(np.int64) if cell.dtype.kind in "iuf" else cell for view, cell in cells.items()}
    for view, cell in cells.items():
        values, count = np.unique(cell[_has_partner(cell)], return_counts=True)
        if (count > 1).any():
            raise value_error(
                f"evaluate, pairs of {view!r}: {int((count > 1).sum()):,} cell identities occur more than once.",
                found=sample(values[count > 1]),
                expected="one row per cell in each view",
            )
    return cells


def _has_partner(cell: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell negative numbers, which mark cells without a partner, from identities."""
    return cell >= 0 if cell.dtype.kind == "i" else np.ones(len(cell), dtype=bool)
