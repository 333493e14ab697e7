"""Turns links into linear maps from the components of two views to comparable columns.

The counts of a single gene are noisy; its value reconstructed from the components is more reliable. Whitening keeps a
few correlated markers from dominating all distances.
"""

from __future__ import annotations

import numpy as np

from crosstie._typing import Array, Floats

MAX_COLUMNS = 128


def link_maps(
    source: Floats, target: Floats, source_covariance: Floats, target_covariance: Floats, *, shrinkage: float
) -> tuple[Array, Array]:
    """Return maps from the components of two views to whitened linked columns.

    Parameters
    ----------
    source, target
        Maps from components to linked columns, shapes `(n_components, n_columns)`.
    source_covariance, target_covariance
        Covariance of each side's components, shape `(n_components, n_components)`.
    shrinkage
        Shrinkage of the correlations between columns before whitening, in [0, 1]; 1 only scales the columns.

    Returns
    -------
    Two maps of shape `(n_components, k)`, where `k` is the number of columns; more than `MAX_COLUMNS` columns are first
    reduced to the leading directions that both sides share.

    References
    ----------
    Kessy, Lewin and Strimmer, The American Statistician 72 (2018): ZCA-cor whitening.
    """
    if source.shape[1] == 0:
        return source.astype(np.float32), target.astype(np.float32)
    source, target = _standardised(source, source_covariance), _standardised(target, target_covariance)
    if source.shape[1] > MAX_COLUMNS:
        roots = [matrix_root(c) @ a for a, c in ((source, source_covariance), (target, target_covariance))]
        basis = np.linalg.svd(np.vstack(roots), full_matrices=False)[2][:MAX_COLUMNS].T
        source, target = source @ basis, target @ basis
    return _whitened(source, source_covariance, shrinkage), _whitened(target, target_covariance, shrinkage)


def _standardised(a: Floats, covariance: Floats) -> Floats:
    variance = np.einsum("ij,ik,kj->j", a, covariance, a, optimize=True)
    return a / np.sqrt(np.where(variance > 1e-12, variance, np.inf))


def matrix_root(covariance: Floats) -> Floats:
    """Return the symmetric square root of a covariance matrix."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def _whitened(a: Floats, covariance: Floats, shrinkage: float) -> Array:
    within = a.T @ covariance @ a
    target = np.diag(np.maximum(np.diag(within), 1e-12))
    values, vectors = np.linalg.eigh((1 - shrinkage) * within + shrinkage * target)
    return (a @ (vectors / np.sqrt(np.maximum(values, 1e-6 * values[-1])) @ vectors.T)).astype(np.float32)
