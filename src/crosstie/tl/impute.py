"""What the cells of one view would show in another: the features that were not measured in them.

Needs a fitted model; gives an AnnData.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from crosstie._errors import value_error
from crosstie._typing import Array, Matrix
from crosstie.tl.transfer import BLOCK, coordinates, weighted_neighbours

if TYPE_CHECKING:
    from crosstie.model.model import Model

Method = Literal["neighbours", "regression", "both"]


def impute(
    model: Model,
    source: str,
    target: str,
    *,
    method: Method = "neighbours",
    k: int = 30,
    scaled: bool = False,
) -> AnnData:
    """Impute the features of one view in the cells of another.

    Parameters
    ----------
    model
        Fitted.
    source, target
        Names of the views: whose cells, and whose features.
    method
        `"neighbours"`: the weighted mean of the nearest target cells, which needs the target's data. `"regression"`:
        the ridge regression of the target's components on the coordinates, taken back to features; works in a loaded
        model; values can fall below 0. `"both"`: the mean of the two.
    k
        Number of neighbours.
    scaled
        Return standard deviations from the target's mean instead of its normalised (log) units.

    Returns
    -------
    Source cells × used features of the target, dense float32, with the source's `.obs`.

    Raises
    ------
    KeyError
        If there is no such view.
    ValueError
        If the method is unknown, or neighbours are asked of a model that was loaded without data.
    """
    z_source, z_target = coordinates(model, source, target, k, what="impute")
    if method not in get_args(Method):
        raise value_error("impute: the method is unknown.", found=repr(method), expected=f"one of {get_args(Method)}")
    parts = []
    if method != "neighbours":
        parts.append(model.translate(source, target, scaled=scaled))
    if method != "regression":
        parts.append(_mean_of_neighbours(model, target, z_source, z_target, k, scaled=scaled))
    values = parts[0] if len(parts) == 1 else (parts[0] + parts[1]) / 2
    names = model.recipes[target].names
    return AnnData(values.astype(np.float32), obs=model.obs[source].copy(), var=pd.DataFrame(index=names.copy()))


def _mean_of_neighbours(model: Model, target: str, z_source: Array, z_target: Array, k: int, *, scaled: bool) -> Array:
    """Return the weighted mean of the nearest target cells, shape `(n_source, n_features)`."""
    if target not in model.views:
        raise value_error(
            f"impute: neighbours need the data of {target!r}, and this model was loaded without data.",
            do='Use method="regression", or fit the model anew.',
        )
    recipe = model.recipes[target]
    values = recipe.log_normalize(model.views[target].matrix)
    row, weight = weighted_neighbours(z_target, z_source, k)
    out = np.empty((len(z_source), values.shape[1]), np.float32)
    for start in range(0, len(out), BLOCK):
        block = slice(start, start + BLOCK)
        n, width = row[block].shape
        ends = np.arange(0, n * width + 1, width)
        mean: Matrix = (
            sp.csr_array((weight[block].ravel(), row[block].ravel(), ends), shape=(n, len(z_target))) @ values
        )
        out[block] = mean.toarray() if sp.issparse(mean) else mean
    return ((out - recipe.mean) / recipe.std).astype(np.float32) if scaled else out
