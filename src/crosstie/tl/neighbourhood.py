"""Weighted nearest neighbours of cells in another view: the basis of label transfer, imputation and relations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from crosstie._errors import check_integer, type_error, value_error
from crosstie._log import log
from crosstie._typing import Array, Floats, Index, Matrix
from crosstie.anchors.neighbours import Neighbours

if TYPE_CHECKING:
    from crosstie.model.model import Model

BLOCK = 4096  # cells processed at a time


def coordinates(model: Model, source: str, target: str, k: int, *, what: str) -> tuple[Array, Array]:
    """Return the coordinates of two different views of a fitted model; check the number of neighbours too.

    Warns if the model is known not to be usable.
    """
    if not hasattr(model, "embed"):
        raise type_error(f"{what}: not a Model.", found=type(model).__name__, expected="a Model: xt.integrate(data)")
    z_source, z_target = model.embed(source), model.embed(target)
    if source == target:
        raise value_error(f"{what}: source and target are the same view.", found=repr(source), expected="two views")
    check_integer(f"{what}: the number of neighbours", k, least=1, name="k")
    if model.condemned:
        log.warning(
            "%s: the verdict on this model is: do not use (%s). Do not trust this result.", what, model.condemned
        )
    return z_source, z_target


def own_coordinates(model: Model, view: str) -> Array:
    """Return coordinates for finding a cell's neighbours within its own view, shape `(n_cells, n_latent)`.

    These are the closed-form coordinates before cells are moved towards other views. If networks were trained, or the
    view has more cells than its core, they are the final coordinates.
    """
    if model.networks is not None or model.closed_form is None or view in model.core_rows:
        return model.embed(view)
    return model.closed_form.reference[view]


def near_others(base: Floats | Neighbours, query: Floats, k: int, *, own: Index | None = None) -> tuple[Array, Index]:
    """Return the nearest rows of `base` other than the cell itself.

    Parameters
    ----------
    base, query
        Coordinates, shapes `(n_base, d)` and `(n_query, d)`; the base may be indexed already.
    k
        Number of neighbours.
    own
        Row of each query in `base`, shape `(n_query,)`, to exclude the cell itself, -1 for a cell that is not in it;
        `None` if none is.

    Returns
    -------
    Squared distances and row numbers, shape `(n_query, min(k, n_base))`, nearest first.
    """
    among = base if isinstance(base, Neighbours) else Neighbours(base)
    distance, row = among.search(query, k + (own is not None))
    if own is not None and row.shape[1] > 1:
        # If duplicates displace a cell from its own list, drop the last entry instead.
        itself = row == own[:, None]
        itself[~itself.any(1), -1] = True
        distance, row = (x[~itself].reshape(len(row), -1) for x in (distance, row))
    return distance, row


def kernel(distance: Array) -> Array:
    r"""Return weights proportional to :math:`\exp(-(2d/d_k)^2)`, with :math:`d_k` the distance to the last neighbour.

    Squared distances and weights have the shape `(n_query, k)`; rows of weights sum to 1.
    """
    squared = np.maximum(distance, 0)
    weight = np.exp(-4 * squared / np.maximum(squared.max(1, keepdims=True), 1e-12))
    return (weight / weight.sum(1, keepdims=True)).astype(np.float32)


def weighted_neighbours(
    base: Floats | Neighbours, query: Floats, k: int, *, own: Index | None = None
) -> tuple[Index, Array]:
    """Return row numbers and weights of the nearest rows of `base`, as `near_others` and `kernel` do."""
    distance, row = near_others(base, query, k, own=own)
    return row, kernel(distance)


def searched_rows(model: Model, view: str, cells: Index) -> Index | None:
    """Return the cells among which the neighbours of a view's cells in their own view are searched: those of its core.

    A sample of the view has the same neighbourhoods, only wider ones, as if fewer cells had been measured; a search
    among millions would take most of the time of a transfer.

    Parameters
    ----------
    model, view
        A fitted model and one of its views.
    cells
        The cells that are searched for, ascending rows of the view.

    Returns
    -------
    Positions in `cells`; `None` for all, where all cells were fitted or none of these was.
    """
    core = model.core_rows.get(view)
    if core is None or len(core) == len(model.latents[view]):
        return None
    found = np.flatnonzero(np.isin(cells, core, assume_unique=True))
    return found if len(found) else None


def votes(row: Index, weight: Floats, code: Index, n_labels: int) -> Floats:
    """Return the share of every label among weighted neighbours.

    Parameters
    ----------
    row, weight
        Neighbours of each cell, shape `(n_cells, k)`.
    code
        Code of the label of each row of the base, shape `(n_base,)`.
    n_labels
        Number of labels.

    Returns
    -------
    Shape `(n_cells, n_labels)`; rows sum to 1, like the weights.
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
        Values of every row of the base, dense or CSR, shape `(n_base, n_values)`.
    """
    out = np.empty((len(row), values.shape[1]), np.float32)
    for start in range(0, len(row), BLOCK):
        block = slice(start, start + BLOCK)
        n, k = row[block].shape
        ends = np.arange(0, n * k + 1, k)
        mean = sp.csr_array((weight[block].ravel(), row[block].ravel(), ends), shape=(n, values.shape[0])) @ values
        out[block] = mean.toarray() if sp.issparse(mean) else mean
    return out
