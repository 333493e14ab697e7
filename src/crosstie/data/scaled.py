"""An implicitly scaled matrix: centring and division are applied inside matrix products.

So a sparse matrix of cells × genes stays sparse while its principal components are computed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from crosstie._threads import n_cores, side_by_side
from crosstie._typing import Array, Floats, Matrix

MANY, LEAST_COLUMNS = 10**7, 32  # products of numbers, and columns of a thread: below, threads do not pay


@dataclass(frozen=True)
class Scaled:
    """The matrix `(matrix - mean) / std`, never formed explicitly.

    Parameters
    ----------
    matrix
        Cells × features, dense or CSR.
    mean, std
        Mean and standard deviation of each feature, shape `(n_features,)`; `std` is above 0.
    """

    matrix: Matrix
    mean: Floats
    std: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """Number of cells and of features."""
        return self.matrix.shape

    def __matmul__(self, right: Floats) -> Array:
        """Return the product with a matrix of shape `(n_features, k)`."""
        right = (right / self.std[:, None]).astype(np.float32)
        return np.asarray(product(self.matrix, right) - self.mean.astype(np.float32) @ right, dtype=np.float32)

    def transposed(self, left: Floats) -> Array:
        """Return the product of the transpose with a matrix of shape `(n_cells, k)`."""
        left = left.astype(np.float32)
        total = np.outer(self.mean, left.sum(0, dtype=np.float64))
        return np.asarray((product(self.matrix.T, left) - total) / self.std[:, None], dtype=np.float32)


def product(matrix: Matrix, dense: Array) -> Array:
    """Return the product of a matrix with a dense one; of a sparse matrix, threads compute some columns each.

    A column is the same whatever the number of threads.
    """
    if not sp.issparse(matrix) or matrix.nnz * dense.shape[1] < MANY:
        return np.asarray(matrix @ dense)
    parts = np.array_split(np.arange(dense.shape[1]), min(n_cores(), -(-dense.shape[1] // LEAST_COLUMNS)))
    return np.hstack(side_by_side(lambda part: matrix @ np.ascontiguousarray(dense[:, part]), parts))


def moments(matrix: Matrix) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of every column, float64, shape `(n_features,)`."""
    if sp.issparse(matrix):
        x = matrix.tocsr()
        n_cells, n_features = x.shape
        mean = column_sums(x) / n_cells
        empty = n_cells - np.bincount(x.indices, minlength=n_features)
        # Centred first: with the mean square minus the squared mean, a constant feature could seem to vary.
        squares = np.bincount(x.indices, (x.data - mean[x.indices]) ** 2, minlength=n_features)
        return mean, np.sqrt((squares + empty * mean**2) / n_cells)
    return matrix.mean(0, dtype=np.float64), matrix.std(0, dtype=np.float64)


def column_sums(matrix: Matrix) -> Floats:
    """Return the sum of every column in float64; SciPy would sum in the precision of the sparse matrix."""
    if sp.issparse(matrix):
        x = matrix.tocsr()
        return np.bincount(x.indices, x.data, minlength=x.shape[1]).astype(np.float64)
    return matrix.sum(0, dtype=np.float64)


def principal_components(x: Scaled, n_components: int, *, seed: int = 0, n_iterations: int = 6) -> tuple[Array, Floats]:
    """Return the leading principal axes of a scaled matrix, by randomised subspace iteration.

    Parameters
    ----------
    x
        Scaled matrix, columns centred.
    n_components
        Number of components; at most `min(x.shape)`.
    seed
        Seed of the random start; the result depends on it only slightly.
    n_iterations
        Number of power iterations.

    Returns
    -------
    loadings
        Orthonormal columns, shape `(n_features, n_components)`; the largest entry of each is positive.
    variance
        Variance of the cells along each axis, in descending order, shape `(n_components,)`.

    References
    ----------
    Halko, Martinsson and Tropp, SIAM Review 53 (2011), algorithm 4.4.
    """
    n_cells, n_features = x.shape
    width = min(n_components + 20, n_cells, n_features)
    basis = np.random.default_rng(seed).standard_normal((n_features, width))
    for _ in range(n_iterations):
        basis = np.linalg.qr(x.transposed(_orthonormal(x @ basis)))[0]
    scores = x @ basis
    values, vectors = np.linalg.eigh(scores.T.astype(np.float64) @ scores / n_cells)
    order = np.argsort(values)[::-1][:n_components]
    loadings = basis @ vectors[:, order]
    sign = np.sign(loadings[np.abs(loadings).argmax(0), np.arange(loadings.shape[1])])
    return (loadings * np.where(sign == 0, 1, sign)).astype(np.float32), np.maximum(values[order], 0)


def _orthonormal(tall: Array) -> Array:
    """Return an orthonormal basis of the columns of a tall matrix, computed from its Gram matrix.

    This is faster than a QR decomposition, and less exact if columns are nearly dependent; the QR decomposition of the
    short side that follows corrects that.

    References
    ----------
    Stathopoulos and Wu, SIAM Journal on Scientific Computing 23 (2002): SVQB.
    """
    wide = tall.astype(np.float64)
    values, vectors = np.linalg.eigh(wide.T @ wide)
    return tall @ (vectors / np.sqrt(np.maximum(values, 1e-12 * max(values[-1], 1e-300)))).astype(np.float32)
