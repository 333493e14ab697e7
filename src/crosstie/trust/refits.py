"""Refits with some links, cells or counts changed, and what they tell about each edge and each cell.

The only place of `trust` that fits. Its results are arrays; `signals` puts them into words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from crosstie._threads import side_by_side
from crosstie._typing import Array, Edge, Floats
from crosstie.anchors.agreement import above_null, above_other_pairings, combined_z_score, matched_correlations
from crosstie.metrics import foscttm
from crosstie.model.model import Model
from crosstie.trust.match_stability import halves, moved
from crosstie.trust.sketch_fit import Fit, Sketch, permuted, without_share

N_FOLDS = 3
LEAST_COLUMNS = 4  # fewer have too few possible pairings to test
SKETCH_PAIRS = 1000
MOST_JUDGED = 1000  # columns correlated with each other: enough for a test
LEAST_HELD = 6  # from here on, each third holds two columns
Place = Callable[[str], tuple[Array, Array]]  # coordinates of a view: of all its cells, and of the sketch


@dataclass
class EdgeEvidence:
    """Results of the refits for one edge; NaN if unknown.

    Parameters
    ----------
    n_columns, n_pairs
        Number of linked columns and of shared cells.
    agreement, null
        Mean correlation of linked columns across matched cells, and the same in fits with permuted links.
    above_null
        How far `agreement` lies above `null`, in standard deviations.
    held_out
        How much better links left out of a fit agree than other pairings of them, in standard deviations.
    pairs
        FOSCTTM of shared cells left out of a fit.
    """

    n_columns: int = 0
    agreement: float = float("nan")
    null: Floats = field(default_factory=lambda: np.empty(0))
    above_null: float = float("nan")
    held_out: float = float("nan")
    n_pairs: int = 0
    pairs: float = float("nan")


@dataclass(frozen=True)
class Evidence:
    """Results of all refits.

    Parameters
    ----------
    edges
        Results of each edge.
    moved
        By what was changed (`"links"`, `"cells"`, `"counts"`, `"map"`), then by source and target view in both
        directions: how far the matches of each source cell move, shape `(n_source,)`, 0 to 0.5 for chance.
    """

    edges: dict[Edge, EdgeEvidence]
    moved: dict[str, dict[Edge, Floats]]


def gather(model: Model, *, n_null: int, n_stability: int, seed: int) -> Evidence:
    """Refit a model on a sketch: with permuted links, without some links, without some cells.

    Parameters
    ----------
    model
        A fitted model with its data.
    n_null
        Number of fits with permuted links.
    n_stability
        Number of fits on a random 80 % of the sketch.
    seed
        Seed of all random draws.
    """
    sketch = Sketch.of(model, seed=seed)
    rng = np.random.default_rng([seed, 2])
    whole = sketch.fit(seed=seed)
    evidence = {
        (a, b): EdgeEvidence(n_columns=source.shape[1], n_pairs=len(sketch.problem.pairs.get((a, b), ((), ()))[0]))
        for (a, b), (source, _) in sketch.problem.columns.items()
    }
    for edge, found in _agreements(whole, sketch.problem.columns).items():
        evidence[edge].agreement = found
    if n_null and any(e.n_columns >= LEAST_COLUMNS for e in evidence.values()):
        _link_null(sketch, evidence, n_null, rng)
    place = _placed(whole)
    for view in sketch.problem.components:  # cached before threads ask for it
        place(view)
    links = _without_links(sketch, evidence, place, rng)
    some = [without_share(sketch.rows, 0.2, rng) for _ in range(n_stability)]
    parts = {
        "links": links,
        "cells": _means(
            side_by_side(lambda rows: _movement(sketch, place, _placed(sketch.fit(rows=rows, seed=seed))), some)
        ),
        "counts": _halved(model, sketch, whole, place, rng),
        "map": _movement(sketch, place, lambda view: (model.latents[view], model.latents[view][sketch.rows[view]])),
    }
    return Evidence(evidence, parts)


def _placed(fit: Fit) -> Place:
    found: dict[str, tuple[Array, Array]] = {}

    def place(view: str) -> tuple[Array, Array]:
        if view not in found:
            z = fit.place(view)
            found[view] = z, z[fit.sketch.rows[view]]
        return found[view]

    return place


def _movement(sketch: Sketch, first: Place, second: Place) -> dict[Edge, Floats]:
    """Return how far the matches of all cells move between two maps, for each edge in both directions."""
    return {
        (s, t): moved((first(s)[0], first(t)[1]), (second(s)[0], second(t)[1]))
        for a, b in sketch.problem.columns
        for s, t in ((a, b), (b, a))
    }


def _means(found: Iterable[dict[Edge, Floats]]) -> dict[Edge, Floats]:
    each = list(found)
    return {edge: np.mean([one[edge] for one in each], axis=0) for edge in each[0]} if each else {}


def _correlations(fit: Fit, edge: Edge, source: Floats, target: Floats) -> Floats:
    (a, b), sketch = edge, fit.sketch
    step = max(1, -(-source.shape[1] // MOST_JUDGED))
    source, target = source[:, ::step], target[:, ::step]
    x, y = (sketch.problem.components[view][sketch.rows[view]] for view in edge)
    z = [fit.place(view, sketch.rows[view]) for view in (a, b)]
    settings = sketch.problem.settings
    return matched_correlations(z[0], z[1], x @ source, y @ target, entropy=settings.entropy, balance=settings.balance)


def _agreements(fit: Fit, columns: Mapping[Edge, tuple[Floats, Floats]]) -> dict[Edge, float]:
    """Return the mean correlation of linked columns, for every edge with linked features."""
    return {
        edge: float(np.diag(_correlations(fit, edge, *sides)).mean())
        for edge, sides in columns.items()
        if sides[0].shape[1]
    }


def _link_null(sketch: Sketch, evidence: Mapping[Edge, EdgeEvidence], n_null: int, rng: np.random.Generator) -> None:
    """Compare the agreement of every edge with fits of permuted links."""
    null: dict[Edge, list[float]] = {edge: [] for edge in evidence}
    draws = [permuted(sketch.problem.columns, rng) for _ in range(n_null)]
    for draw in side_by_side(lambda columns: _agreements(sketch.fit(columns=columns), columns), draws):
        for edge, found in draw.items():
            null[edge].append(found)
    for edge, values in null.items():
        if evidence[edge].n_columns >= LEAST_COLUMNS:
            evidence[edge].null = np.array(values)
            evidence[edge].above_null = above_null(evidence[edge].agreement, evidence[edge].null)


def _without_links(
    sketch: Sketch, evidence: Mapping[Edge, EdgeEvidence], place: Place, rng: np.random.Generator
) -> dict[Edge, Floats]:
    """Leave out each third of the links and shared cells of every edge in turn, and test on what was left out."""
    columns = {e: np.array_split(rng.permutation(s.shape[1]), N_FOLDS) for e, (s, _) in sketch.problem.columns.items()}
    pairs = {e: np.array_split(rng.permutation(len(i)), N_FOLDS) for e, (i, _) in sketch.problem.pairs.items()}

    def without(fold: int) -> tuple[dict[Edge, Floats], dict[Edge, float], dict[Edge, float]]:
        """Return how far matches move, how well held-out links agree, and the FOSCTTM of held-out shared cells."""
        kept, held = {}, {}
        for edge, (source, target) in sketch.problem.columns.items():
            out = columns[edge][fold] if source.shape[1] > 1 else np.empty(0, np.int64)
            stay = np.setdiff1d(np.arange(source.shape[1]), out)
            kept[edge], held[edge] = stay, (source[:, out], target[:, out])
        known = {
            edge: (np.delete(i, pairs[edge][fold]), np.delete(j, pairs[edge][fold]))
            for edge, (i, j) in sketch.problem.pairs.items()
        }
        fit = sketch.fit(stay=kept, pairs=known)
        agree = {
            edge: above_other_pairings(_correlations(fit, edge, *sides))
            for edge, sides in held.items()
            if evidence[edge].n_columns >= LEAST_HELD
        }
        ranks = {}
        for (a, b), (i, j) in sketch.problem.pairs.items():
            out = pairs[a, b][fold][:SKETCH_PAIRS]
            if len(out) > 1:
                ranks[a, b] = float(foscttm(fit.place(a, i[out]), fit.place(b, j[out])))
        return _movement(sketch, place, _placed(fit)), agree, ranks

    folds = side_by_side(without, range(N_FOLDS))
    for edge, found in evidence.items():
        found.held_out = combined_z_score(np.array([agree[edge] for _, agree, _ in folds if edge in agree]))
        off = [ranks[edge] for _, _, ranks in folds if edge in ranks]
        if off:
            found.pairs = float(np.mean(off))
    return _means([change for change, _, _ in folds])


def _halved(model: Model, sketch: Sketch, whole: Fit, place: Place, rng: np.random.Generator) -> dict[Edge, Floats]:
    """Return how far each cell's matches differ between the two halves of its counts; only for views of counts."""
    out: dict[Edge, Floats] = {}
    for name, view in model.views.items():
        if view.values != "counts":
            continue
        z = [whole.place(name, components=model.recipes[name].transform(x)) for x in halves(view.loaded, rng)]
        for a, b in sketch.problem.columns:
            if name in (a, b):
                other = b if name == a else a
                target = place(other)[1]
                out[name, other] = moved((z[0], target), (z[1], target))
    return out


def of_cells(evidence: Evidence, view: str, parts: tuple[str, ...] = ("links", "cells", "counts")) -> Floats | None:
    """Return how far each cell's matches move in total, averaged over the edges of its view; `None` if unknown."""
    totals = []
    for part in parts:
        found = [x for (source, _), x in evidence.moved.get(part, {}).items() if source == view]
        if found:
            totals.append(np.mean(found, axis=0))
    return np.sum(totals, axis=0) if totals else None
