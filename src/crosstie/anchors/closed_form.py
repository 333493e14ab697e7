"""The closed form: all views in one space by linear maps, found by matching and correlating in turn.

Links give a first match of cells; the match gives the cross-covariance of *all* components; its leading directions give
coordinates; these, beside the links, give a better match. Seconds, no training (method.md, eq. 10 to 17).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from crosstie._threads import few_threads
from crosstie._typing import Array, Floats, Index, Labels
from crosstie.anchors.evidence import link_maps
from crosstie.anchors.layout import Layout
from crosstie.anchors.neighbours import Neighbours
from crosstie.anchors.offsets import Offsets
from crosstie.anchors.rows import unit_rows
from crosstie.anchors.transport import composed_plan

Edge = tuple[str, str]

MAX_AMONG = 20_000  # cells among which the neighbours of a sketch are sought, to smooth it
MIN_MATCH = 10  # cells beside the shared ones from which on a match is made


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
    offsets
        What is taken off the coordinates of the batches, if there are any.
    extensions
        Views that were added later: they are drawn to the others, and none is drawn to them.
    indexed
        The reference of each view, ready to be searched; made when it is first needed.
    """

    mean: Mapping[str, Array]
    maps: Mapping[str, Array]
    reference: Mapping[str, Array]
    strength: Floats
    edges: tuple[Edge, ...]
    settings: Refinement
    offsets: Offsets | None = None
    extensions: tuple[str, ...] = ()
    indexed: dict[str, Neighbours] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __getstate__(self) -> dict[str, object]:
        return vars(self) | {"indexed": {}}  # another process makes its own

    def raw(self, view: str, components: Floats) -> Array:
        """Return where the map of a view puts cells: coordinates before batches and pull, rows of length 1."""
        return unit_rows((components - self.mean[view]) @ self.maps[view])

    def coordinates(self, view: str, components: Floats, batch: Labels | None = None) -> Array:
        """Return coordinates of length 1, shape `(n_cells, n_latent)`; the same for fitted cells and for new ones.

        Parameters
        ----------
        view
            The view that the cells belong to.
        components
            Their component scores, shape `(n_cells, n_components)`.
        batch
            The batch of each; nothing is taken off the coordinates of one that was not fitted.
        """
        z, pull = self.raw(view, components), self.settings.pull
        if self.offsets is not None and batch is not None:
            z = self.offsets.corrected(view, z, batch)
        if pull == 0:
            return z
        linked = [b if view == a else a for a, b in self.edges if view in (a, b)]
        others = [self.among(other) for other in linked if other not in self.extensions]
        drawn = np.mean([near_mean(z, other, self.settings.n_smooth) for other in others], axis=0)
        return unit_rows((1 - pull) * z + pull * drawn)

    def among(self, view: str) -> Neighbours:
        """Return the fitted cells of a view, ready to be searched for neighbours of coordinates."""
        if view not in self.indexed:
            self.indexed[view] = Neighbours(self.reference[view])
        return self.indexed[view]


def fit_closed_form(
    components: Mapping[str, Array],
    columns: Mapping[Edge, tuple[Floats, Floats]],
    settings: Refinement,
    *,
    pairs: Mapping[Edge, tuple[Index, Index]] | None = None,
    batches: Mapping[str, Labels] | None = None,
    seed: int = 0,
) -> ClosedForm:
    """Find the closed form of any number of views.

    Parameters
    ----------
    components
        Principal component scores of each view, shape `(n_cells, n_components)`.
    columns
        For each edge, maps from the components of its two sides to the linked columns, shapes
        `(n_components, n_columns)`; without columns, where only cells are shared.
    settings
        Numbers of rounds, of sketches, …
    pairs
        For edges of which some cells are known to be the same: their row numbers in both views.
    batches
        Batch of each cell of the views that have batches.
    seed
        Of the sketches; without effect where views are smaller than a sketch.
    """
    rng = np.random.default_rng(seed)
    mean = {view: x.mean(0, dtype=np.float64).astype(np.float32) for view, x in components.items()}
    centred = {view: x - mean[view] for view, x in components.items()}
    blocks = _link_blocks(centred, columns, settings.link_shrinkage)
    layout = Layout.of(centred, blocks)
    factor = {view: damping_factor(x, settings.damping).astype(np.float32) for view, x in centred.items()}
    damped = {view: x * factor[view] for view, x in centred.items()}
    linked = {(a, b): (centred[a] @ p, centred[b] @ q) for (a, b), (p, q) in blocks.items()}
    sizes = {view: len(f) for view, f in factor.items()}
    known = {(a, b): _Known.of((damped[a], damped[b]), linked[a, b], rows) for (a, b), rows in (pairs or {}).items()}

    def maps_of(covariance: Mapping[Edge, Floats], agreement: Mapping[Edge, Floats]) -> tuple[dict[str, Array], Floats]:
        directions, strength = _shared_directions(sizes, covariance, settings.n_latent)
        return {
            v: _side_by_side(
                centred[v],
                factor[v][:, None] * directions[v],
                [blocks[e][e.index(v)] * agreement[e].astype(np.float32) for e in layout.edges[v]],
                settings.link_weight,
            )
            for v in sizes
        }, strength

    maps = {v: _side_by_side(x, None, [blocks[e][e.index(v)] for e in layout.edges[v]], 1) for v, x in centred.items()}
    bridges = {edge: k.covariance for edge, k in known.items() if blocks[edge][0].shape[1] == 0}
    if bridges:
        maps, strength = maps_of(bridges, {edge: np.ones(p.shape[1]) for edge, (p, _) in blocks.items()})
    for _ in range(settings.n_rounds):
        z = {view: unit_rows(x @ maps[view]) for view, x in centred.items()}
        z = {view: smoothed(x, settings) if len(x) <= settings.n_sketch else x for view, x in z.items()}
        covariance, agreement = {}, {}
        for edge in blocks:
            sides = [(damped[v], z[v], x) for v, x in zip(edge, linked[edge], strict=True)]
            found = _matched(sides[0], sides[1], layout.aligner(edge), settings, rng, known.get(edge))
            covariance[edge], agreement[edge] = found
        maps, strength = maps_of(covariance, agreement)
    rotation = layout.leading_axes({v: unit_rows(x @ maps[v]) for v, x in centred.items()}, settings.n_latent)
    maps = {view: _scaled(x, maps[view] @ rotation[view]) for view, x in centred.items()}
    reference = {view: unit_rows(x @ maps[view]) for view, x in centred.items()}
    offsets = None
    if batches:
        offsets = Offsets.fit(reference, batches, seed=seed)
        reference |= {view: offsets.corrected(view, reference[view], batch) for view, batch in batches.items()}
    return ClosedForm(mean, maps, reference, strength, tuple(columns), settings, offsets)


def damping_factor(components: Array, damping: float) -> Floats:
    """Return what components are multiplied by to be whitened softly (method.md, eq. 11), shape `(n_components,)`."""
    variance = components.var(0, dtype=np.float64)
    return 1 / np.sqrt(variance + damping * variance.sum() + 1e-12)


def smoothed(z: Array, settings: Refinement, *, among: Array | None = None) -> Array:
    """Return coordinates of a view's cells averaged with those of their nearest, among these or others of the view."""
    if settings.smoothing == 0:
        return z
    near = near_mean(z, Neighbours(z if among is None else among), settings.n_smooth)
    return unit_rows((1 - settings.smoothing) * z + settings.smoothing * near)


def near_mean(z: Array, among: Neighbours, k: int) -> Array:
    """Return the mean of the `k` rows of a reference nearest to each row of `z`."""
    near, reference = among.search(z, k)[1], among.base
    total = reference[near[:, 0]].copy()
    for column in near.T[1:]:  # one neighbour at a time: never cells × neighbours × coordinates
        total += reference[column]
    return total / near.shape[1]


def _side_by_side(x: Array, directions: Array | None, links: list[Array], link_weight: float) -> Array:
    """Return one map to shared directions, if any, and to the linked columns of each edge.

    Scaled to mean square lengths 1 and, edge by edge, `link_weight`: edges with many links do not drown the others.
    """
    parts = [] if directions is None else [_scaled(x, directions)]
    return np.hstack([*parts, *(np.float32(link_weight) * _scaled(x, block) for block in links)])


def _scaled(x: Array, matrix: Array) -> Array:
    """Return a map scaled so that rows come out with unit mean square length."""
    return (matrix / np.float32(max(np.sqrt(((x @ matrix) ** 2).sum(1).mean(dtype=np.float64)), 1e-12))).astype(
        np.float32
    )


def _link_blocks(
    centred: Mapping[str, Array], columns: Mapping[Edge, tuple[Floats, Floats]], shrinkage: float
) -> dict[Edge, tuple[Array, Array]]:
    """Return the maps of the two sides of every edge to its linked columns, whitened."""
    covariance = {view: (x.T @ x / len(x)).astype(np.float64) for view, x in centred.items()}
    return {
        (a, b): link_maps(source, target, covariance[a], covariance[b], shrinkage=shrinkage)
        for (a, b), (source, target) in columns.items()
    }


Side = tuple[Array, Array, Array]


@dataclass(frozen=True)
class _Known:
    """What the shared cells of an edge show: the same as a match does, without doubt, and which cells are left."""

    n_pairs: int
    covariance: Floats
    agreement: Floats
    free: tuple[Index, Index]

    @classmethod
    def of(cls, damped: tuple[Array, Array], linked: tuple[Array, Array], rows: tuple[Index, Index]) -> _Known:
        i, j = rows
        share = np.full(len(i), 1 / len(i), np.float32)
        covariance, agreement = _together(damped[0][i], damped[1][j], linked[0][i], linked[1][j], share, share, None)
        free = [np.setdiff1d(np.arange(len(x)), r) for x, r in zip(damped, rows, strict=True)]
        return cls(len(i), covariance, np.maximum(agreement, 0), (free[0], free[1]))


def _matched(
    source: Side,
    target: Side,
    align: Callable[[Array, Array], tuple[Array, Array]],
    settings: Refinement,
    rng: np.random.Generator,
    known: _Known | None = None,
) -> tuple[Floats, Floats]:
    """Match the cells of two views softly, and see what goes together.

    Parameters
    ----------
    source, target
        Of each view: damped components, coordinates to match by, and the edge's linked columns; a row per cell.
    align
        Puts the coordinates of the two sides into common columns.
    known
        What their shared cells show; these are not matched again.

    Returns
    -------
    covariance
        Of the two sides' components over matched cells, shape `(n_components, n_components)`.
    agreement
        Correlation of each linked column of one side with that of the other over matched cells, at least 0, shape
        `(n_columns,)`. Both are means over sketches.
    """
    if known is not None:
        source, target = _of_rows(source, known.free[0]), _of_rows(target, known.free[1])
    n_cells = len(source[0]), len(target[0])
    if known is not None and min(n_cells) < MIN_MATCH:
        return known.covariance, known.agreement
    n_sketches = min(settings.n_sketches, -(-max(n_cells) // settings.n_sketch))
    covariance = np.zeros((source[0].shape[1], target[0].shape[1]))
    agreement = np.zeros(source[2].shape[1])
    for _ in range(n_sketches):
        rows, columns = (_sketch(n, settings.n_sketch, rng) for n in n_cells)
        (x, zx, lx), (y, zy, ly) = _of_rows(source, rows), _of_rows(target, columns)
        with few_threads(settings.n_sketch):
            zx, zy = (
                z if isinstance(drawn, slice) else smoothed(z, settings, among=_sketch_of(whole, MAX_AMONG, rng))
                for z, drawn, whole in ((zx, rows, source[1]), (zy, columns, target[1]))
            )
            plan = composed_plan(*align(zx, zy), entropy=settings.entropy, balance=settings.balance)
            together, agreed = _together(x, y, lx, ly, plan.sum(1), plan.sum(0), plan)
        covariance += together
        agreement += agreed
    covariance, agreement = covariance / n_sketches, np.maximum(agreement / n_sketches, 0)
    if known is None:
        return covariance, agreement
    share = known.n_pairs / (known.n_pairs + min(n_cells))  # a shared cell counts as much as a matched one
    return (
        share * known.covariance + (1 - share) * covariance,
        share * known.agreement + (1 - share) * agreement,
    )


def _together(
    x: Array, y: Array, lx: Array, ly: Array, source_share: Array, target_share: Array, plan: Array | None
) -> tuple[Floats, Floats]:
    """Return covariance of components, and correlation of linked columns, over a plan; `None` pairs row with row."""

    def sent(part: Array) -> Array:
        return source_share[:, None] * part if plan is None else plan @ part

    covariance = x.T @ sent(y) - np.outer(source_share @ x, target_share @ y)
    lx, ly = lx - source_share @ lx, ly - target_share @ ly
    spread = np.sqrt((source_share @ lx**2) * (target_share @ ly**2))
    return covariance, (sent(ly) * lx).sum(0) / np.where(spread > 1e-12, spread, np.inf)


def _of_rows(side: Side, rows: slice | np.ndarray) -> Side:
    return side[0][rows], side[1][rows], side[2][rows]


def _sketch_of(z: Array, n: int, rng: np.random.Generator) -> Array:
    return z[_sketch(len(z), n, rng)]


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
