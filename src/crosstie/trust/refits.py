"""Refits with some links, cells or counts left out, and what they tell about each edge and each cell.

Its results are arrays; `signals` puts them into words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from crosstie._threads import side_by_side
from crosstie._typing import Array, Edge, Floats, Index
from crosstie.links.antibody_names import lookup
from crosstie.links.linked_columns import column_names
from crosstie.metrics import foscttm
from crosstie.model.closed_form_problem import ClosedFormProblem
from crosstie.model.model import Model
from crosstie.trust.exchanged_links import Exchanged, confirmed
from crosstie.trust.left_out_links import LeftOutLinks, leave_out_links
from crosstie.trust.match_stability import halves, moved
from crosstie.trust.resolution import resolutions
from crosstie.trust.sketch_fit import Fit, Sketch, without_share

N_FOLDS = 3
SKETCH_PAIRS = 1000
LINK_SKETCH = 512  # cells of a view in the fits that test links: ten of them, each on a quarter of the cost
MOST_ASKED = 2048  # cells of a view whose matches are compared
Place = Callable[[str], tuple[Array, Array]]  # coordinates of a view: of the cells asked, and of the sketch


@dataclass
class EdgeEvidence:
    """Results of the refits for one edge.

    Parameters
    ----------
    n_columns, n_pairs
        Number of linked columns and of shared cells.
    links
        What fits tell about links that they did not see; `None` if there are too few.
    exchanged
        Links whose names seem to be exchanged.
    resolution
        For both views, how far apart the cells are that the linked columns take for neighbours: 0 to 0.5 for chance;
        NaN without linked columns.
    pairs
        FOSCTTM of shared cells left out of a fit; NaN if unknown.
    """

    n_columns: int = 0
    n_pairs: int = 0
    links: LeftOutLinks | None = None
    exchanged: list[Exchanged] = field(default_factory=list)
    resolution: tuple[float, float] = (float("nan"), float("nan"))
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
        directions: how far the matches of source cells move, shape `(n_asked,)`, 0 to 0.5 for chance. All cells are
        asked, or 2,048 drawn at random.
    problem
        What was fitted.
    """

    edges: dict[Edge, EdgeEvidence]
    moved: dict[str, dict[Edge, Floats]]
    problem: ClosedFormProblem


def gather(model: Model, *, n_stability: int, seed: int) -> Evidence:
    """Refit a model on a sketch: without some links, without some cells.

    Parameters
    ----------
    model
        A fitted model with its data.
    n_stability
        Number of fits on a random 80 % of the sketch.
    seed
        Seed of all random draws.
    """
    sketch = Sketch.of(model, seed=seed)
    rng = np.random.default_rng([seed, 2])
    whole = sketch.fit(seed=seed)
    small = sketch.smaller(LINK_SKETCH, seed=seed).without_learned()
    evidence = {
        (a, b): EdgeEvidence(n_columns=source.shape[1], n_pairs=len(sketch.problem.pairs.get((a, b), ((), ()))[0]))
        for (a, b), (source, _) in small.problem.columns.items()
    }
    for edge, found in evidence.items():
        if found.n_columns:
            found.resolution = resolutions(small.problem, edge, seed=seed)
            found.links = leave_out_links(small, edge)
            if found.links is not None and not _by_name(model, edge):
                names = column_names(model.linkage.judged, edge, model.recipes)
                pairs = confirmed(small, edge, found.links)
                found.exchanged = [p for p in pairs if not any(map(_is_isoform, names[p.first] + names[p.second]))]
    sizes = {name: len(x) for name, x in sketch.problem.components.items()}
    asked = {name: np.sort(rng.permutation(n)[:MOST_ASKED]) for name, n in sizes.items() if n > MOST_ASKED}
    asked |= {name: np.arange(n) for name, n in sizes.items() if n <= MOST_ASKED}
    place = _placed(whole, asked)
    for view in sketch.problem.components:  # cached before threads ask for it
        place(view)
    links = _without_links(sketch, evidence, place, asked, rng)
    some = [without_share(sketch.rows, 0.2, rng) for _ in range(n_stability)]
    parts = {
        "links": links,
        "cells": _means(
            side_by_side(lambda rows: _movement(sketch, place, _placed(sketch.fit(rows=rows, seed=seed), asked)), some)
        ),
        "counts": _halved(model, sketch, whole, place, asked, rng),
        "map": _movement(
            sketch, place, lambda view: (model.latents[view][asked[view]], model.latents[view][sketch.rows[view]])
        ),
    }
    return Evidence(evidence, parts, sketch.problem)


def _is_isoform(name: str) -> bool:
    """Tell whether an antibody is against one isoform (CD45RO): it need not follow its gene, whatever its name."""
    entry = lookup(name)
    return entry is not None and entry.kind == "isoform"


def _by_name(model: Model, edge: Edge) -> bool:
    """Tell whether an edge links features of the same name only: two of thousands look exchanged by chance."""
    links = [link for link in model.linkage.links if set(link.edge) == set(edge)]
    return all((link.pairs["source"] == link.pairs["target"]).all() for link in links)


def _placed(fit: Fit, asked: Mapping[str, Index]) -> Place:
    found: dict[str, tuple[Array, Array]] = {}

    def place(view: str) -> tuple[Array, Array]:
        if view not in found:
            found[view] = fit.place(view, asked[view]), fit.place(view, fit.sketch.rows[view])
        return found[view]

    return place


def _movement(sketch: Sketch, first: Place, second: Place) -> dict[Edge, Floats]:
    """Return how far the matches of the cells asked move between two maps, for each edge in both directions."""
    return {
        (s, t): moved((first(s)[0], first(t)[1]), (second(s)[0], second(t)[1]))
        for a, b in sketch.problem.columns
        for s, t in ((a, b), (b, a))
    }


def _means(found: Iterable[dict[Edge, Floats]]) -> dict[Edge, Floats]:
    each = list(found)
    return {edge: np.mean([one[edge] for one in each], axis=0) for edge in each[0]} if each else {}


def _without_links(
    sketch: Sketch,
    evidence: dict[Edge, EdgeEvidence],
    place: Place,
    asked: Mapping[str, Index],
    rng: np.random.Generator,
) -> dict[Edge, Floats]:
    """Leave out each third of the links and shared cells of every edge in turn; test the shared cells."""
    columns = {e: np.array_split(rng.permutation(s.shape[1]), N_FOLDS) for e, (s, _) in sketch.problem.columns.items()}
    pairs = {e: np.array_split(rng.permutation(len(i)), N_FOLDS) for e, (i, _) in sketch.problem.pairs.items()}

    def without(fold: int) -> tuple[dict[Edge, Floats], dict[Edge, float]]:
        """Return how far matches move, and the FOSCTTM of held-out shared cells."""
        kept = {}
        for edge, (source, _) in sketch.problem.columns.items():
            out = columns[edge][fold] if source.shape[1] > 1 else np.empty(0, np.int64)
            kept[edge] = np.setdiff1d(np.arange(source.shape[1]), out)
        known = {
            edge: (np.delete(i, pairs[edge][fold]), np.delete(j, pairs[edge][fold]))
            for edge, (i, j) in sketch.problem.pairs.items()
        }
        fit = sketch.fit(stay=kept, pairs=known)
        ranks = {}
        for (a, b), (i, j) in sketch.problem.pairs.items():
            out = pairs[a, b][fold][:SKETCH_PAIRS]
            if len(out) > 1:
                ranks[a, b] = float(foscttm(fit.place(a, i[out]), fit.place(b, j[out])))
        return _movement(sketch, place, _placed(fit, asked)), ranks

    folds = side_by_side(without, range(N_FOLDS))
    for edge, found in evidence.items():
        off = [ranks[edge] for _, ranks in folds if edge in ranks]
        if off:
            found.pairs = float(np.mean(off))
    return _means([change for change, _ in folds])


def _halved(
    model: Model, sketch: Sketch, whole: Fit, place: Place, asked: Mapping[str, Index], rng: np.random.Generator
) -> dict[Edge, Floats]:
    """Return how far the matches of cells differ between the two halves of their counts; only for views of counts."""
    out: dict[Edge, Floats] = {}
    for name, view in model.views.items():
        if view.values != "counts":
            continue
        counts = view.loaded if len(asked[name]) == view.n_cells else view.loaded[asked[name]]
        recipe = model.recipes[name]
        z = [whole.place(name, asked[name], components=recipe.transform(x)) for x in halves(counts, rng)]
        for a, b in sketch.problem.columns:
            if name in (a, b):
                other = b if name == a else a
                target = place(other)[1]
                out[name, other] = moved((z[0], target), (z[1], target))
    return out


def of_cells(evidence: Evidence, view: str, parts: tuple[str, ...] = ("links", "cells", "counts")) -> Floats | None:
    """Return how far matches move in total, averaged over the edges of a view; `None` if unknown."""
    totals = []
    for part in parts:
        found = [x for (source, _), x in evidence.moved.get(part, {}).items() if source == view]
        if found:
            totals.append(np.mean(found, axis=0))
    return np.sum(totals, axis=0) if totals else None
