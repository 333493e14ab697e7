"""`diagnose` computes all signals of a fitted model and gives the verdict that the command line and report show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crosstie._errors import type_error, value_error
from crosstie._threads import few_threads, side_by_side
from crosstie._typing import Array, Floats, Index
from crosstie.anchors.linear import damping_factor, unit_rows
from crosstie.anchors.neighbours import nearest
from crosstie.model.model import Model
from crosstie.qc.doublets import MIN_CELLS, find_doublets
from crosstie.tl.neighbourhood import own_coordinates
from crosstie.tl.novelty import novelty
from crosstie.trust import input_mistakes, signals
from crosstie.trust.check import check_views
from crosstie.trust.copied_cells import recognised
from crosstie.trust.diagnosis import Diagnosis, Signal, SignalId, cell_scores
from crosstie.trust.exchanged_links import suspicious_table
from crosstie.trust.match_stability import returned
from crosstie.trust.populations import Population, mixing, nearness, unsupported
from crosstie.trust.refits import Evidence, gather, of_cells
from crosstie.trust.sketch_fit import SKETCH

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie._typing import Data

COUNTED = ("rna", "protein", "atac", "activity")  # modalities whose cells have a depth
DROPLETS = ("rna", "protein")  # modalities in whose counts doublets are searched
WITHOUT_DATA = "the model was loaded without its data"
MAX_RETURN = 2048  # cells to which others may return, and whose mixing is looked at
MAX_DOUBLETS = 2000  # cells in which doublets are counted: enough for their share
N_NEAR = 10  # nearest cells in the other view
Way = tuple[str, str, Array, Index]  # from a view to another: squared distances and rows of the nearest cells there


def diagnose(
    model: Model,
    data: Data | None = None,
    *,
    link_data: Mapping[str, AnnData] | None = None,
    seed: int = 0,
    n_stability: int = 2,
) -> Diagnosis:
    """Tell whether you can trust a run, without labels and without known pairs of cells.

    The closed form is refitted on sketches: without some links, which then are judged by fits that did not see them,
    and without a fifth of the cells. Cells are also placed by each half of their counts. The data are checked for
    copies of one measurement, doublets, duplicated cells and mismatched organisms, and looked at as the quick part of
    `crosstie.check` does. The model's own coordinates tell whether cells return from the other view, how well views
    mix, and which populations have no counterpart.

    Parameters
    ----------
    model
        A fitted model. A loaded model has no data: unless you give `data`, the signals that need them are missing, and
        the verdict is at best `use with care`.
    data
        The views the model was fitted on; only for a loaded model.
    link_data
        The link data the model was fitted on, if any; only for a loaded model.
    seed
        Seed of all random draws.
    n_stability
        Number of fits on 80 % of the cells, at least 1.

    Returns
    -------
    The verdict, its reasons, a table of signals, and a confidence for every cell. If the verdict is "do not use", the
    model remembers it, saved and loaded too: labels, matches and imputed features come with a warning from then on.

    Raises
    ------
    TypeError
        If `model` is not a Model.
    ValueError
        If the model is not fitted, a number of fits is too small, or `data` have other cells or features.
    KeyError
        If `data` lacks a view.
    """
    if not isinstance(model, Model):
        raise type_error("diagnose: not a model.", found=type(model).__name__, expected="the result of xt.integrate")
    if n_stability < 1:
        raise value_error("diagnose: n_stability is too small.", found=str(n_stability), expected="at least 1")
    views = list(model.linkage.views)
    model.embed(views[0])  # says so if the model is not fitted
    given = model
    if data is not None:
        model = model.with_data(data, link_data)
    whole, model = model, model.core
    edges = list(model.linkage.edges)
    with few_threads(SKETCH):
        evidence = gather(model, n_stability=n_stability, seed=seed) if model.views else None
        found = _of_refits(model, evidence)
        of_views, cells, lost = _of_places(model, evidence, seed)
        found += of_views + _of_data(model, seed)
        confidence = {view: _confidence(model, view, evidence, cells[view]) for view in views}
    if model is not whole:
        confidence = {view: _of_all(whole, model, view, score) for view, score in confidence.items()}
    found = signals.with_proof(found)
    level, reasons = signals.decide(found, edges, views)
    given.judge("; ".join(reasons) if level == "fail" else "")
    pairs = {} if evidence is None else {edge: e.exchanged for edge, e in evidence.edges.items()}
    findings = tuple(f for f in check_views(model.views) if f.level in ("note", "warning"))
    populations = {view: _of_populations(whole, model, view, lost[view]) for view in views}
    suspicious = suspicious_table(model, pairs)
    return Diagnosis(level, reasons, tuple(found), confidence, suspicious, findings, populations)


def _of_refits(model: Model, evidence: Evidence | None) -> list[Signal]:
    found = []
    for a, b in model.linkage.edges:
        if evidence is None:
            name = signals.edge_name((a, b))
            found += [
                signals.missing(name, "links_held_out", WITHOUT_DATA),
                signals.missing(name, "matches_move", WITHOUT_DATA),
            ]
            continue
        exchanged = suspicious_table(model, {(a, b): evidence.edges[a, b].exchanged})["source"]
        pairs = [f"{one} and {two}" for one, two in zip(exchanged[::2], exchanged[1::2], strict=True)]
        found += signals.of_links((a, b), evidence.edges[a, b], pairs)
        moved = {
            part: float(np.mean([of[e].mean() for e in ((a, b), (b, a)) if e in of]))
            for part, of in evidence.moved.items()
            if part != "counts" and (a, b) in of
        }
        halved = [evidence.moved["counts"][e].mean() for e in ((a, b), (b, a)) if e in evidence.moved["counts"]]
        if halved:
            # The noise of both cells adds up in a match. Two halves differ √2 times as much as two measurements at full
            # depth, because their variances are twice as large.
            moved["counts"] = float(np.sum(halved) / np.sqrt(2))
        found += signals.of_movement((a, b), moved)
        found += [
            signals.missing_depth((a, b), name)
            for name in (a, b)
            if model.views[name].values != "counts" and model.views[name].modality in COUNTED
        ]
    return found


def _of_places(
    model: Model, evidence: Evidence | None, seed: int
) -> tuple[list[Signal], dict[str, Floats], dict[str, list[Population]]]:
    """Judge the model's own coordinates.

    Also returns a score in [0, 1] for each cell, averaged over its edges, and the unsupported populations of each view.
    """
    without: dict[str, list[Population]] = {view: [] for view in model.latents}
    found: list[Signal] = []
    cells: dict[str, list[Floats]] = {view: [] for view in model.latents}
    own = {view: _own(model, view, evidence) for view in model.latents}
    for edge in model.linkage.edges:
        ways = [
            (view, other, *nearest(model.latents[other], model.latents[view], N_NEAR))
            for view, other in (edge, edge[::-1])
        ]
        near = dict(zip(edge, nearness(*(distance for *_, distance, _ in ways)), strict=True))

        def judged(way: tuple[str, str, Array, Index]) -> tuple[Floats, Floats, Floats, list[Population]]:
            """Return novelty, how far cells return, how well they mix, and the unsupported populations of a view."""
            view, other, _, there = way
            z, y = model.latents[view], model.latents[other]
            new = novelty(y, z, disagreement=model.fitted.disagreement.get((other, view)), seed=seed)
            grid = np.sort(np.random.default_rng([seed, 3]).permutation(len(z))[:MAX_RETURN])
            back = returned(z, y, unit_rows(own_coordinates(model, view)), grid, there)
            return new, back, mixing(z, y, 1 - new, grid), unsupported(own[view], new, seed=seed)

        answers = dict(zip(edge, side_by_side(judged, ways), strict=True))
        shares, described = {}, {}
        for view, (new, back, _, lost) in answers.items():
            shares[view] = sum(len(p.rows) for p in lost) / len(new)
            described[view] = _described(model, view, lost)
            without[view] += lost
            cells[view].append(cell_scores([near[view], 1 - new, 1 - 2 * back]))
        found.append(signals.of_cycle(edge, float(np.mean([back.mean() for _, back, *_ in answers.values()]))))
        found.append(signals.of_mixing(edge, np.concatenate([mixed for _, _, mixed, _ in answers.values()])))
        found += signals.of_support(edge, shares, described)
    return found, {view: np.mean(scores, axis=0) for view, scores in cells.items()}, without


def _of_data(model: Model, seed: int) -> list[Signal]:
    if not model.views:
        needed: tuple[SignalId, ...] = ("copied_cells", "duplicated_cells", "one_organism")
        return [signals.missing("all views", id_, WITHOUT_DATA) for id_ in needed]
    found = signals.of_copies(input_mistakes.copied(model.views))
    edges = {(a, b): recognised(model.views[a], model.views[b], seed=seed) for a, b in model.linkage.edges}
    found += signals.of_recognised(edges)
    droplets = [
        (name, view)
        for name, view in model.views.items()
        if view.modality in DROPLETS and view.values == "counts" and view.n_cells >= MIN_CELLS
    ]
    found += side_by_side(
        lambda of: signals.of_doublets(of[0], find_doublets(of[1], max_cells=MAX_DOUBLETS, seed=seed).share), droplets
    )
    found += [signals.of_duplicates(name, input_mistakes.duplicated(view.loaded)) for name, view in model.views.items()]
    read = {**model.views, **model.link_views}
    return found + signals.of_organisms(model.linkage.edges, input_mistakes.organisms(read))


def _own(model: Model, view: str, evidence: Evidence | None) -> Array:
    """Return a view's own coordinates of its cells: damped components, or without data its map before the pull."""
    if evidence is None:
        return unit_rows(own_coordinates(model, view))
    x = evidence.problem.components[view]
    return unit_rows((x - x.mean(0)) * damping_factor(x, model.config.damping).astype(np.float32))


def _described(model: Model, view: str, lost: list[Population]) -> str:
    """Name the features that are high in unsupported cells, if the model has data."""
    named = zip(lost[:3], _names(model, view, lost[:3]), strict=False)
    said = [f"{len(population.rows)} cells {name}" for population, name in named]
    return "; ".join(said) + (f"; {len(lost) - 3} more" if said and len(lost) > 3 else "")


def _names(model: Model, view: str, lost: list[Population]) -> list[str]:
    """Return the names of populations after their highest features; none without data."""
    if not model.views or not lost:
        return []
    recipe = model.recipes[view]
    x = recipe.transform(model.views[view].loaded)
    high = [(x[population.rows].mean(0) - x.mean(0)) @ recipe.loadings.T for population in lost]
    return ["high in " + ", ".join(map(str, recipe.names[np.argsort(-h)[:3]])) for h in high]


def _of_populations(whole: Model, core: Model, view: str, lost: list[Population]) -> pd.Series:
    """Return the population of each unsupported cell of a view, missing for the others."""
    cells = whole.cells[view]
    out, rows = np.full(len(cells), None, dtype=object), whole.core_rows.get(view)
    names = _names(core, view, lost) or [f"population {i}" for i in range(1, len(lost) + 1)]
    for population, name in zip(reversed(lost), reversed(names), strict=True):  # the largest counts
        out[population.rows if rows is None else rows[population.rows]] = name
    return pd.Series(out, index=cells, name="population")


def _of_all(whole: Model, core: Model, view: str, score: pd.Series, *, k: int = 10) -> pd.Series:
    """Return the score of every cell of a large view: the mean over its nearest cells of the core."""
    near = nearest(core.latents[view], whole.latents[view], k)[1]
    return pd.Series(score.to_numpy()[near].mean(1), index=whole.cells[view], name=score.name)


def _confidence(model: Model, view: str, evidence: Evidence | None, places: Floats) -> pd.Series:
    """Return the score of each cell: that of its position, times how stable the matches of the whole view are.

    The stability of a *single* cell's matches depends on how common its type is, not on whether they are right
    (docs/decisions.md), so the mean over the view is used.
    """
    moved = None if evidence is None else of_cells(evidence, view)
    repeats = None if moved is None else np.full(len(places), 1 - 2 * moved.mean())
    return pd.Series(cell_scores([places, repeats]), index=model.cells[view], name="crosstie_confidence")
