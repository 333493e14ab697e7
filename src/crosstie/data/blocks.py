"""The preprocessing of scMODAL: a view's linked features in blocks of their own, normalised apart from the others.

Only `Config.scmodal()` uses it; every other setting reads the view's `Recipe`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from crosstie._typing import Array, Floats, Index, Mask, Matrix
from crosstie.data.normalize import target_sum_of, totals
from crosstie.data.recipe import Recipe
from crosstie.data.scaled import moments
from crosstie.data.values import Values
from crosstie.data.variable_features import variable_features
from crosstie.data.view import View

LEAST_TOTAL = 20.0  # of linked features, to which cells are normalised at least
CLIP = 10.0
OTHERS = -1


@dataclass(frozen=True)
class Blocks:
    """Features of one view in blocks: those linked on each of its edges, then the others; scaled and clipped.

    Parameters
    ----------
    columns
        Position of each column among all input features, shape `(n_columns,)`; a feature that is linked twice is two
        columns.
    block
        Number of the block of each column, shape `(n_columns,)`; -1 stands for the features without a link.
    target_sum
        Total to which each column's block is normalised before the logarithm, shape `(n_columns,)`; 0 where values are
        taken as the view's recipe normalises them.
    mean, std
        Mean and standard deviation of each column, shape `(n_columns,)`.

    References
    ----------
    Wang et al., Nature Communications 16, 4994 (2025): the tutorials of its code.
    """

    columns: Index
    block: Index
    target_sum: Floats
    mean: Floats
    std: Floats

    @classmethod
    def fit(cls, view: View, recipe: Recipe, linked: Sequence[tuple[Index, float]], *, others: bool = True) -> Blocks:
        """Fit to a view.

        Parameters
        ----------
        view, recipe
            The view, with its matrix in memory, and its recipe.
        linked
            For each block, the positions of its linked features and the total to which they are normalised.
        others
            Whether there is a block of the other features: the most variable, as many as the recipe's steps keep.
        """
        apart = normalizes_apart(recipe)
        columns = [np.asarray(features, np.int64) for features, _ in linked]
        block = [np.full(len(features), i) for i, (features, _) in enumerate(linked)]
        target = [np.full(len(features), total if apart else 0.0) for features, total in linked]
        if others:
            rest = _others(view, recipe, np.concatenate([*columns, np.empty(0, np.int64)]))
            columns.append(rest)
            block.append(np.full(len(rest), OTHERS))
            target.append(np.full(len(rest), target_sum_of(view.loaded[:, rest]) if apart and len(rest) else 0.0))
        found = np.concatenate(columns)
        raw = cls(found, np.concatenate(block), np.concatenate(target), np.zeros(len(found)), np.ones(len(found)))
        mean, std = moments(raw._normalized(recipe, view.loaded, np.arange(len(found))))
        std *= np.sqrt(view.n_cells / max(view.n_cells - 1, 1))
        return cls(raw.columns, raw.block, raw.target_sum, mean, np.where(std > 1e-6, std, 1.0))

    def scale(self, recipe: Recipe, matrix: Matrix, *, block: int | None = None, absent: Mask | None = None) -> Array:
        """Return scaled and clipped columns, shape `(n_cells, n_columns)`.

        Parameters
        ----------
        recipe
            The view's recipe.
        matrix
            Cells × all input features.
        block
            Return the columns of this block alone; `None` returns all.
        absent
            Mask of input features that were not measured, shape `(n_features,)`; they get the value 0, the mean.
        """
        chosen = np.arange(len(self.columns)) if block is None else np.flatnonzero(self.block == block)
        x = self._normalized(recipe, matrix, chosen)
        x -= self.mean[chosen].astype(np.float32)
        x /= self.std[chosen].astype(np.float32)
        np.clip(x, -CLIP, CLIP, out=x)
        if absent is not None:
            x[:, absent[self.columns[chosen]]] = 0
        return x

    def _normalized(self, recipe: Recipe, matrix: Matrix, chosen: Index) -> Array:
        out = np.empty((matrix.shape[0], len(chosen)), np.float32)
        for block in np.unique(self.block[chosen]):
            here = np.flatnonzero(self.block[chosen] == block)
            features, target = self.columns[chosen[here]], self.target_sum[chosen[here[0]]]
            if target == 0:
                part = recipe.log_normalize(matrix)[:, np.searchsorted(recipe.kept, features)]
                out[:, here] = part.toarray() if sp.issparse(part) else part
                continue
            part = matrix[:, features]
            total = totals(part)
            x = (part.toarray() if sp.issparse(part) else part).astype(np.float32)
            out[:, here] = np.log1p(x * (target / np.where(total > 0, total, 1.0)).astype(np.float32)[:, None])
        return out


def normalizes_apart(recipe: Recipe) -> bool:
    """Return whether blocks are divided by totals of their own: of counts of molecules, and of nothing else."""
    values: tuple[Values, ...] = ("counts", "normalized")
    return recipe.values in values and recipe.steps.normalize in ("library", "partial")


def linked_total(matrix: Matrix, features: Index) -> float:
    """Return the total to which linked features are normalised: the median of these, at least 20."""
    return max(float(np.median(totals(matrix[:, features]))), LEAST_TOTAL)


def _others(view: View, recipe: Recipe, linked: Index) -> Index:
    """Return the positions of the features without a link."""
    if not normalizes_apart(recipe):
        return np.setdiff1d(recipe.kept, linked)
    rest = np.setdiff1d(np.arange(len(view.features)), np.union1d(linked, recipe.ignored))
    rest = rest[moments(view.loaded[:, rest])[1] > 1e-6]
    if recipe.steps.n_top is not None and len(rest) > recipe.steps.n_top:
        rest = rest[variable_features(view.loaded[:, rest], recipe.steps.n_top)]
    return rest
