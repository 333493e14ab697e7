"""Fits the closed form: alternately matches sketches of cells and computes shared directions (method.md, eq. 10–17)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from crosstie._threads import few_threads, side_by_side
from crosstie._typing import Array, Edge, Floats, Index, Labels
from crosstie.anchors.batch_offsets import Offsets
from crosstie.anchors.closed_form import ClosedForm, near_mean
from crosstie.anchors.column_layout import Layout
from crosstie.anchors.linear import damping_factor, unit_rows
from crosstie.anchors.link_evidence import link_maps
from crosstie.anchors.neighbours import Neighbours
from crosstie.anchors.refinement import Refinement
from crosstie.anchors.transport import composed_plan

MAX_AMONG = 20_000  # cells searched for the neighbours that smooth a sketch
MIN_MATCH = 10  # unshared cells needed for a match
REACHED = 1e-6  # length of a direction in a view above which it is more than rounding


def fit_closed_form(
    components: Mapping[str, Array],
    columns: Mapping[Edge, tuple[Floats, Floats]],
    settings: Refinement,
    *,
    groups: Mapping[Edge, Index] | None = None,
    pairs: Mapping[Edge, tuple[Index, Index]] | None = None,
    batches: Mapping[str, Labels] | None = None,
    seed: int = 0,
) -> ClosedForm:
    """Fit the closed form of two or more views. The order of the views and of the edges makes no difference.

    Parameters
    ----------
    components
        Principal component scores of each view, shape `(n_cells, n_components)`.
    columns
        For each edge, the maps from the components of its two views to the linked columns, shapes
        `(n_components, n_columns)`; `n_columns` is 0 if the edge only has shared cells.
    settings
        Settings of the closed form, such as the number of rounds.
    groups
        Group of each linked column of the edges; a group is whitened and scaled on its own. `None`: one for each edge.
    pairs
        For each edge with shared cells, their row numbers in the two views.
    batches
        Batch of each cell, for the views that have batches; `None` corrects nothing.
    seed
        Seed of the random sketches and of the batch clusters; it has no effect if neither is needed.
    """
    rng = np.random.default_rng(seed)
    given, edges = tuple(components), tuple(columns)
    components, parts, pairs = _sorted_views(components, _grouped(columns, groups or {}), pairs or {})
    mean = {view: x.mean(0, dtype=np.float64).astype(np.float32) for view, x in components.items()}
    centred = {view: x - mean[view] for view, x in components.items()}
    blocks, spans = _link_blocks(centred, parts, settings.link_shrinkage)
    layout = Layout.of(centred, blocks)
    factor = {view: damping_factor(x, settings.damping).astype(np.float32) for view, x in centred.items()}
    damped = {view: x * factor[view] for view, x in centred.items()}
    linked = {(a, b): (centred[a] @ p, centred[b] @ q) for (a, b), (p, q) in blocks.items()}
    sizes = {view: len(f) for view, f in factor.items()}
    known = {(a, b): SharedCells.of((damped[a], damped[b]), linked[a, b], rows) for (a, b), rows in pairs.items()}

    def linked_maps(view: str, agreement: Mapping[Edge, Floats]) -> list[Array]:
        weighed = [(e, blocks[e][e.index(view)] * agreement[e].astype(np.float32)) for e in layout.edges[view]]
        return [block[:, span] for e, block in weighed for span in spans[e]]

    def maps_of(covariance: Mapping[Edge, Floats], agreement: Mapping[Edge, Floats]) -> tuple[dict[str, Array], Floats]:
        directions, strength = shared_directions(sizes, covariance, settings.n_latent)
        return {
            v: _joined(x, factor[v][:, None] * directions[v], linked_maps(v, agreement), settings.link_weight)
            for v, x in centred.items()
        }, strength

    equal = {edge: np.ones(p.shape[1]) for edge, (p, _) in blocks.items()}
    maps = {v: _joined(x, None, linked_maps(v, equal), 1) for v, x in centred.items()}
    bridges = {edge: k.covariance for edge, k in known.items() if blocks[edge][0].shape[1] == 0}
    if bridges:
        maps, strength = maps_of(bridges, equal)
    for _ in range(settings.n_rounds):
        z = {view: unit_rows(x @ maps[view]) for view, x in centred.items()}
        z = {view: smoothed(x, settings) if len(x) <= settings.n_sketch else x for view, x in z.items()}
        covariance, agreement = {}, {}
        for edge in blocks:
            sides = [(damped[v], z[v], x) for v, x in zip(edge, linked[edge], strict=True)]
            found = match_softly(sides[0], sides[1], layout.aligner(edge), settings, rng, known.get(edge))
            covariance[edge], agreement[edge] = found
        maps, strength = maps_of(covariance, agreement)
    rotation = layout.leading_axes({v: unit_rows(x @ maps[v]) for v, x in centred.items()}, settings.n_latent)
    maps = {view: _scaled(x, maps[view] @ rotation[view]) for view, x in centred.items()}
    reference = {view: unit_rows(x @ maps[view]) for view, x in centred.items()}
    sign = _axis_signs(reference)
    maps = {view: maps[view] * sign for view in given}
    reference = {view: z * sign for view, z in reference.items()}
    offsets = None
    if batches:
        offsets = Offsets.fit(reference, batches, seed=seed)
        reference |= {view: offsets.corrected(view, reference[view], batch) for view, batch in batches.items()}
    return ClosedForm(mean, maps, {view: reference[view] for view in given}, strength, edges, settings, offsets)


Columns = Mapping[Edge, tuple[Floats, Floats]]
Pairs = Mapping[Edge, tuple[Index, Index]]


def _grouped(columns: Columns, groups: Mapping[Edge, Index]) -> dict[Edge, tuple[list[Floats], list[Floats]]]:
    """Return the maps to linked columns of both sides of every edge, group by group; one group where none is given."""
    out = {}
    for edge, maps in columns.items():
        group = groups.get(edge, np.zeros(maps[0].shape[1], np.int64))
        parts = [_sorted_columns(*(side[:, group == g] for side in maps)) for g in np.unique(group)] or [maps]
        out[edge] = [source for source, _ in parts], [target for _, target in parts]
    return out


def _sorted_views(
    components: Mapping[str, Array], columns: Mapping[Edge, tuple[list[Floats], list[Floats]]], pairs: Pairs
) -> tuple[Mapping[str, Array], dict[Edge, tuple[list[Floats], list[Floats]]], Pairs]:
    """Return everything in an order that the contents decide: smaller views first, edges from the smaller view on.

    Transport and the draws of sketches treat the first view differently from the second, if only slightly.
    """

    def contents(view: str) -> tuple[int, int, float]:
        x = components[view]
        return len(x), x.shape[1], float(x.var(0, dtype=np.float64).sum())

    place = {view: i for i, view in enumerate(sorted(components, key=contents))}

    def turned(parts: Mapping[Edge, tuple[Any, Any]]) -> dict[Edge, tuple[Any, Any]]:
        forward = {
            (a, b) if place[a] < place[b] else (b, a): part if place[a] < place[b] else part[::-1]
            for (a, b), part in parts.items()
        }
        return {edge: forward[edge] for edge in sorted(forward, key=lambda edge: (place[edge[0]], place[edge[1]]))}

    return {view: components[view] for view in place}, turned(columns), turned(pairs)


def _sorted_columns(source: Floats, target: Floats) -> tuple[Floats, Floats]:
    """Return linked columns sorted by their contents: the first component's weight on either side."""
    by = np.lexsort((np.maximum(source[0], target[0]), np.minimum(source[0], target[0])))
    return source[:, by], target[:, by]


def _axis_signs(z: Mapping[str, Array]) -> Array:
    """Return signs that make the third moment of each axis positive, where eigenvectors have an arbitrary one."""
    third = np.sum([(x.astype(np.float64) ** 3).mean(0) for x in z.values()], axis=0)
    return np.where(third < 0, -1, 1).astype(np.float32)


def smoothed(z: Array, settings: Refinement, *, among: Array | None = None) -> Array:
    """Return coordinates averaged with those of the nearest neighbours among `among`, by default the same cells."""
    if settings.smoothing == 0:
        return z
    near = near_mean(z, Neighbours(z if among is None else among), settings.n_smooth)
    return unit_rows((1 - settings.smoothing) * z + settings.smoothing * near)


def _joined(x: Array, directions: Array | None, links: list[Array], link_weight: float) -> Array:
    """Return one map to the shared directions, if any, and to the groups of linked columns of each edge.

    The directions are scaled to mean square length 1 and each group to `link_weight`, so that an edge with many links
    does not dominate the others.
    """
    parts = [] if directions is None else [_scaled(x, directions)]
    return np.hstack([*parts, *(np.float32(link_weight) * _scaled(x, block) for block in links)])


def _scaled(x: Array, matrix: Array) -> Array:
    """Return the map scaled so that mapped rows have unit mean square length."""
    return (matrix / np.float32(max(np.sqrt(((x @ matrix) ** 2).sum(1).mean(dtype=np.float64)), 1e-12))).astype(
        np.float32
    )


def _link_blocks(
    centred: Mapping[str, Array], parts: Mapping[Edge, tuple[list[Floats], list[Floats]]], shrinkage: float
) -> tuple[dict[Edge, tuple[Array, Array]], dict[Edge, list[slice]]]:
    """Return the maps from components to whitened linked columns of every edge, and the span of each group in them."""
    covariance = {view: (x.T @ x / len(x)).astype(np.float64) for view, x in centred.items()}
    blocks, spans = {}, {}
    for (a, b), (sources, targets) in parts.items():
        white = [
            link_maps(source, target, covariance[a], covariance[b], shrinkage=shrinkage)
            for source, target in zip(sources, targets, strict=True)
        ]
        ends = np.cumsum([0, *(p.shape[1] for p, _ in white)])
        blocks[a, b] = np.hstack([p for p, _ in white]), np.hstack([q for _, q in white])
        spans[a, b] = [slice(start, end) for start, end in itertools.pairwise(ends)]
    return blocks, spans


Side = tuple[Array, Array, Array]


@dataclass(frozen=True)
class SharedCells:
    """Covariance and agreement over the shared cells of an edge, and the cells that still have to be matched."""

    n_pairs: int
    covariance: Floats
    agreement: Floats
    free: tuple[Index, Index]

    @classmethod
    def of(cls, damped: tuple[Array, Array], linked: tuple[Array, Array], rows: tuple[Index, Index]) -> SharedCells:
        """Compute both from the damped components and linked columns of the two views, paired by `rows`."""
        i, j = rows
        share = np.full(len(i), 1 / len(i), np.float32)
        covariance, agreement = _together(damped[0][i], damped[1][j], linked[0][i], linked[1][j], share, share, None)
        free = [np.setdiff1d(np.arange(len(x)), r) for x, r in zip(damped, rows, strict=True)]
        return cls(len(i), covariance, np.maximum(agreement, 0), (free[0], free[1]))


def match_softly(
    source: Side,
    target: Side,
    align: Callable[[Array, Array], tuple[Array, Array]],
    settings: Refinement,
    rng: np.random.Generator,
    known: SharedCells | None = None,
) -> tuple[Floats, Floats]:
    """Match the cells of two views by optimal transport, and return what varies together over the match.

    Parameters
    ----------
    source, target
        Damped components, coordinates used for matching, and linked columns of each view, with one row per cell.
    align
        Puts the coordinates of the two views into common columns.
    settings
        Settings of the closed form.
    rng
        Generator that draws the sketches.
    known
        Result for the shared cells, which are not matched again; `None` if there are none.

    Returns
    -------
    covariance
        Cross-covariance of the components of the two views over matched cells, shape `(n_components, n_components)`.
    agreement
        Correlation of the two sides of each linked column over matched cells, at least 0, shape `(n_columns,)`. Both
        are means over sketches.
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
        among = [
            None if isinstance(drawn, slice) else _sketch_of(whole, MAX_AMONG, rng)
            for drawn, whole in ((rows, source[1]), (columns, target[1]))
        ]
        with few_threads(settings.n_sketch):
            zx, zy = side_by_side(
                lambda side: side[0] if side[1] is None else smoothed(side[0], settings, among=side[1]),
                zip((zx, zy), among, strict=True),
                n_rows=settings.n_sketch,
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
    """Return covariance of components and correlation of linked columns over a plan; `None` pairs row by row."""

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


def shared_directions(
    sizes: Mapping[str, int], covariance: Mapping[Edge, Floats], n_directions: int
) -> tuple[dict[str, Array], Floats]:
    """Return the directions of each view that vary together along the edges, each weighted by its strength.

    They are the leading eigenvectors of the symmetric block matrix of cross-covariances; with one edge, the singular
    vectors of its covariance. A view that a direction does not reach gets zeros.
    """
    start = dict(zip(sizes, np.cumsum([0, *sizes.values()]), strict=False))
    whole = np.zeros((sum(sizes.values()),) * 2)
    for (a, b), c in covariance.items():
        # Every edge has the same weight, whatever the scale of its covariance.
        c = c / max(float(np.linalg.norm(c, 2)), 1e-12)
        whole[start[a] : start[a] + sizes[a], start[b] : start[b] + sizes[b]] += c
    values, vectors = np.linalg.eigh(whole + whole.T)
    n = int(min(n_directions, max(1, (values > 1e-9 * values[-1]).sum())))
    strength: Floats = values[::-1][:n] / values[-1]
    leading = vectors[:, ::-1][:, :n]
    out = {}
    for view, size in sizes.items():
        block = leading[start[view] : start[view] + size]
        norm = np.linalg.norm(block, axis=0)
        out[view] = block / np.where(norm > REACHED, norm, np.inf) * strength
    sign = np.sign(np.sum([block.sum(0) for block in out.values()], axis=0))
    sign[sign == 0] = 1
    return {view: (block * sign).astype(np.float32) for view, block in out.items()}, strength
