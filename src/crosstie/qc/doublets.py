"""Doublets: droplets that hold two cells, found by comparing every cell with simulated doublets."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from crosstie._errors import value_error
from crosstie._threads import few_threads
from crosstie._typing import Array, Floats, Index, Labels
from crosstie.anchors.neighbours import nearest
from crosstie.data import Recipe, View
from crosstie.data.steps import STEPS

N_COMPONENTS = 30
N_TOP = 2000
MAX_CELLS = 5_000  # a random part of larger views is enough to estimate a share
MIN_CELLS = 100
KS = (5, 15, 50)
N_FOLDS = 2
TAILS = 0.25, 0.65  # of the simulated doublets, in which the share is read
N_ROUNDS = 2
KEPT = (
    0.6  # of the cells, those that look least like doublets after the first round: of these the second makes doublets
)


@dataclass(frozen=True)
class Doublets:
    """The doublets of one view, as estimated.

    Parameters
    ----------
    share
        Estimated share of doublets among the cells, in [0, 1], if types pair at random; up to .04 where there are none.
    rows
        Row numbers of the cells that were scored: all of them, or a random part of a large view, in ascending order.
    score
        How much each scored cell looks like a simulated doublet, in [0, 1]. Two cells of one type look like one
        large cell, and are hardly found.
    """

    share: float
    rows: Index
    score: Floats

    @property
    def called(self) -> Index:
        """Row numbers of the cells with the highest scores: as many as the estimated share."""
        n = round(self.share * len(self.rows))
        return np.sort(self.rows[np.argsort(-self.score, kind="stable")[:n]])


def find_doublets(view: View, *, max_cells: int = MAX_CELLS, seed: int = 0) -> Doublets:
    """Estimate how many cells of a view are doublets, and score every cell.

    As in scDblFinder, doublets are simulated by adding the counts of two random cells (of one batch), and a gradient
    boosted classifier learns to tell them from the cells: by principal components, by the share of simulated doublets
    among the nearest 5, 15 and 50 neighbours, and by the total and the number of features. Every cell is scored by a
    classifier that has not seen it. A second round makes doublets of single cells only: the 60 % that look least like
    doublets. If it used all that the first did not call, many of its doublets would hold three or four cells wherever
    doublets are frequent, and real ones would not resemble them.

    Parameters
    ----------
    view
        Counts, in memory; RNA tells most, proteins work as well.
    max_cells
        Number of cells that are scored at most: a random part of a larger view.
    seed
        Seed of the simulated doublets and of the folds.

    Returns
    -------
    The estimate.

    Raises
    ------
    ValueError
        If the view does not hold counts, or has fewer than 100 cells.

    References
    ----------
    Germain et al., F1000Research 10, 979 (2022).
    """
    if view.values != "counts":
        raise value_error(f"doublets: view {view.name!r} does not hold counts.", found=view.values, expected="counts")
    if view.n_cells < MIN_CELLS:
        expected = f"at least {MIN_CELLS}"
        raise value_error(
            f"doublets: view {view.name!r} has too few cells.", found=str(view.n_cells), expected=expected
        )
    rng = np.random.default_rng([seed, 11])
    rows = np.sort(rng.permutation(view.n_cells)[:max_cells])
    counts = sp.csr_matrix(view.loaded[rows])
    batch = None if view.batch is None else view.batch.to_numpy()[rows]
    single = np.arange(len(rows))
    with few_threads(len(rows)):
        recipe = _recipe(view, counts, seed)
        for _ in range(N_ROUNDS):
            made = _simulated(counts, single, batch, rng)
            features = _described(recipe, counts, made)
            score = _out_of_fold(features, single, rng, seed)
            real, simulated = score[: len(rows)], score[len(rows) :]
            share = _share(real, simulated)
            single = np.sort(np.argsort(real, kind="stable")[: round(KEPT * len(rows))])
    return Doublets(share, rows, real)


def _simulated(counts: sp.csr_matrix, single: Index, batch: Labels | None, rng: np.random.Generator) -> sp.csr_matrix:
    """Return the sums of random pairs of the given cells, each pair of one batch; as many as there are cells."""
    code = np.zeros(len(single), np.int64) if batch is None else np.unique(batch[single], return_inverse=True)[1]
    order, size = single[np.argsort(code, kind="stable")], np.bincount(code)
    start = np.cumsum(size) - size
    first = rng.integers(0, len(single), counts.shape[0])
    of = code[first]
    second = order[start[of] + (rng.random(len(first)) * size[of]).astype(np.int64)]
    return sp.csr_matrix(counts[single[first]] + counts[second])


def _recipe(view: View, counts: sp.csr_matrix, seed: int) -> Recipe:
    """Return the recipe of a part of a view's cells, by which cells and simulated doublets are compared."""
    part = replace(view, matrix=counts, cells=view.cells[: counts.shape[0]], batch=None)
    steps = replace(STEPS[view.modality], n_top=N_TOP if view.modality == "rna" else None)
    return Recipe.fit(part, steps=steps, n_components=N_COMPONENTS, seed=seed)


def _described(recipe: Recipe, counts: sp.csr_matrix, made: sp.csr_matrix) -> Floats:
    """Return the features of cells and simulated doublets that the classifier reads."""
    both = sp.vstack([counts, made], "csr")
    x = recipe.transform(both)
    n, total = counts.shape[0], np.asarray(both.sum(1)).ravel()
    near = _neighbour_shares(x, n)
    return np.column_stack([x, *near, np.log1p(total), np.log1p(both.getnnz(1))])


def _neighbour_shares(x: Array, n_real: int) -> list[Floats]:
    """Return the share of simulated doublets among the nearest 5, 15 and 50 others, and the distance to the fifth."""
    distance, row = nearest(x, x, max(KS) + 1)
    made = (row[:, 1:] >= n_real).astype(np.float32)
    return [*(made[:, :k].mean(1) for k in KS), np.sqrt(np.maximum(distance[:, KS[0]], 0))]


def _out_of_fold(features: Floats, single: Index, rng: np.random.Generator, seed: int) -> Floats:
    """Return how much each row looks simulated, by classifiers that were fitted without it, on `single` cells only."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    n_real = len(features) // 2
    is_made = np.arange(len(features)) >= n_real
    known = is_made.copy()
    known[single] = True
    fold = rng.permutation(len(features)) % N_FOLDS
    score = np.empty(len(features))
    for part in range(N_FOLDS):
        learner = HistGradientBoostingClassifier(
            max_iter=30,
            max_leaf_nodes=8,
            learning_rate=0.2,
            min_samples_leaf=20,
            early_stopping=False,
            random_state=seed,
        )
        learner.fit(features[known & (fold != part)], is_made[known & (fold != part)])
        score[fold == part] = learner.predict_proba(features[fold == part])[:, 1]
    return score


def _share(real: Floats, simulated: Floats) -> float:
    """Return the share of doublets among the cells: the ratio of their tail to that of the simulated doublets.

    Real doublets have the same scores as simulated ones, so that above a score that hardly any single cell reaches,
    the ratio is their share. Single cells above it only raise the ratio: the smallest is taken, within the middle of
    the simulated doublets, where both tails hold many cells.
    """
    tails = np.linspace(*TAILS, 9)
    threshold = np.quantile(simulated, 1 - tails)
    above = np.array([(real > t).mean() for t in threshold])
    return float(np.clip((above / tails).min(), 0, 1))
