"""The closed form: all views in one space by linear maps, found by matching and correlating in turn.

Links give a first match of cells; the match gives the cross-covariance of *all* components; its leading directions give
coordinates; these, beside the links, give a better match. Seconds, no training (method.md, eq. 10 to 17).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from crosstie._threads import few_threads
from crosstie._typing import Array, Floats
from crosstie.anchors.evidence import link_maps
from crosstie.anchors.neighbours import nearest
from crosstie.anchors.transport import composed_plan

Edge = tuple[str, str]


@dataclass(frozen=True)
class Refinement:
    """Settings of the closed form.

    Parameters
    ----------
    n_latent
        Number of coordinates.
    n_rounds
        Rounds of matching and correlating.
    entropy
        Softness of the match.
    balance
        How strictly a cell must place its share of the match, in (0, 1]: below 1, cells without a counterpart on the
        other side are found and left out; 1 believes that both views hold the same mixture of cells.
    damping
        Components are divided by the root of their variance plus this share of the total variance: weak components,
        mostly noise, are not blown up to full weight; the fewer components a panel has, the less is damped.
    link_weight
        Weight of the linked columns beside the shared directions. Among them each column weighs as much as its two
        sides correlate over the matched cells: wrong links fade out.
    link_shrinkage
        How far the correlations of the linked columns are shrunk to none before they are whitened, in [0, 1].
    n_smooth, smoothing
        Before a match, a cell's coordinates are averaged with those of this many neighbours in its own view, at this
        weight in [0, 1].
    pull
        At the end they are averaged with those of as many neighbours in each linked view, at this weight in [0, 1]:
        views then lie in one another, not side by side.
    n_sketch
        Largest number of cells of a view in one match.
    n_sketches
        Largest number of sketches that a round averages over, where a view has more cells than one sketch.
    """

    n_latent: int = 50
    n_rounds: int = 6
    entropy: float = 0.05
    balance: float = 0.9
    damping: float = 0.006
    link_weight: float = 0.4
    link_shrinkage: float = 0.3
    n_smooth: int = 10
    smoothing: float = 0.5
    pull: float = 0.33
    n_sketch: int = 1024
    n_sketches: int = 4


@dataclass(frozen=True)
class ClosedForm:
    """Linear maps from the components of each view to common coordinates.

    Parameters
    ----------
    mean
        Mean component scores of each view, shape `(n_components,)`.
    maps
        Shape `(n_components, n_latent)`; the rows of fitted cells come out with unit mean square length.
    reference
        Coordinates of the fitted cells, of length 1, shape `(n_cells, n_latent)`.
    strength
        How strongly each shared direction is shared, relative to the first; falling, in [0, 1].
    edges
        Which views are linked.
    settings
        What it was fitted with.
    """

    mean: Mapping[str, Array]
    maps: Mapping[str, Array]
    reference: Mapping[str, Array]
    strength: Floats
    edges: tuple[Edge, ...]
    settings: Refinement

    def coordinates(self, view: str, components: Floats) -> Array:
        """Return coordinates of length 1, shape `(n_cells, n_latent)`; the same for fitted cells and for new ones.

        Parameters
        ----------
        view
            The view that the cells belong to.
        components
            Their component scores, shape `(n_cells, n_components)`.
        """
        z, pull = unit_rows((components - self.mean[view]) @ self.maps[view]), self.settings.pull
        if pull == 0:
            return z
        others = [self.reference[b if view == a else a] for a, b in self.edges if view in (a, b)]
        drawn = np.mean([near_mean(z, other, self.settings.n_smooth) for other in others], axis=0)
        return unit_rows((1 - pull) * z + pull * drawn)


def fit_closed_form(
    components: Mapping[str, Array],
    columns: Mapping[Edge, tuple[Floats, Floats]],
    settings: Refinement,
    *,
    seed: int = 0,
) -> ClosedForm:
    """Find the closed form of any number of views.

    Parameters
    ----------
    components
        Principal component scores of each view, shape `(n_cells, n_components)`.
    columns
        For each edge, maps from the components of its two sides to the linked columns, shapes
        `(n_components, n_columns)`.
    settings
        Numbers of rounds, of sketches, …
    seed
        Of the sketches; without effect where views are smaller than a sketch.
    """
    rng = np.random.default_rng(seed)
    mean = {view: x.mean(0, dtype=np.float64).astype(np.float32) for view, x in components.items()}
    centred = {view: x - mean[view] for view, x in components.items()}
    links = _all_link_maps(centred, columns, settings.link_shrinkage)
    factor = {view: damping_factor(x, settings.damping).astype(np.float32) for view, x in centred.items()}
    damped = {view: x * factor[view] for view, x in centred.items()}
    linked = {view: x @ links[view] for view, x in centred.items()}
    sizes = {view: len(f) for view, f in factor.items()}
    maps: dict[str, Array] = links
    strength: Floats = np.ones(0)
    for _ in range(settings.n_rounds):
        z = {view: unit_rows(x @ maps[view]) for view, x in centred.items()}
        z = {view: smoothed(x, settings) for view, x in z.items()}
        covariance = {}
        agreement = np.zeros(next(iter(links.values())).shape[1], np.float32)
        for a, b in columns:
            source, target = (damped[a], z[a], linked[a]), (damped[b], z[b], linked[b])
            covariance[a, b], agreed = _matched(source, target, settings, rng)
            agreement += agreed.astype(np.float32)
        directions, strength = _shared_directions(sizes, covariance, settings.n_latent)
        maps = {
            view: _side_by_side(
                x, factor[view][:, None] * directions[view], links[view] * agreement, settings.link_weight
            )
            for view, x in centred.items()
        }
    rotation = _leading_axes([unit_rows(x @ maps[view]) for view, x in centred.items()], settings.n_latent)
    maps = {view: _scaled(x, maps[view] @ rotation) for view, x in centred.items()}
    reference = {view: unit_rows(x @ maps[view]) for view, x in centred.items()}
    return ClosedForm(mean, maps, reference, strength, tuple(columns), settings)


def unit_rows(x: Floats) -> Array:
    """Return rows scaled to length 1; rows of zeros stay zero."""
    return (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def damping_factor(components: Array, damping: float) -> Floats:
    """Return what components are multiplied by to be whitened softly (method.md, eq. 11), shape `(n_components,)`."""
    variance = components.var(0, dtype=np.float64)
    return 1 / np.sqrt(variance + damping * variance.sum() + 1e-12)


def smoothed(z: Array, settings: Refinement) -> Array:
    """Return coordinates of a view's cells averaged with those of their nearest cells."""
    if settings.smoothing == 0:
        return z
    return unit_rows((1 - settings.smoothing) * z + settings.smoothing * near_mean(z, z, settings.n_smooth))


def near_mean(z: Array, reference: Array, k: int) -> Array:
    """Return the mean of the `k` rows of a reference nearest to each row of `z`."""
    near = nearest(reference, z, k)[1]
    total = reference[near[:, 0]].copy()
    for column in near.T[1:]:  # one neighbour at a time: never cells × neighbours × coordinates
        total += reference[column]
    return total / near.shape[1]


def _side_by_side(x: Array, directions: Array, links: Array, link_weight: float) -> Array:
    """Return one map to shared directions and linked columns, scaled to mean square lengths 1 and `link_weight`."""
    return np.hstack([_scaled(x, directions), np.float32(link_weight) * _scaled(x, links)])


def _scaled(x: Array, matrix: Array) -> Array:
    """Return a map scaled so that rows come out with unit mean square length."""
    return (matrix / np.float32(max(np.sqrt(((x @ matrix) ** 2).sum(1).mean(dtype=np.float64)), 1e-12))).astype(
        np.float32
    )


def _all_link_maps(
    centred: Mapping[str, Array], columns: Mapping[Edge, tuple[Floats, Floats]], shrinkage: float
) -> dict[str, Array]:
    """Return each view's maps to the linked columns of all edges, zero for edges that it is not on."""
    covariance = {view: (x.T @ x / len(x)).astype(np.float64) for view, x in centred.items()}
    parts: dict[str, list[Array]] = {view: [] for view in centred}
    for (a, b), (source, target) in columns.items():
        sides = dict(
            zip((a, b), link_maps(source, target, covariance[a], covariance[b], shrinkage=shrinkage), strict=True)
        )
        n_columns = sides[a].shape[1]
        for view, x in centred.items():
            parts[view].append(sides.get(view, np.zeros((x.shape[1], n_columns), np.float32)))
    return {view: np.hstack(part) for view, part in parts.items()}


Side = tuple[Array, Array, Array]


def _matched(source: Side, target: Side, settings: Refinement, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Match the cells of two views softly, and see what goes together.

    Parameters
    ----------
    source, target
        Of each view: damped components, coordinates to match by, and linked columns; a row per cell.

    Returns
    -------
    covariance
        Of the two sides' components over matched cells, shape `(n_components, n_components)`.
    agreement
        Correlation of each linked column of one side with that of the other over matched cells, at least 0, shape
        `(n_columns,)`; 0 where a side does not have the column. Both are means over sketches.
    """
    n_cells = len(source[0]), len(target[0])
    n_sketches = min(settings.n_sketches, -(-max(n_cells) // settings.n_sketch))
    covariance = np.zeros((source[0].shape[1], target[0].shape[1]))
    agreement = np.zeros(source[2].shape[1])
    for _ in range(n_sketches):
        rows, columns = (_sketch(n, settings.n_sketch, rng) for n in n_cells)
        (x, zx, lx), (y, zy, ly) = (part[rows] for part in source), (part[columns] for part in target)
        with few_threads(settings.n_sketch):
            plan = composed_plan(zx, zy, entropy=settings.entropy, balance=settings.balance)
            shares = plan.sum(1), plan.sum(0)
            covariance += x.T @ (plan @ y) - np.outer(shares[0] @ x, shares[1] @ y)
            lx, ly = lx - shares[0] @ lx, ly - shares[1] @ ly
            spread = np.sqrt((shares[0] @ lx**2) * (shares[1] @ ly**2))
            agreement += ((plan @ ly) * lx).sum(0) / np.where(spread > 1e-12, spread, np.inf)
    return covariance / n_sketches, np.maximum(agreement / n_sketches, 0)


def _sketch(n_cells: int, n: int, rng: np.random.Generator) -> slice | np.ndarray:
    return slice(None) if n_cells <= n else rng.choice(n_cells, n, replace=False)


def _shared_directions(
    sizes: Mapping[str, int], covariance: Mapping[Edge, Floats], n_directions: int
) -> tuple[dict[str, Array], Floats]:
    """Return the directions of each view that vary together along the edges, each weighted by its strength.

    The leading eigenvectors of the symmetric block matrix of cross-covariances; with one edge these are the singular
    vectors of its covariance.
    """
    start = dict(zip(sizes, np.cumsum([0, *sizes.values()]), strict=False))
    whole = np.zeros((sum(sizes.values()),) * 2)
    for (a, b), c in covariance.items():
        # Edges count alike, whatever the scale of their covariance.
        c = c / max(float(np.linalg.norm(c, 2)), 1e-12)
        whole[start[a] : start[a] + sizes[a], start[b] : start[b] + sizes[b]] += c
    values, vectors = np.linalg.eigh(whole + whole.T)
    n = int(min(n_directions, max(1, (values > 1e-9 * values[-1]).sum())))
    strength: Floats = values[::-1][:n] / values[-1]
    leading = vectors[:, ::-1][:, :n]
    out = {}
    for view, size in sizes.items():
        block = leading[start[view] : start[view] + size]
        out[view] = block / np.maximum(np.linalg.norm(block, axis=0), 1e-12) * strength
    sign = np.sign(np.sum([block.sum(0) for block in out.values()], axis=0))
    sign[sign == 0] = 1
    return {view: (block * sign).astype(np.float32) for view, block in out.items()}, strength


def _leading_axes(blocks: list[Array], n_axes: int) -> Array:
    """Return the principal axes of all views' rows, every view weighing the same, shape `(n_columns, n_axes)`."""
    mean = np.mean([x.mean(0, dtype=np.float64) for x in blocks], axis=0)
    scatter = sum((x - mean).T @ (x - mean) / len(x) for x in blocks)
    vectors = np.linalg.eigh(scatter)[1]
    return vectors[:, ::-1][:, :n_axes].astype(np.float32)
