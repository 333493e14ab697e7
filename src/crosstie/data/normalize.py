"""How counts become comparable between cells: size factors, and the logarithm. The first step of a recipe."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from crosstie._typing import Floats, Matrix
from crosstie.data.steps import Steps
from crosstie.data.values import Values


def normalized(
    matrix: Matrix,
    steps: Steps,
    values: Values,
    target_sum: float,
    slope: float = 0.0,
    background: Floats | None = None,
) -> Matrix:
    r"""Return the matrix normalised as `steps.normalize` says; values on a log scale are returned unchanged.

    With a background :math:`b_j` of counts (`"partial"` only; below 0 for features that have none), a value :math:`y`
    becomes :math:`\log(1 + e^y / (1 + b_j))`: flat where counts are background, logarithmic above it.
    """
    if steps.normalize == "none" or values == "log":
        return matrix
    if steps.normalize == "arcsinh":
        if sp.issparse(matrix):
            return (matrix / steps.cofactor).arcsinh().astype(np.float32)
        return np.arcsinh(matrix / np.float32(steps.cofactor))
    if steps.normalize == "clr":
        x = np.log1p(matrix.toarray() if sp.issparse(matrix) else matrix)
        return x - x.mean(1, dtype=np.float64, keepdims=True).astype(np.float32)
    if steps.normalize == "partial":
        # Subtracted after the logarithm: dividing by the same power of the total before it scored worse.
        x = np.log1p(matrix.toarray() if sp.issparse(matrix) else matrix)
        size = slope * (np.log1p(totals(matrix)) - np.log1p(target_sum))
        x -= size[:, None].astype(np.float32)
        if background is not None:
            some = background >= 0
            x[:, some] = np.logaddexp(0, x[:, some] - np.log1p(background[some]).astype(np.float32))
        return x
    matrix = presence(matrix, steps, values)
    factor = (target_sum / np.maximum(totals(matrix), 1.0)).astype(np.float32)
    if sp.issparse(matrix):
        x = sp.csr_matrix(sp.diags(factor) @ matrix)
        x.data = np.log1p(x.data)
        return x
    return np.log1p(matrix * factor[:, None])


def presence(matrix: Matrix, steps: Steps, values: Values) -> Matrix:
    """Return 1 for every count above 0, if the steps are `"binary"` and the values are not on a log scale."""
    if steps.normalize != "binary" or values == "log":
        return matrix
    if not sp.issparse(matrix):
        return (matrix > 0).astype(np.float32)
    seen = matrix.copy()
    seen.data = (seen.data > 0).astype(np.float32)
    return seen


def typical_slope(matrix: Matrix) -> float:
    """Return how closely the typical feature follows the size of a cell, in [0, 1].

    The median over features of the slope of a feature's log1p on the log1p of the total of all *other* features. At 1
    the total is a size factor. At 0 a few features make up the total, and it says nothing about the others.
    """
    total, matrix = totals(matrix), matrix.tocsc() if sp.issparse(matrix) else matrix
    slopes = []
    for j in range(matrix.shape[1]):  # one at a time: never a second matrix of cells × features
        x = matrix[:, [j]].toarray() if sp.issparse(matrix) else matrix[:, [j]]
        x = x.ravel().astype(np.float64)
        others = np.log1p(np.maximum(total - x, 0))
        others -= others.mean()
        if x.std() > 0 and (spread := others @ others) > 1e-12:
            slopes.append(others @ np.log1p(x) / spread)
    return float(np.clip(np.median(slopes), 0, 1)) if slopes else 0.0


def target_sum_of(matrix: Matrix) -> float:
    """Return the median total of the cells that have any counts; 1 if none has."""
    total = totals(matrix)
    return float(np.median(total[total > 0])) if (total > 0).any() else 1.0


def totals(matrix: Matrix) -> Floats:
    """Return the total of each cell, shape `(n_cells,)`."""
    return np.asarray(matrix.sum(1, dtype=np.float64)).ravel()
