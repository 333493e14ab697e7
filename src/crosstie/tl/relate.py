"""Relations between the features of two views: responses, correlations, and their significance.

It needs a fitted model with its data and returns a table, which `crosstie.pl.relations` draws.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crosstie._errors import unknown_name, value_error
from crosstie._log import log
from crosstie._threads import few_threads
from crosstie._typing import Array, Floats, Index
from crosstie.anchors.closed_form import near_mean
from crosstie.anchors.linear import unit_rows
from crosstie.tl.neighbourhood import coordinates, neighbour_means, votes, weighted_neighbours

if TYPE_CHECKING:
    from crosstie.model.model import Model

MIN_CELLS = 60  # target cells in a group; with fewer, there are too few neighbourhoods to permute
CELLS_PER_BLOCK, MAX_BLOCKS = 15, 100
BINS, HIGHEST = 2000, 40.0  # of the pooled null distribution, in standard deviations


def relate(
    model: Model,
    source: str,
    target: str,
    *,
    by: str | None = None,
    n_top: int | None = 50,
    n_permutations: int = 100,
    k: int = 30,
    seed: int = 0,
) -> pd.DataFrame:
    """Relate the features of one view to those of another.

    Feature values are reconstructed from the components of their view, in standard deviations.

    Parameters
    ----------
    model
        A fitted model with its data.
    source, target
        Names of the views.
    by
        Column of `model.obs[source]` with groups of cells, such as cell types. Relations are then computed within each
        group: across the source cells of the group and the target cells whose neighbours mostly belong to it. `None`
        takes all cells.
    n_top
        Number of rows per target feature (and group): those with the highest scores. `None` returns all pairs.
    n_permutations
        Number of permutations of neighbourhoods for `p`.
    k
        Number of source cells that are averaged to impute a source feature in a target cell.
    seed
        Seed of the neighbourhoods and permutations.

    Returns
    -------
    One row per pair of features, best first inside each target feature: `group` (with `by`), `source`, `target`;
    `response`, the mean over source cells of the derivative of the target feature, through the latent space, by the
    source feature: standard deviations per standard deviation; `correlation`, in [-1, 1], over target cells, of the
    imputed source feature with the target feature; `score`, how far that correlation stands out among those of either
    feature (the mean of the two standard scores): what to rank by, as a marker of a cell type correlates with all
    others of it; `p`, of a correlation as far from that of chance, were whole neighbourhoods of target cells paired at
    random; `q`, the false discovery rate of Benjamini and Hochberg over all pairs of features of the group.

    Raises
    ------
    KeyError
        If a view or column does not exist.
    ValueError
        If the model was loaded without data, a number is out of range, or no group has enough cells.
    """
    model = getattr(model, "core", model)  # `coordinates` raises if it is not a model
    z_source, z_target = coordinates(model, source, target, k, what="relate")
    if n_permutations < 1 or (n_top is not None and n_top < 1):
        raise value_error(
            "relate: a number is out of range.",
            found=f"n_permutations={n_permutations}, n_top={n_top}",
            expected="at least 1",
        )
    components = _components(model, source), _components(model, target)
    with few_threads(max(len(z_source), len(z_target))):
        row, weight = weighted_neighbours(z_source, z_target, k)
        imputed = neighbour_means(row, weight, components[0])
        tables = [
            _table(model, (source, target), components, imputed, cells, name, n_top, n_permutations, seed)
            for name, cells in _groups(model, source, by, row, weight).items()
        ]
    return pd.concat(tables, ignore_index=True)


def mean_response(model: Model, source: str, target: str, rows: Index | slice = slice(None)) -> Array:
    r"""Return how target features respond to source features, the mean over source cells of the exact derivative.

    With :math:`r = (x - \bar x) W` the coordinates of a cell before they are scaled to length 1, :math:`u = r / |r|`,
    :math:`w = (1 - p) u + p\,m` after the pull towards the mean :math:`m` of the nearest cells of linked views (held
    fixed, as are batches) and :math:`z = w / |w|`, one cell's derivative of :math:`z` by :math:`x` is
    :math:`W (I - u^\top u)(I - z^\top z)\,(1 - p) / (|r| |w|)`; features and components are linear in each other, as
    are the target's components in :math:`z`. Where networks were trained, the derivative is the slope of the ridge
    regression of coordinates on components.

    Parameters
    ----------
    model
        Fitted, with the data of the source.
    source, target
        Names of the views.
    rows
        Source cells to average over.

    Returns
    -------
    Standard deviations of target features per standard deviation of source features, shape
    `(n_source_features, n_target_features)`.
    """
    model = model.core
    x = _components(model, source)[rows]
    if model.networks is not None or model.closed_form is None:
        slope = _slope(x, model.latents[source][rows])
    else:
        slope = _mean_slope(model, source, x)
    decoder = model.decoders[target][0]
    return (model.recipes[source].reading @ slope @ decoder @ model.recipes[target].writing.T).astype(np.float32)


def _mean_slope(model: Model, source: str, x: Array) -> Floats:
    """Return the mean derivative of closed-form coordinates by components, shape `(n_components, n_latent)`."""
    form = model.closed_form
    assert form is not None
    raw = (x - form.mean[source]) @ form.maps[source]
    length = np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-9).astype(np.float64)
    u, pull = raw / length, form.settings.pull
    linked = [b if source == a else a for a, b in form.edges if source in (a, b)]
    drawn = [near_mean(unit_rows(u), form.among(name), form.settings.n_smooth) for name in linked]
    w = (1 - pull) * u + (pull * np.mean(drawn, axis=0) if pull else 0)
    z_length = np.maximum(np.linalg.norm(w, axis=1, keepdims=True), 1e-9)
    z, n_cells = w / z_length, len(x)
    scale = (1 - pull) / (length * z_length)
    along = (u * z).sum(1, keepdims=True)
    inner = scale.mean() * np.eye(u.shape[1])
    inner -= ((scale * u).T @ u + (scale * z).T @ z - (scale * along * u).T @ z) / n_cells
    return form.maps[source] @ inner


def _slope(x: Array, z: Array) -> Floats:
    """Return the ridge regression of coordinates on components, shape `(n_components, n_latent)`."""
    x, z = x - x.mean(0), z - z.mean(0)
    gram = (x.T @ x).astype(np.float64)
    gram[np.diag_indices_from(gram)] += 1e-3 * np.trace(gram) / len(gram) + 1e-12
    return np.linalg.solve(gram, x.T @ z)


def _components(model: Model, view: str) -> Array:
    if view not in model.views:
        raise value_error("relate: this model was loaded without its data.", do="Refit it: xt.integrate(data).")
    return model.recipes[view].transform(model.views[view].loaded)


def _groups(
    model: Model, source: str, by: str | None, row: Index, weight: Array
) -> dict[str | None, tuple[Index, Index]]:
    """Return the source cells and the target cells of each group."""
    if by is None:
        return {None: (np.arange(len(model.latents[source])), np.arange(len(row)))}
    if by not in model.obs[source]:
        raise unknown_name(f"relate: by, a column of obs of {source!r}", by, model.obs[source].columns)
    code, names = pd.factorize(model.obs[source][by], sort=True)
    # Cells without a group vote for an extra group, which is dropped.
    voted = votes(row, weight, np.where(code < 0, len(names), code), len(names) + 1).argmax(1)
    groups = {str(name): (np.flatnonzero(code == n), np.flatnonzero(voted == n)) for n, name in enumerate(names)}
    small = {name: len(cells[1]) for name, cells in groups.items() if len(cells[1]) < MIN_CELLS}
    if small:
        counts = ", ".join(f"{name} ({n})" for name, n in small.items())
        log.warning("relate: skipped groups with fewer than %d target cells: %s", MIN_CELLS, counts)
    if len(small) == len(groups):
        raise value_error(
            f"relate: no group of {by!r} has enough cells.",
            found=f"at most {max(small.values(), default=0)} in the target",
            expected=f"at least {MIN_CELLS}",
        )
    return {name: cells for name, cells in groups.items() if name not in small}


def _table(
    model: Model,
    edge: tuple[str, str],
    components: tuple[Array, Array],
    imputed: Array,
    cells: tuple[Index, Index],
    group: str | None,
    n_top: int | None,
    n_permutations: int,
    seed: int,
) -> pd.DataFrame:
    """Return the rows of one group."""
    from scipy.stats import false_discovery_control

    recipes = [model.recipes[view] for view in edge]
    x, y = imputed[cells[1]], components[1][cells[1]]
    x, y = x - x.mean(0), y - y.mean(0)
    loadings = (
        recipes[0].loadings / _spread(x, recipes[0].loadings),
        recipes[1].loadings / _spread(y, recipes[1].loadings),
    )
    correlation = np.clip(loadings[0] @ (x.T @ y / len(x)) @ loadings[1].T, -1, 1)
    p = _p_values(correlation, x, y, loadings, model.latents[edge[1]][cells[1]], n_permutations, seed)
    q = false_discovery_control(p.ravel()).reshape(p.shape)
    response = mean_response(model, *edge, cells[0])
    score = standing_out(correlation)
    n_rows = score.shape[0] if n_top is None else min(n_top, score.shape[0])
    best = np.argsort(-score, axis=0, kind="stable")[:n_rows].T
    at = best.ravel(), np.repeat(np.arange(score.shape[1]), n_rows)
    columns = {} if group is None else {"group": np.full(best.size, group)}
    names = {"source": recipes[0].names[at[0]], "target": recipes[1].names[at[1]]}
    values = {"response": response, "correlation": correlation, "score": score, "p": p, "q": q}
    return pd.DataFrame({**columns, **names, **{name: matrix[at] for name, matrix in values.items()}})


def standing_out(correlation: Floats) -> Floats:
    """Return how far each entry exceeds the others in its row and its column, in standard deviations."""
    rows, columns = (
        (correlation - correlation.mean(axis, keepdims=True)) / np.maximum(correlation.std(axis, keepdims=True), 1e-9)
        for axis in (1, 0)
    )
    return (rows + columns) / 2


def _spread(x: Array, loadings: Array) -> Array:
    """Return the standard deviation of each feature reconstructed from centred components, shape `(n_features, 1)`."""
    variance = np.einsum("fi,ij,fj->f", loadings, x.T @ x / len(x), loadings, optimize=True)
    return np.sqrt(np.maximum(variance, 1e-9))[:, None]


def _p_values(
    correlation: Array, x: Array, y: Array, loadings: tuple[Array, Array], z: Array, n_permutations: int, seed: int
) -> Floats:
    """Return the share of null correlations at least as far from their mean, among those of all pairs of features.

    Cells of one neighbourhood are not independent, so permutations move whole neighbourhoods. The null of every pair is
    standardised by its own mean and standard deviation, and the nulls of all pairs are pooled.
    """
    n_blocks = int(np.clip(len(z) // CELLS_PER_BLOCK, 2, MAX_BLOCKS))
    from sklearn.cluster import KMeans

    block = KMeans(n_blocks, n_init=1, max_iter=20, random_state=seed).fit(z).labels_

    rng = np.random.default_rng(seed)
    drawn = [x[moved_blocks(block, rng)].T @ y / np.float32(len(x)) for _ in range(n_permutations)]
    mean, square = np.zeros(correlation.shape), np.zeros(correlation.shape)
    for covariance in drawn:
        r = loadings[0] @ covariance @ loadings[1].T
        mean += r / n_permutations
        square += r.astype(np.float64) ** 2 / n_permutations
    deviation = np.sqrt(np.maximum(square - mean**2, 1e-12))
    edges = np.linspace(0, HIGHEST, BINS + 1)
    counts = np.zeros(BINS)
    for covariance in drawn:
        far = np.abs(loadings[0] @ covariance @ loadings[1].T - mean) / deviation
        counts += np.histogram(np.minimum(far, HIGHEST), edges)[0]
    above = np.cumsum(counts[::-1])[::-1]
    place = np.minimum((np.abs(correlation - mean) / deviation / HIGHEST * BINS).astype(int), BINS - 1)
    return (1 + above[place]) / (1 + counts.sum())


def moved_blocks(block: Index, rng: np.random.Generator) -> Index:
    """Return a partner for each cell: a random cell of the block that its own block is moved to, shape `(n_cells,)`."""
    order = np.argsort(block, kind="stable")
    size = np.bincount(block)
    start = np.cumsum(size) - size
    to = rng.permutation(len(size))[block]
    return order[start[to] + (rng.random(len(block)) * size[to]).astype(np.int64)]
