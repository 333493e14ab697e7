"""What the cells of one view would show in another: the features that were not measured in them.

Needs a fitted model; gives an AnnData, in memory or written to a file block by block.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData, read_h5ad

from crosstie._errors import value_error
from crosstie._files import new_file
from crosstie._log import log
from crosstie._typing import Array, Floats, Matrix
from crosstie.tl.neighbourhood import BLOCK, coordinates, neighbour_means, weighted_neighbours

if TYPE_CHECKING:
    from crosstie.model.model import Model

Method = Literal["neighbours", "regression", "both"]
Block: TypeAlias = Callable[[slice], Array]
MAX_JUDGED = 4096  # cells of the target on which the reliability of features is estimated
JUDGED_AT_ONCE = 256


def impute(
    model: Model,
    source: str,
    target: str,
    *,
    method: Method = "neighbours",
    k: int = 30,
    scaled: bool = False,
    out: str | os.PathLike[str] | None = None,
) -> AnnData:
    """Impute the features of one view in the cells of another.

    Parameters
    ----------
    model
        Fitted.
    source, target
        Names of the views: whose cells, and whose features.
    method
        `"neighbours"`: the weighted mean of the nearest target cells (among those fitted on, of large views), which
        needs the target's data. `"regression"`:
        the ridge regression of the target's components on the coordinates, taken back to features; works in a loaded
        model; values can fall below 0. `"both"`: the mean of the two.
    k
        Number of neighbours.
    scaled
        Return standard deviations from the target's mean instead of its normalised (log) units.
    out
        File, `*.h5ad`, to write blocks of cells to, so that cells × features are never in memory at once. It appears
        whole or not at all; an older one of this name is replaced.

    Returns
    -------
    Source cells × used features of the target, dense float32, with the source's `.obs`; with `out`, backed by the file.
    `.var["reliability"]`, in [0, 1], predicts for each feature the correlation of imputed with true values, as
    `feature_reliability` has it; missing in a model that was loaded without data.

    Raises
    ------
    KeyError
        If there is no such view.
    ValueError
        If the method is unknown, `out` is no h5ad file, or neighbours are asked of a model loaded without data.
    """
    z_source, z_target = coordinates(model, source, target, k, what="impute")
    if method not in get_args(Method):
        raise value_error("impute: the method is unknown.", found=repr(method), expected=f"one of {get_args(Method)}")
    if out is not None and Path(out).suffix != ".h5ad":
        raise value_error("impute: out is written as h5ad.", found=str(out), expected="a name that ends in .h5ad")
    if out is not None and not Path(out).resolve().parent.is_dir():
        raise value_error(
            f"impute: {out} cannot be written.", found=f"no folder {Path(out).resolve().parent}", do="Make it first."
        )
    recipe, parts, values = model.recipes[target], [], None
    if target in model.views:
        values, z_target = recipe.log_normalize(model.core.views[target].loaded), model.core.latents[target]
    if method != "neighbours":
        parts.append(_regression(model, target, z_source, scaled=scaled))
    if method != "regression":
        if values is None:
            raise value_error(
                f"impute: neighbours need the data of {target!r}, and this model was loaded without data.",
                do='Use method="regression", or fit the model anew.',
            )
        parts.append(_neighbours(model, target, z_source, z_target, values, k, scaled=scaled))

    def block(rows: slice) -> Array:
        """Return the imputed values of some cells."""
        return np.mean([part(rows) for part in parts], axis=0, dtype=np.float32)

    reliability: Floats = np.full(len(recipe.names), np.nan)
    if values is None:
        log.info("impute: without the data of %s there is no reliability of its features.", target)
    else:
        reliability = feature_reliability(z_target, values, k=k)
    frame = pd.DataFrame({"reliability": reliability}, index=recipe.names.copy())
    obs = model.obs[source].copy()
    blocks = [slice(start, min(start + BLOCK, len(obs))) for start in range(0, len(obs), BLOCK)]
    if out is not None:
        return _written(Path(out), obs, frame, blocks, block)
    x = np.empty((len(obs), len(frame)), np.float32)
    for rows in blocks:
        x[rows] = block(rows)
    return AnnData(x, obs=obs, var=frame)


def feature_reliability(z: Floats, values: Matrix, *, k: int = 30) -> Floats:
    """Predict how well features can be imputed, from their own view alone.

    A feature can be carried to another view as far as cells near each other in the common space have it in common: the
    correlation of its values with the means of each cell's nearest neighbours, itself left out. It takes for granted
    that the views are aligned; where they are not, everything is unreliable.

    Parameters
    ----------
    z
        Common coordinates of the view that measured the features, shape `(n_cells, d)`.
    values
        The features, dense or CSR, shape `(n_cells, n_features)`. Of more than 4,096 cells, as many are judged, evenly
        spaced; all serve as neighbours.
    k
        Number of neighbours.

    Returns
    -------
    Correlations, at least 0, shape `(n_features,)`; 0 for features that do not vary.
    """
    if len(z) < 2:
        return np.zeros(values.shape[1])
    judged = np.arange(0, len(z), -(-len(z) // MAX_JUDGED))
    near = neighbour_means(*weighted_neighbours(z, z[judged], k, own=judged), values)
    own = values[judged]
    centres = [np.asarray(x.mean(0, dtype=np.float64)).ravel() for x in (near, own)]
    products = np.zeros((3, values.shape[1]))
    for start in range(0, len(judged), JUDGED_AT_ONCE):
        rows = slice(start, start + JUDGED_AT_ONCE)
        x, y = near[rows] - centres[0], (own[rows].toarray() if sp.issparse(own) else own[rows]) - centres[1]
        products += [np.einsum("ij,ij->j", a, b) for a, b in ((x, y), (x, x), (y, y))]
    spread = np.sqrt(products[1] * products[2])
    return np.clip(products[0] / np.where(spread > 1e-9, spread, np.inf), 0, 1)


def _regression(model: Model, target: str, z_source: Array, *, scaled: bool) -> Block:
    matrix, offset = model.decoders[target]
    return lambda rows: model.recipes[target].inverse(z_source[rows] @ matrix + offset, scaled=scaled)


def _neighbours(
    model: Model, target: str, z_source: Array, z_target: Array, values: Matrix, k: int, *, scaled: bool
) -> Block:
    recipe = model.recipes[target]
    row, weight = weighted_neighbours(z_target, z_source, k)

    def block(rows: slice) -> Array:
        mean = neighbour_means(row[rows], weight[rows], values)
        return ((mean - recipe.mean) / recipe.std).astype(np.float32) if scaled else mean

    return block


def _written(path: Path, obs: pd.DataFrame, frame: pd.DataFrame, blocks: list[slice], block: Block) -> AnnData:
    """Write blocks into a file, which appears whole, and return the AnnData that it backs."""
    import h5py

    with new_file(path) as part:
        AnnData(obs=obs, var=frame).write_h5ad(part)
        with h5py.File(part, "r+") as file:
            if "X" in file:
                del file["X"]
            x = file.create_dataset("X", (len(obs), len(frame)), np.float32, chunks=True)
            x.attrs["encoding-type"], x.attrs["encoding-version"] = "array", "0.2.0"
            for rows in blocks:
                x[rows] = block(rows)
    log.info("impute: %d cells × %d features written to %s.", len(obs), len(frame), path)
    return read_h5ad(path, backed="r")
