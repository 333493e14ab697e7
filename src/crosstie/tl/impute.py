"""Imputation: the features of one view in the cells of another, where they were not measured.

The result is an AnnData in memory, or written to a file block by block.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData, read_h5ad

from crosstie._errors import value_error
from crosstie._files import new_file
from crosstie._log import log
from crosstie._typing import Array, Floats, Matrix
from crosstie._version import __version__
from crosstie.tl.empty_cells import warn_of_empty
from crosstie.tl.neighbourhood import BLOCK, coordinates, neighbour_means, weighted_neighbours

if TYPE_CHECKING:
    from crosstie.model.model import Model

Method = Literal["neighbours", "regression", "both"]
Block: TypeAlias = Callable[[slice], Array]
MAX_JUDGED = 4096  # target cells used to estimate the reliability of features
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
    uns: Mapping[str, Any] | None = None,
) -> AnnData:
    """Impute the features of one view in the cells of another.

    Parameters
    ----------
    model
        A fitted model.
    source, target
        Names of the views: the one with the cells, and the one with the features. A warning names cells without counts.
    method
        `"neighbours"`: the weighted mean of the nearest target cells (in large views, cells of the core); needs the
        data of the target. `"regression"`: ridge regression of the target's components on the coordinates, mapped back
        to features; works in a loaded model, and values can be negative. `"both"`: the mean of the two.
    k
        Number of neighbours.
    scaled
        Return standard deviations from the mean of the target instead of its normalised (log) units.
    out
        Path of an `*.h5ad` file to write block by block, so that cells × features are never in memory at once. It is
        written completely or not at all, and replaces an existing file.
    uns
        Further entries of `.uns`. `.uns["crosstie"]` says how values were imputed: source, target, method, k, units.

    Returns
    -------
    Source cells × used features of the target, dense float32, with the source's `.obs`; with `out`, backed by the file.
    `.var["reliability"]`, in [0, 1], predicts for each feature the correlation of imputed and true values (see
    `feature_reliability`); it is missing in a model that was loaded without data.

    Raises
    ------
    KeyError
        If a view does not exist.
    ValueError
        If the method is unknown, `out` is not an h5ad file, or a model loaded without data is asked for neighbours.
    """
    z_source, z_target = coordinates(model, source, target, k, what="impute")
    if method not in get_args(Method):
        raise value_error("impute: the method is unknown.", found=repr(method), expected=f"one of {get_args(Method)}")
    if out is not None:
        _check_out(Path(out))
    recipe, parts, values = model.recipes[target], [], None
    if target in model.views:
        values, z_target = recipe.log_normalize(model.core.views[target].loaded), model.core.latents[target]
    if method != "neighbours":
        parts.append(_regression(model, target, z_source, scaled=scaled))
    if method != "regression":
        if values is None:
            raise value_error(
                f"impute: neighbours need the data of {target!r}, and this model was loaded without data.",
                do='Use method="regression", or refit the model.',
            )
        parts.append(_neighbours(model, target, z_source, z_target, values, k, scaled=scaled))
    warn_of_empty(model, source, what="impute", so="what is imputed for them means nothing")

    def block(rows: slice) -> Array:
        """Return the imputed values of some cells."""
        return np.mean([part(rows) for part in parts], axis=0, dtype=np.float32)

    if values is None:
        log.info("impute: the reliability of features is unknown without the data of %s.", target)
    reliability = np.nan if values is None else feature_reliability(z_target, values, k=k)
    frame = pd.DataFrame({"reliability": reliability}, index=recipe.names.copy())
    given = _with_origin(uns or {}, model, source, target, method, k, scaled=scaled)
    imputed = AnnData(obs=model.obs[source].copy(), var=frame, uns=given)
    blocks = _blocks(imputed.n_obs)
    if out is not None:
        return _written(Path(out), imputed, blocks, block)
    imputed.X = _filled(imputed.shape, blocks, block)
    return imputed


def _with_origin(
    uns: Mapping[str, Any], model: Model, source: str, target: str, method: str, k: int, *, scaled: bool
) -> dict[str, Any]:
    """Return entries of `.uns` with where imputed values come from, as text and numbers that anndata can write."""
    units = "standard deviations" if scaled else model.recipes[target].units
    about = {"source": source, "target": target, "method": method, "k": k, "units": units, "version": __version__}
    return {**uns, "crosstie": {**about, **uns.get("crosstie", {})}}


def _blocks(n_cells: int) -> list[slice]:
    return [slice(start, min(start + BLOCK, n_cells)) for start in range(0, n_cells, BLOCK)]


def _filled(shape: tuple[int, int], blocks: list[slice], block: Block) -> Array:
    x = np.empty(shape, np.float32)
    for rows in blocks:
        x[rows] = block(rows)
    return x


def _check_out(out: Path) -> None:
    if out.suffix != ".h5ad":
        raise value_error("impute: `out` must be an h5ad file.", found=str(out), expected="a name that ends in .h5ad")
    folder = out.resolve().parent
    if not folder.is_dir():
        what, do = f"impute: {out} cannot be written.", "Create the folder first."
        raise value_error(what, found=f"no folder {folder}", do=do)


def feature_reliability(z: Floats, values: Matrix, *, k: int = 30) -> Floats:
    """Predict how well features can be imputed, from their own view alone.

    A feature can be imputed in another view if cells that are close in the common space have similar values. Its
    reliability is the correlation of its values with the mean of each cell's nearest neighbours, leaving out the cell
    itself. This assumes that the views are well aligned; otherwise nothing is reliable.

    Parameters
    ----------
    z
        Common coordinates of the view with the features, shape `(n_cells, d)`.
    values
        Values of the features, dense or CSR, shape `(n_cells, n_features)`. At most about 4,096 evenly spaced cells are
        used for the correlation; all cells serve as neighbours.
    k
        Number of neighbours.

    Returns
    -------
    Correlations, at least 0, shape `(n_features,)`; 0 for constant features.
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


def _written(path: Path, empty: AnnData, blocks: list[slice], block: Block) -> AnnData:
    """Write blocks into a file, completely or not at all, and return the AnnData backed by it."""
    import h5py

    with new_file(path) as part:
        empty.write_h5ad(part)
        with h5py.File(part, "r+") as file:
            if "X" in file:
                del file["X"]
            x = file.create_dataset("X", empty.shape, np.float32, chunks=True)
            x.attrs["encoding-type"], x.attrs["encoding-version"] = "array", "0.2.0"
            for rows in blocks:
                x[rows] = block(rows)
    log.info("impute: %d cells × %d features written to %s.", *empty.shape, path)
    return read_h5ad(path, backed="r")
