"""What everything carried between views rests on: a cell's nearest cells in another view, and how much each counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from crosstie._errors import check_integer, type_error, value_error
from crosstie._typing import Array, Floats, Index, Matrix
from crosstie.anchors.neighbours import nearest

if TYPE_CHECKING:
    from crosstie.model.model import Model

BLOCK = 4096  # cells worked on at a time


def coordinates(model: Model, source: str, target: str, k: int, *, what: str) -> tuple[Array, Array]:
    """Return the coordinates of two different views of a fitted model, and check the number of neighbours."""
    if not hasattr(model, "embed"):
        raise type_error(f"{what}: not a Model.", found=type(model).__name__, expected="a Model: xt.integrate(data)")
    z_source, z_target = model.embed(source), model.embed(target)
    if source == target:
        raise value_error(f"{what}: source and target are one view.", found=repr(source), expected="two views")
    check_integer(f"{what}: the number of neighbours", k, least=1, name="k")
    return z_source, z_target


def own_coordinates(model: Model, view: str) -> Array:
    """Return coordinates in which a cell's neighbours in its own view are found, shape `(n_cells, n_latent)`.

    Those of the closed form before cells are pulled towards other views: what the view itself says. Where networks were
    trained, or more cells placed than fitted on, the coordinates as they are.
    """
    if model.networks is not None or model.closed_form is None or view in model.core_rows:
        return model.embed(view)
    return model.closed_form.reference[view]


def weighted_neighbours(base: Floats, query: Floats, k: int, *, own: Index | None = None) -> tuple[Index, Array]:
    r"""Return the nearest rows of `base` and how much each counts, by a kernel as wide as the neighbourhood.

    Parameters
    ----------
    base, query
        Coordinates, shapes `(n_base, d)` and `(n_query, d)`.
    k
        Number of neighbours.
    own
        Row of the base that each query is, shape `(n_query,)`: no cell is a neighbour of its own.

    Returns
    -------
    Row numbers and weights, shape `(n_query, min(k, n_base))`; weights are proportional to :math:`\exp(-(2d/d_k)^2)`,
    with :math:`d_k` the distance to the last neighbour, and sum to 1.
    """
    distance, row = nearest(base, query, k + (own is not None))
    if own is not None and row.shape[1] > 1:
        # Where copies of a cell crowd it out of its own list, the last of the list goes instead.
        itself = row == own[:, None]
        itself[~itself.any(1), -1] = True
        distance, row = (x[~itself].reshape(len(row), -1) for x in (distance, row))
    squared = np.maximum(distance, 0)
    weight = np.exp(-4 * squared / np.maximum(squared.max(1, keepdims=True), 1e-12))
    return row, (weight / weight.sum(1, keepdims=True)).astype(np.float32)


def votes(row: Index, weight: Floats, code: Index, n_labels: int) -> Floats:
    """Return the share of every label among weighted neighbours.

    Parameters
    ----------
    row, weight
        Neighbours of each cell, shape `(n_cells, k)`.
    code
        Number of the label of each neighbour, shape `(n_base,)`.
    n_labels
        Number of labels.

    Returns
    -------
    Shape `(n_cells, n_labels)`; rows sum to 1 as weights do.
    """
    out = np.empty((len(row), n_labels))
    for start in range(0, len(row), BLOCK):
        block = slice(start, start + BLOCK)
        n = len(row[block])
        cell = np.arange(n)[:, None] * n_labels
        found = np.bincount((cell + code[row[block]]).ravel(), weight[block].ravel(), n * n_labels)
        out[block] = found.reshape(n, n_labels)
    return out


def neighbour_means(row: Index, weight: Floats, values: Matrix) -> Array:
    """Return the weighted mean of neighbours' values, dense, shape `(n_cells, n_values)`.

    Parameters
    ----------
    row, weight
        Neighbours of each cell, shape `(n_cells, k)`.
    values
        Of every neighbour, dense or CSR, shape `(n_base, n_values)`.
    """
    out = np.empty((len(row), values.shape[1]), np.float32)
    for start in range(0, len(row), BLOCK):
        block = slice(start, start + BLOCK)
        n, k = row[block].shape
        ends = np.arange(0, n * k + 1, k)
        mean = sp.csr_array((weight[block].ravel(), row[block].ravel(), ends), shape=(n, values.shape[0])) @ values
        out[block] = mean.toarray() if sp.issparse(mean) else mean
    return out
