"""A scaled matrix that is never written out: centring and division are applied inside matrix products.

What a sparse matrix of cells × genes needs for principal components at any size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from crosstie._typing import Array, Floats, Matrix


@dataclass(frozen=True)
class Scaled:
    """The matrix `(matrix - mean) / std`, implicit.

    Parameters
    ----------
    matrix
        Cells × features, dense or CSR.
    mean, std
        Shape `(n_features,)`; `std` above 0.
    """

    matrix: Matrix
    mean: Floats
    std: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """Cells, features."""
        return self.matrix.shape

    def __matmul__(self, right: Floats) -> Array:
        """Product with a matrix of shape `(n_features, k)`."""
        right = (right / self.std[:, None]).astype(np.float32)
        return np.asarray(self.matrix @ right - self.mean.astype(np.float32) @ right, dtype=np.float32)

    def transposed(self, left: Floats) -> Array:
        """Product of the transpose with a matrix of shape `(n_cells, k)`."""
        left = left.astype(np.float32)
        total = np.outer(self.mean, left.sum(0, dtype=np.float64))
        return np.asarray((self.matrix.T @ left - total) / self.std[:, None], dtype=np.float32)


def moments(matrix: Matrix) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of every column, float64, shape `(n_features,)`."""
    if sp.issparse(matrix):
        x = matrix.tocsr()
        n_cells, n_features = x.shape
        mean = column_sums(x) / n_cells
        empty = n_cells - np.bincount(x.indices, minlength=n_features)
        # Centred first: the mean square minus the squared mean would hide that a feature is constant.
        squares = np.bincount(x.indices, (x.data - mean[x.indices]) ** 2, minlength=n_features)
        return mean, np.sqrt((squares + empty * mean**2) / n_cells)
    return matrix.mean(0, dtype=np.float64), matrix.std(0, dtype=np.float64)


def column_sums(matrix: Matrix) -> Floats:
    """Return the sum of every column, added up in float64; SciPy adds in the precision of the sparse matrix."""
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
        Of the random start; the answer hardly depends on it.
    n_iterations
        Passes of power iteration.

    Returns
    -------
    loadings
        Orthonormal columns, shape `(n_features, n_components)`; the largest entry of each is positive.
    variance
        Variance of the cells along each, in falling order, shape `(n_components,)`.

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
    """Return a basis of the columns of a tall matrix, by way of its Gram matrix: products alone, no Householder.

    Less exact than a QR where columns are nearly dependent; the QR of the short side that follows makes up for that.

    References
    ----------
    Stathopoulos and Wu, SIAM Journal on Scientific Computing 23 (2002): SVQB.
    """
    wide = tall.astype(np.float64)
    values, vectors = np.linalg.eigh(wide.T @ wide)
    return tall @ (vectors / np.sqrt(np.maximum(values, 1e-12 * max(values[-1], 1e-300)))).astype(np.float32)
