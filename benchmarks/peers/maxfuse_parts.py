"""What both recipes of MaxFuse need: numbers of components, and rows whose distance is that of correlation."""

import numpy as np


def fewer(wanted, x):
    """Return the number of components of a matrix to use."""
    return min(wanted, x.shape[1] - 1)


def rows_for_correlation(z):
    """Return the first 15 dimensions, rows centred and scaled to 1: Euclidean distances rank like correlations."""
    z = np.asarray(z)[:, :15]
    z = z - z.mean(1, keepdims=True)
    return z / np.linalg.norm(z, axis=1, keepdims=True)
