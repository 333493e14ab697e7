"""Recipes: the preprocessing of one view, fitted once, applied to new cells, and inverted to features.

normalise → select → scale and clip → principal components. What differs between modalities is a `Steps`, a few
settings; the arithmetic is the same. Needs a `View`; feeds links and model.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal, get_args, get_type_hints

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import check_integer, sample, type_error, value_error
from crosstie._log import log
from crosstie._typing import Array, Floats, Index, Mask, Matrix, Modality
from crosstie.data.scaled import Scaled, moments, principal_components
from crosstie.data.values import Values
from crosstie.data.variable_features import variable_features
from crosstie.data.view import View

LARGEST = 1e30  # of a setting that is multiplied with 32 bits


@dataclass(frozen=True)
class Steps:
    """The settings of a recipe.

    Parameters
    ----------
    normalize
        `"library"`: divide by the cell's total, multiply by the median total of the fitted cells, log1p. `"binary"`:
        the same of whether a feature was seen at all. `"clr"`: log1p minus its mean over the cell's features.
        `"arcsinh"`: arcsinh of the number divided by the cofactor. `"none"`: leave the numbers.
    n_top
        Keep this many most variable features; `None` keeps all.
    clip
        Scaled values are cut at this many standard deviations, on both sides; `None` does not cut.
    min_share
        Features that are not 0 in fewer than this share of the cells, or in fewer than five cells, are left out; 0
        keeps them all.
    cofactor
        Of `"arcsinh"`: about the intensity up to which signal is noise.
    """

    normalize: Literal["library", "binary", "clr", "arcsinh", "none"] = "library"
    n_top: int | None = None
    clip: float | None = 10.0
    min_share: float = 0.0
    cofactor: float = 5.0

    def __post_init__(self) -> None:
        words = get_args(get_type_hints(Steps)["normalize"])
        if self.normalize not in words:
            raise value_error("steps: normalize is unknown.", found=repr(self.normalize), expected=f"one of {words}")
        if self.n_top is not None:
            check_integer("steps: n_top", self.n_top, least=1)
        for name, value, low, high in (
            ("clip", 1.0 if self.clip is None else self.clip, 0.0, LARGEST),
            ("min_share", self.min_share, -math.ulp(0), 1.0),
            ("cofactor", self.cofactor, 0.0, LARGEST),
        ):
            if isinstance(value, bool) or not isinstance(value, int | float | np.number):
                raise type_error(f"steps: {name} is no number.", found=repr(value), expected="a number")
            if not low < value <= high:
                raise value_error(
                    f"steps: {name} is out of its range.", found=repr(value), expected=f"above 0, up to {high:g}"
                )


# Library-size log beat CLR for proteins on most data sets in label accuracy; scaling each peak to unit variance beat
# every TF-IDF, whose weights go half as far, and cutting hurts where most values are 0 (docs/decisions.md).
STEPS: dict[Modality, Steps] = {
    "rna": Steps(n_top=3000),
    "protein": Steps(),
    "activity": Steps(n_top=3000),
    "atac": Steps(normalize="binary", clip=None, min_share=0.001),
    "cytometry": Steps(normalize="arcsinh"),
    "none": Steps(normalize="none"),
}
MIN_SEEN = 5
MAX_DEPTH = 0.9  # correlation with the log of a cell's total above which a component of accessibility is its depth
# Mass cytometers count to some 10,000; fluorescence is read in 16 bits and more, with a background of about 100.
FLUORESCENCE, FLUORESCENCE_COFACTOR = 2.0**14, 150.0


@dataclass(frozen=True)
class Recipe:
    """A fitted recipe.

    Parameters
    ----------
    steps
        Its settings.
    values
        What kind of numbers it was fitted on: decides whether normalisation and logarithm are still to be done.
    features
        Names of all input features, in order.
    kept
        Numbers of the features that are used, shape `(n_kept,)`.
    target_sum
        Total to which every cell is brought before the logarithm.
    mean, std
        Of the normalised kept features, shape `(n_kept,)`.
    loadings
        Principal axes, shape `(n_kept, n_components)`.
    variance
        Variance of the fitted cells along each axis, shape `(n_components,)`.
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

    @classmethod
    def fit(
        cls,
        view: View,
        *,
        steps: Steps | None = None,
        keep: Collection[str] = (),
        n_components: int = 120,
        seed: int = 0,
    ) -> Recipe:
        """Fit a recipe to a view.

        Parameters
        ----------
        view
            The data.
        steps
            Settings; `None` takes those of the view's modality.
        keep
            Names of features that stay whatever their variance: the linked ones.
        n_components
            Number of principal components; fewer where there are fewer cells or features.
        seed
            Of the random start of the principal components.

        Raises
        ------
        ValueError
            If fewer than three features vary.
        """
        if steps is None:
            steps = STEPS[view.modality]
        steps = _for_values(steps, view)
        target = _target_sum(_presence(view.loaded, steps, view.values))
        x = normalized(view.loaded, steps, view.values, target)
        mean, std = moments(x)
        chosen = _usable(view, std, steps)
        if steps.n_top is not None and chosen.sum() > steps.n_top:
            variable = variable_features(view.loaded, steps.n_top)
            chosen &= variable | view.features.isin(list(keep))
        kept = np.flatnonzero(chosen)
        scaled = Scaled(_clipped(x[:, kept], mean[kept], std[kept], steps.clip), mean[kept], std[kept])
        n_components = min(n_components, len(kept), view.n_cells - 1)
        loadings, variance = principal_components(scaled, n_components, seed=seed)
        if steps.normalize == "binary":
            ours = _not_depth(scaled @ loadings, view)
            loadings, variance = loadings[:, ours], variance[ours]
        return cls(
            steps,
            view.values,
            view.features,
            kept,
            target,
            mean[kept],
            std[kept],
            loadings,
            np.maximum(variance, 1e-12),
        )

    @property
    def n_components(self) -> int:
        """Number of components."""
        return self.loadings.shape[1]

    @property
    def names(self) -> pd.Index:
        """Names of the features that are used."""
        return self.features[self.kept]

    @property
    def units(self) -> str:
        """What the normalised numbers are, `mean` among them, in words."""
        if self.values == "log":
            return "log units"
        return {"clr": "log ratio", "arcsinh": "arcsinh units", "none": "as given"}.get(
            self.steps.normalize, "log units"
        )

    def log_normalize(self, matrix: Matrix) -> Matrix:
        """Return the used features of a matrix in the fitted units, before scaling, shape `(n_cells, n_kept)`."""
        x = normalized(self._checked(matrix), self.steps, self.values, self.target_sum)
        return x[:, self.kept]

    def scale(self, matrix: Matrix, columns: Index | None = None, *, absent: Mask | None = None) -> Array:
        """Return scaled and clipped features as a dense array, shape `(n_cells, n_kept)`.

        Parameters
        ----------
        matrix
            Cells × all input features.
        columns
            Positions among the used features; `None` returns all of them.
        absent
            As in `scaled`.
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
        """Return the used features of cells, scaled and clipped: `scale`, but as a matrix that is not written out.

        Parameters
        ----------
        matrix
            Cells × all input features.
        absent
            Input features that were not measured, shape `(n_features,)`, zero in the matrix: taken to be at their mean.
        """
        x, mean = _clipped(self.log_normalize(matrix), self.mean, self.std, self.steps.clip), self.mean
        if absent is not None:
            there = ~absent[self.kept]
            mean = mean * there
            x = x @ sp.diags(there.astype(np.float32)) if sp.issparse(x) else x * there.astype(np.float32)
        return Scaled(x, mean, self.std)

    def transform(self, matrix: Matrix, absent: Mask | None = None) -> Array:
        """Return the principal components of cells, shape `(n_cells, n_components)`.

        Parameters
        ----------
        matrix
            Cells × all input features, the same kind of numbers as fitted.
        absent
            As in `scaled`.
        """
        return self.scaled(matrix, absent) @ self.loadings

    def inverse(self, components: Array, *, scaled: bool = False) -> Array:
        """Return the features that components stand for, shape `(n_cells, n_kept)`.

        Parameters
        ----------
        components
            Shape `(n_cells, n_components)`.
        scaled
            Return standard deviations from the mean; otherwise the normalised (log) units of the input.
        """
        x = components @ self.loadings.T
        return x if scaled else (x * self.std + self.mean).astype(np.float32)

    def _checked(self, matrix: Matrix) -> Matrix:
        if matrix.shape[1] != len(self.features):
            raise value_error(
                "recipe: the cells have other features than those it was fitted on.",
                found=f"{matrix.shape[1]:,} features",
                expected=f"{len(self.features):,}: {sample(self.features, 3)}",
            )
        return matrix


def _target_sum(matrix: Matrix) -> float:
    total = _totals(matrix)
    return float(np.median(total[total > 0])) if (total > 0).any() else 1.0


def _for_values(steps: Steps, view: View) -> Steps:
    """Return the steps that the numbers of a view call for."""
    if view.values == "any":
        return replace(steps, normalize="none", n_top=None, min_share=0.0)
    if steps.normalize == "arcsinh" and float(view.loaded.max()) > FLUORESCENCE:
        log.info("%s: intensities as of fluorescence: arcsinh with cofactor %g.", view.name, FLUORESCENCE_COFACTOR)
        return replace(steps, cofactor=FLUORESCENCE_COFACTOR)
    return steps


def _usable(view: View, std: Floats, steps: Steps) -> np.ndarray:
    """Return which features vary and are seen often enough, a mask; what is left out is said."""
    usable: np.ndarray = std > 1e-6
    if not usable.all():
        log.info("%s: %d constant features are left out.", view.name, int((~usable).sum()))
    if steps.min_share > 0:
        seen = view.loaded.getnnz(0) if sp.issparse(view.loaded) else np.count_nonzero(view.loaded, 0)
        rare = usable & (seen < max(MIN_SEEN, steps.min_share * view.n_cells))
        if rare.any():
            log.info("%s: %d features seen in too few cells are left out.", view.name, int(rare.sum()))
        usable &= ~rare
    if usable.sum() < 3:
        raise value_error(
            f"view {view.name!r}: fewer than three features vary"
            + (" and are seen often enough." if steps.min_share > 0 else "."),
            found=f"{int(usable.sum())}",
            do="Look at the matrix: are the cells the rows, and was it not made equal already?",
        )
    return usable


def _not_depth(components: Array, view: View) -> np.ndarray:
    """Return which components are not the number of features seen in a cell, a mask; what is left out is said."""
    depth = np.log(np.maximum(_totals(_presence(view.loaded, STEPS["atac"], view.values)), 1))
    centred = components - components.mean(0)
    scale = np.linalg.norm(centred, axis=0) * np.linalg.norm(depth - depth.mean())
    correlation = np.abs(centred.T @ (depth - depth.mean())) / np.maximum(scale, 1e-12)
    ours: np.ndarray = correlation < MAX_DEPTH
    if not ours.all() and ours.any():
        log.info("%s: %d components follow the depth of the cells and are left out.", view.name, int((~ours).sum()))
        return ours
    return np.ones(len(ours), dtype=bool)


def _totals(matrix: Matrix) -> Floats:
    return np.asarray(matrix.sum(1, dtype=np.float64)).ravel()


def _presence(matrix: Matrix, steps: Steps, values: Values) -> Matrix:
    """Return 1 where a feature was seen, if the steps want it so and the numbers are not on a log scale yet."""
    if steps.normalize != "binary" or values == "log":
        return matrix
    if not sp.issparse(matrix):
        return (matrix > 0).astype(np.float32)
    seen = matrix.copy()
    seen.data = (seen.data > 0).astype(np.float32)
    return seen


def normalized(matrix: Matrix, steps: Steps, values: Values, target_sum: float) -> Matrix:
    """Return the matrix normalised as `steps.normalize` says; values on a log scale are returned unchanged."""
    if steps.normalize == "none" or values == "log":
        return matrix
    if steps.normalize == "arcsinh":
        if sp.issparse(matrix):
            return (matrix / steps.cofactor).arcsinh().astype(np.float32)
        return np.arcsinh(matrix / np.float32(steps.cofactor))
    if steps.normalize == "clr":
        x = np.log1p(matrix.toarray() if sp.issparse(matrix) else matrix)
        return x - x.mean(1, keepdims=True)
    matrix = _presence(matrix, steps, values)
    factor = (target_sum / np.maximum(_totals(matrix), 1.0)).astype(np.float32)
    if sp.issparse(matrix):
        x = sp.csr_matrix(sp.diags(factor) @ matrix)
        x.data = np.log1p(x.data)
        return x
    return np.log1p(matrix * factor[:, None])


def _clipped(x: Matrix, mean: Floats, std: Floats, clip: float | None) -> Matrix:
    """Cut values beyond `clip` standard deviations. A zero of a sparse matrix is never that far below its mean."""
    if clip is None:
        return x
    low, high = (mean - clip * std).astype(np.float32), (mean + clip * std).astype(np.float32)
    if sp.issparse(x):
        x = x.tocsr(copy=True)
        np.clip(x.data, low[x.indices], high[x.indices], out=x.data)
        return x
    return np.clip(x, low, high)
