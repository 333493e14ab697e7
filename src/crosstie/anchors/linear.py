"""Linear algebra on whole views: unit rows, damped components, ridge regression, and the map back to components."""

from __future__ import annotations

import numpy as np

from crosstie._typing import Array, Floats


def unit_rows(x: Floats) -> Array:
    """Return rows scaled to length 1; rows of zeros stay zero."""
    return (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def damping_factor(components: Array, damping: float) -> Floats:
    """Return the factors that damp components (soft whitening; method.md, eq. 11), shape `(n_components,)`."""
    variance = components.var(0, dtype=np.float64)
    return 1 / np.sqrt(variance + damping * variance.sum() + 1e-12)


def input_scale(components: Array, damping: float) -> Array:
    """Return damping factors, rescaled to give components unit mean square, shape `(n_components,)`."""
    factor = damping_factor(components, damping)
    return (factor / np.sqrt((components.var(0, dtype=np.float64) * factor**2).mean())).astype(np.float32)


def linear_fit(z: Array, x: Array, *, ridge: float = 1e-3) -> tuple[Array, Array]:
    """Return the matrix and offset of the ridge regression of `x` on `z`, shapes `(n_latent, p)` and `(p,)`."""
    z_mean, centred, gram = _ridged(z, ridge)
    x_mean = x.mean(0, dtype=np.float64)
    matrix = np.linalg.solve(gram, centred.T @ (x - x_mean))
    return matrix.astype(np.float32), (x_mean - z_mean @ matrix).astype(np.float32)


def linear_inverse(x: Array, matrix: Array, offset: Array) -> tuple[Array, Array]:
    """Return the linear map from closed-form coordinates back to the inputs, by least squares.

    Parameters
    ----------
    x
        Inputs of the closed-form map, shape `(n_cells, n_inputs)`.
    matrix, offset
        The closed-form map, shapes `(n_inputs, n_latent)` and `(n_latent,)`.

    Returns
    -------
    A matrix `(n_latent, n_inputs)` and an offset `(n_inputs,)`.
    """
    z = x @ matrix + offset
    z_mean, centred, gram = _ridged(z, 1e-6)  # a tiny ridge: coordinates may be constant or copies of each other
    back = np.linalg.solve(gram, centred.astype(x.dtype).T @ x)  # centred: the mean of x drops out
    return back.astype(np.float32), (x.mean(0, dtype=np.float64) - z_mean @ back).astype(np.float32)


def _ridged(z: Array, ridge: float) -> tuple[Floats, Floats, Floats]:
    """Return the mean of `z`, the centred `z`, and its Gram matrix plus a ridge, in float64."""
    mean = z.mean(0, dtype=np.float64)
    centred = z - mean
    gram = centred.T @ centred
    gram[np.diag_indices_from(gram)] += ridge * np.trace(gram) / len(gram) + 1e-12
    return mean, centred, gram
