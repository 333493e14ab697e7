"""Recipes: the preprocessing of one view, fitted once, applied to new cells, and inverted to features.

A recipe normalises, selects, scales and clips features, and computes principal components. Modalities differ only in a
few settings (`Steps`).
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

LARGEST = 1e30  # largest setting that is multiplied in 32 bits


@dataclass(frozen=True)
class Steps:
    """The settings of a recipe.

    Parameters
    ----------
    normalize
        `"library"`: divide by the cell's total, multiply by the median total of the fitted cells, log1p. `"binary"`:
        the same after setting all counts above 0 to 1. `"clr"`: log1p minus its mean over the cell's features.
        `"arcsinh"`: divide by the cofactor, arcsinh. `"none"`: no normalisation.
    n_top
        Number of most variable features to keep; `None` keeps all.
    clip
        Scaled values are clipped at plus and minus this many standard deviations; `None` does not clip.
    min_share
        Features detected in less than this share of the cells, in [0, 1], or in fewer than five cells, are left out; 0
        keeps all features.
    cofactor
        Divisor before `"arcsinh"`, above 0: roughly the intensity below which signal is noise.
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
                raise type_error(f"steps: {name} is not a number.", found=repr(value), expected="a number")
            if not low < value <= high:
                raise value_error(
                    f"steps: {name} is out of its range.", found=repr(value), expected=f"above 0, up to {high:g}"
                )


# For proteins, log-normalisation by library size had better label accuracy than CLR on most data sets. For peaks,
# scaling to unit variance was better than every TF-IDF, and clipping hurts where most values are 0 (docs/decisions.md).
STEPS: dict[Modality, Steps] = {
    "rna": Steps(n_top=3000),
    "protein": Steps(),
    "activity": Steps(n_top=3000),
    "atac": Steps(normalize="binary", clip=None, min_share=0.001),
    "cytometry": Steps(normalize="arcsinh"),
    "none": Steps(normalize="none"),
}
MIN_SEEN = 5
MAX_DEPTH = 0.9  # an ATAC component more correlated than this with the log of the cell's total is sequencing depth
# Mass cytometry counts go up to about 10,000; fluorescence has 16 bits or more, and a background of about 100.
FLUORESCENCE, FLUORESCENCE_COFACTOR = 2.0**14, 150.0


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
            The view to fit to, with its matrix in memory.
        steps
            Settings; `None` uses those of the view's modality.
        keep
            Names of features to keep whatever their variance, usually the linked features.
        n_components
            Number of principal components; fewer if there are fewer cells or features.
        seed
            Seed of the random start of the principal components.

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
        """The units of normalised values, such as `mean`, in words."""
        if self.values == "log":
            return "log units"
        return {"clr": "log ratio", "arcsinh": "arcsinh units", "none": "as given"}.get(
            self.steps.normalize, "log units"
        )

    def log_normalize(self, matrix: Matrix) -> Matrix:
        """Return the used features of a matrix, normalised but not scaled, shape `(n_cells, n_kept)`."""
        x = normalized(self._checked(matrix), self.steps, self.values, self.target_sum)
        return x[:, self.kept]

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
        """Return the used features, scaled and clipped, as an implicit matrix (`scale` returns a dense array).

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
        return Scaled(x, mean, self.std)

    def transform(self, matrix: Matrix, absent: Mask | None = None) -> Array:
        """Return the principal components of cells, shape `(n_cells, n_components)`.

        Parameters
        ----------
        matrix
            Cells × all input features, with the same kind of numbers as the fitted cells.
        absent
            Mask of input features that were not measured, as in `scaled`.
        """
        return self.scaled(matrix, absent) @ self.loadings

    def inverse(self, components: Array, *, scaled: bool = False) -> Array:
        """Return the features reconstructed from components, shape `(n_cells, n_kept)`.

        Parameters
        ----------
        components
            Component scores, shape `(n_cells, n_components)`.
        scaled
            Whether to return standard deviations from the mean; otherwise, normalised (log) units.
        """
        x = components @ self.loadings.T
        return x if scaled else (x * self.std + self.mean).astype(np.float32)

    def _checked(self, matrix: Matrix) -> Matrix:
        if matrix.shape[1] != len(self.features):
            raise value_error(
                "recipe: the cells have other features than the fitted ones.",
                found=f"{matrix.shape[1]:,} features",
                expected=f"{len(self.features):,}: {sample(self.features, 3)}",
            )
        return matrix


def _target_sum(matrix: Matrix) -> float:
    total = _totals(matrix)
    return float(np.median(total[total > 0])) if (total > 0).any() else 1.0


def _for_values(steps: Steps, view: View) -> Steps:
    """Return the steps adapted to the kind of numbers in a view."""
    if view.values == "any":
        return replace(steps, normalize="none", n_top=None, min_share=0.0)
    if steps.normalize == "arcsinh" and float(view.loaded.max()) > FLUORESCENCE:
        log.info("%s: intensities look like fluorescence: arcsinh with cofactor %g.", view.name, FLUORESCENCE_COFACTOR)
        return replace(steps, cofactor=FLUORESCENCE_COFACTOR)
    return steps


def _usable(view: View, std: Floats, steps: Steps) -> np.ndarray:
    """Return a mask of the features that vary and are detected often enough; the log says what is left out."""
    usable: np.ndarray = std > 1e-6
    if not usable.all():
        log.info("%s: %d constant features left out.", view.name, int((~usable).sum()))
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


def _not_depth(components: Array, view: View) -> np.ndarray:
    """Return a mask of the components that do not follow sequencing depth; the log says what is left out."""
    depth = np.log(np.maximum(_totals(_presence(view.loaded, STEPS["atac"], view.values)), 1))
    centred = components - components.mean(0)
    scale = np.linalg.norm(centred, axis=0) * np.linalg.norm(depth - depth.mean())
    correlation = np.abs(centred.T @ (depth - depth.mean())) / np.maximum(scale, 1e-12)
    ours: np.ndarray = correlation < MAX_DEPTH
    if not ours.all() and ours.any():
        log.info("%s: %d components that follow sequencing depth left out.", view.name, int((~ours).sum()))
        return ours
    return np.ones(len(ours), dtype=bool)


def _totals(matrix: Matrix) -> Floats:
    return np.asarray(matrix.sum(1, dtype=np.float64)).ravel()


def _presence(matrix: Matrix, steps: Steps, values: Values) -> Matrix:
    """Return 1 for every count above 0, if the steps are `"binary"` and the values are not on a log scale."""
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
    """Clip values beyond `clip` standard deviations; a zero of a sparse matrix is never that far below the mean."""
    if clip is None:
        return x
    low, high = (mean - clip * std).astype(np.float32), (mean + clip * std).astype(np.float32)
    if sp.issparse(x):
        x = x.tocsr(copy=True)
        np.clip(x.data, low[x.indices], high[x.indices], out=x.data)
        return x
    return np.clip(x, low, high)
