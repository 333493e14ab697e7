"""Recipes: the preprocessing of one view, fitted once, applied to new cells, and inverted to features.

A recipe normalises, selects, scales and clips features, and computes principal components. Modalities differ only in a
few settings (`Steps`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import sample, value_error
from crosstie._log import log
from crosstie._typing import Array, Floats, Index, Mask, Matrix
from crosstie.data.absent_features import WithoutFeatures
from crosstie.data.dominant_features import dominant_of, set_aside_of
from crosstie.data.normalize import normalized, presence, target_sum_of, totals, typical_slope
from crosstie.data.scaled import Scaled, moments, principal_components
from crosstie.data.signal_share import signal_shares
from crosstie.data.steps import FLUORESCENCE, FLUORESCENCE_COFACTOR, FLUORESCENCE_SHARE, STEPS, Steps
from crosstie.data.values import Values
from crosstie.data.variable_features import variable_features
from crosstie.data.view import View

MIN_SEEN = 5
MIN_SHARE = 0.01  # of signal: a feature of pure noise keeps a tenth of its weight
# The variances of sparse peaks' components hardly fall from the twentieth to the last: six iterations leave them mixed.
ROUNDS = {"binary": 20}
MAX_DEPTH = 0.9  # an ATAC component more correlated than this with the log of the cell's total is sequencing depth


@dataclass(frozen=True)
class Recipe:
    """A fitted recipe.

    Parameters
    ----------
    steps
        Settings of the recipe.
    values
        Kind of numbers that it was fitted on; decides whether normalisation and logarithm are applied.
    features
        Names of all input features, in order.
    kept
        Positions of the features that are used, shape `(n_kept,)`.
    target_sum
        Total to which each cell is normalised before the logarithm.
    mean, std
        Mean and standard deviation of the normalised features that are used, shape `(n_kept,)`.
    loadings
        Principal axes, shape `(n_kept, n_components)`.
    variance
        Variance of the fitted cells along each axis, shape `(n_components,)`.
    slope
        Of `"partial"`: how far the typical feature follows the total, from 0 (not at all) to 1 (in proportion).
    weight
        Factor of each used feature in the components, in (0, 1], shape `(n_kept,)`; `None` stands for 1.
    ignored
        Positions of the features that measure nothing of the cell, such as isotype controls and hashtags, or that
        outweigh all others (`set_aside_of`): neither used nor part of any total.
    background
        Counts of each input feature that are background, -1 where it has none, shape `(n_features,)`; `None` takes
        nothing off.
    """

    steps: Steps
    values: Values
    features: pd.Index
    kept: Index
    target_sum: float
    mean: Floats
    std: Floats
    loadings: Array
    variance: Floats
    slope: float = 0.0
    weight: Floats | None = None
    ignored: Index = field(default_factory=lambda: np.empty(0, np.int64))
    background: Floats | None = None

    def __repr__(self) -> str:
        done = ["as given"] if self.values != "counts" else [f"normalised by {self.steps.normalize}"]
        used = f"{len(self.kept):,} of {len(self.features):,} features, {self.n_components} components"
        return f"Recipe for {self.values}: {', '.join([*done, used])}"

    @classmethod
    def fit(
        cls,
        view: View,
        *,
        steps: Steps | None = None,
        keep: Collection[str] = (),
        ignore: Collection[str] = (),
        n_components: int = 120,
        seed: int = 0,
    ) -> Recipe:
        """Fit a recipe to a view, as `fit_transform` does, and return it alone; parameters and errors are the same."""
        found = cls.fit_transform(view, steps=steps, keep=keep, ignore=ignore, n_components=n_components, seed=seed)
        return found[0]

    @classmethod
    def fit_transform(
        cls,
        view: View,
        *,
        steps: Steps | None = None,
        keep: Collection[str] = (),
        ignore: Collection[str] = (),
        n_components: int = 120,
        seed: int = 0,
    ) -> tuple[Recipe, Array]:
        """Fit a recipe to a view, and return it with the principal components of the cells.

        The components are those of `transform`, except that their last bits do not depend on the order of the features.

        Parameters
        ----------
        view
            The view to fit to, with its matrix in memory.
        steps
            Settings; `None` uses those of the view's modality.
        keep
            Names of features to keep whatever their variance, usually the linked features.
        ignore
            Names of features that measure nothing of the cell, such as isotype controls and hashtags. They enter
            neither components nor totals.
        n_components
            Number of principal components; fewer if there are fewer cells or features.
        seed
            Seed of the random start of the principal components.

        Raises
        ------
        ValueError
            If fewer than three features vary.
        """
        steps = _for_values(STEPS[view.modality] if steps is None else steps, view)
        ignored = _ignored(view, steps, ignore)
        matrix = _without(view.loaded, ignored)
        target = target_sum_of(presence(matrix, steps, view.values))
        slope = typical_slope(matrix) if steps.normalize == "partial" and view.values != "log" else 0.0
        x = normalized(matrix, steps, view.values, target, slope, view.background)
        mean, std = moments(x)
        std[ignored] = 0
        chosen = _usable(view, std, steps, len(ignored))
        if steps.n_top is not None and chosen.sum() > steps.n_top:
            variable = variable_features(matrix, steps.n_top)
            chosen &= variable | view.features.isin(list(keep))
        kept = np.flatnonzero(chosen)
        by = np.lexsort((std, mean))  # by contents: all draws and sums of features follow it
        order, weight = np.argsort(np.argsort(by)[kept]), None
        if steps.weigh_by_signal and view.values == "counts":
            off = None if view.background is None else np.where(view.background < 0, -1, view.background / 2)[by]
            half = partial(normalized, steps=steps, values="counts", target_sum=target / 2, slope=slope, background=off)
            shares = signal_shares(matrix[:, by], half, seed=seed)[np.argsort(by)]
            weight = np.sqrt(np.maximum(shares[kept], MIN_SHARE))
        divisor = std[kept] if weight is None else std[kept] / weight
        scaled = _scaled_columns(x, kept[order], (mean, std), divisor[order], steps.clip)
        n_components, rounds = min(n_components, len(kept), view.n_cells - 1), ROUNDS.get(steps.normalize, 6)
        loadings, variance = principal_components(scaled, n_components, seed=seed, n_iterations=rounds)
        components = scaled @ loadings
        if steps.normalize == "binary":
            ours = _not_depth(components, view)
            loadings, variance, components = loadings[:, ours], variance[ours], components[:, ours]
        loadings = loadings[np.argsort(order)]
        recipe = cls(
            steps,
            view.values,
            view.features,
            kept,
            target,
            mean[kept],
            std[kept],
            loadings,
            np.maximum(variance, 1e-12),
            slope,
            weight,
            ignored,
            view.background,
        )
        return recipe, components

    @property
    def n_components(self) -> int:
        """Number of components."""
        return self.loadings.shape[1]

    @property
    def names(self) -> pd.Index:
        """Names of the features that are used."""
        return self.features[self.kept]

    @property
    def reading(self) -> Array:
        """The map from scaled features to components, shape `(n_kept, n_components)`: the loadings, weighted."""
        return self.loadings if self.weight is None else (self.loadings * self.weight[:, None]).astype(np.float32)

    @property
    def writing(self) -> Array:
        """The map from components back to scaled features, transposed: the loadings without the weights."""
        return self.loadings if self.weight is None else (self.loadings / self.weight[:, None]).astype(np.float32)

    @property
    def units(self) -> str:
        """The units of normalised values, such as `mean`, in words."""
        if self.values == "log":
            return "log units"
        return {"clr": "log ratio", "arcsinh": "arcsinh units", "none": "as given"}.get(
            self.steps.normalize, "log units"
        )

    def log_normalize(self, matrix: Matrix) -> Matrix:
        """Return the used features of a matrix, normalised but not scaled, shape `(n_cells, n_kept)`."""
        matrix = _without(self._checked(matrix), self.ignored)
        return normalized(matrix, self.steps, self.values, self.target_sum, self.slope, self.background)[:, self.kept]

    def scale(self, matrix: Matrix, columns: Index | None = None, *, absent: Mask | None = None) -> Array:
        """Return scaled and clipped features as a dense array, shape `(n_cells, n_kept)`.

        Parameters
        ----------
        matrix
            Cells × all input features.
        columns
            Positions of the wanted features among the used ones; `None` returns all of them.
        absent
            Mask of input features that were not measured, shape `(n_features,)`; they get the value 0, the mean.
        """
        columns = np.arange(len(self.kept)) if columns is None else columns
        x = self.log_normalize(matrix)[:, columns]
        x = x.toarray() if sp.issparse(x) else x
        x = (x - self.mean[columns]) / self.std[columns]
        clip = np.inf if self.steps.clip is None else self.steps.clip
        x = np.clip(x, -clip, clip).astype(np.float32)
        if absent is not None:
            x[:, absent[self.kept][columns]] = 0
        return x

    def scaled(self, matrix: Matrix, absent: Mask | None = None) -> Scaled:
        """Return the used features, scaled, clipped and weighted, as an implicit matrix.

        `scale` returns a dense array, without the weights.

        Parameters
        ----------
        matrix
            Cells × all input features.
        absent
            Mask of input features that were not measured, shape `(n_features,)`, and are zero in the matrix; they get
            their mean. `None` if all were measured.
        """
        x, mean = _clipped(self.log_normalize(matrix), self.mean, self.std, self.steps.clip), self.mean
        if absent is not None:
            there = ~absent[self.kept]
            mean = mean * there
            x = x @ sp.diags(there.astype(np.float32)) if sp.issparse(x) else x * there.astype(np.float32)
        return Scaled(x, mean, self.std if self.weight is None else self.std / self.weight)

    def transform(self, matrix: Matrix, absent: Mask | None = None) -> Array:
        """Return the principal components of cells, shape `(n_cells, n_components)`.

        Parameters
        ----------
        matrix
            Cells × all input features, with the same kind of numbers as the fitted cells.
        absent
            Mask of input features that were not measured; see `crosstie.data.absent_features`.
        """
        x: Array = self.scaled(matrix, absent) @ self.loadings
        return x if absent is None else self.without(absent).completed(x)

    def without(self, absent: Mask) -> WithoutFeatures:
        """Return what is known of the components without some input features, a mask of shape `(n_features,)`."""
        return WithoutFeatures.of(self.loadings, self.variance, self.weight, absent[self.kept])

    def inverse(self, components: Array, *, scaled: bool = False) -> Array:
        """Return the features reconstructed from components, shape `(n_cells, n_kept)`.

        Parameters
        ----------
        components
            Component scores, shape `(n_cells, n_components)`.
        scaled
            Whether to return standard deviations from the mean; otherwise, normalised (log) units.
        """
        x = components @ self.writing.T
        return x if scaled else (x * self.std + self.mean).astype(np.float32)

    def _checked(self, matrix: Matrix) -> Matrix:
        if matrix.shape[1] != len(self.features):
            raise value_error(
                "recipe: the cells have other features than the fitted ones.",
                found=f"{matrix.shape[1]:,} features",
                expected=f"{len(self.features):,}: {sample(self.features, 3)}",
            )
        return matrix


def _ignored(view: View, steps: Steps, names: Collection[str]) -> Index:
    """Return the positions of the features with these names, and of those that outweigh all others, with a warning."""
    ignored = np.flatnonzero(view.features.isin(list(names)))
    found, aside = dominant_of(view, steps, ignored), set_aside_of(view, steps, ignored)
    if len(found):
        so = "would decide the size of every cell: set aside" if len(aside) else "is used as it is"
        log.warning(
            "%s: %s has more than four times the counts of all other features, and %s. Remove it if it is not a "
            "measurement (a QC column, an index); otherwise look at its values.",
            *(view.name, sample(view.features[found], 4), so),
        )
    return np.union1d(ignored, aside)


def _for_values(steps: Steps, view: View) -> Steps:
    """Return the steps adapted to the kind of numbers in a view."""
    if view.values == "any":
        return replace(steps, normalize="none", n_top=None, min_share=0.0)
    if steps.normalize == "arcsinh" and _high(view.loaded) > FLUORESCENCE:
        log.info("%s: intensities look like fluorescence: arcsinh with cofactor %g.", view.name, FLUORESCENCE_COFACTOR)
        return replace(steps, cofactor=FLUORESCENCE_COFACTOR)
    return steps


def _without(matrix: Matrix, ignored: Index) -> Matrix:
    """Return the matrix with the ignored features at zero."""
    if not len(ignored):
        return matrix
    there = np.ones(matrix.shape[1], np.float32)
    there[ignored] = 0
    if sp.issparse(matrix):
        return sp.csr_matrix(matrix @ sp.diags(there))
    return matrix * there


def _high(matrix: Matrix) -> float:
    """Return the intensity that few values exceed; a single event says nothing about the instrument."""
    return float(np.quantile(matrix.data if sp.issparse(matrix) else matrix, FLUORESCENCE_SHARE))


def _usable(view: View, std: Floats, steps: Steps, n_ignored: int) -> np.ndarray:
    """Return a mask of the features that vary and are detected often enough; the log says what is left out."""
    usable: np.ndarray = std > 1e-6
    if usable.sum() + n_ignored < len(usable):
        log.info("%s: %d constant features left out.", view.name, int((~usable).sum()) - n_ignored)
    if steps.min_share > 0:
        seen = view.loaded.getnnz(0) if sp.issparse(view.loaded) else np.count_nonzero(view.loaded, 0)
        rare = usable & (seen < max(MIN_SEEN, steps.min_share * view.n_cells))
        if rare.any():
            log.info("%s: %d features detected in too few cells left out.", view.name, int(rare.sum()))
        usable &= ~rare
    if usable.sum() < 3:
        raise value_error(
            f"view {view.name!r}: fewer than three features vary"
            + (" and are detected often enough." if steps.min_share > 0 else "."),
            found=f"{int(usable.sum())}",
            do="Look at the matrix: are the cells the rows? Are the values different from each other?",
        )
    return usable


def _scaled_columns(
    x: Matrix, columns: Index, moments: tuple[Floats, Floats], divisor: Floats, clip: float | None
) -> Scaled:
    """Return some columns, clipped and divided, stored in the order in which they are given."""
    chosen, (mean, std) = x[:, columns], (m[columns] for m in moments)
    if sp.issparse(chosen):
        chosen.sort_indices()
    return Scaled(_clipped(chosen, mean, std, clip), mean, divisor)


def _not_depth(components: Array, view: View) -> np.ndarray:
    """Return a mask of the components that do not follow sequencing depth; the log says what is left out."""
    depth = np.log(np.maximum(totals(presence(view.loaded, STEPS["atac"], view.values)), 1))
    centred = components - components.mean(0)
    scale = np.linalg.norm(centred, axis=0) * np.linalg.norm(depth - depth.mean())
    correlation = np.abs(centred.T @ (depth - depth.mean())) / np.maximum(scale, 1e-12)
    ours: np.ndarray = correlation < MAX_DEPTH
    if not ours.all() and ours.any():
        log.info("%s: %d components that follow sequencing depth left out.", view.name, int((~ours).sum()))
        return ours
    return np.ones(len(ours), dtype=bool)


def _clipped(x: Matrix, mean: Floats, std: Floats, clip: float | None) -> Matrix:
    """Clip values beyond `clip` standard deviations; a zero of a sparse matrix is never that far below the mean."""
    if clip is None:
        return x
    low, high = (mean - clip * std).astype(np.float32), (mean + clip * std).astype(np.float32)
    if sp.issparse(x):
        x = x.tocsr(copy=True)
        np.clip(x.data, low[x.indices], high[x.indices], out=x.data)
        return x
    return np.clip(x, low, high)
