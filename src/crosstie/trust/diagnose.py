"""`diagnose`: gathers all signals of a run and gives the verdict. Needs a fitted model; feeds the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crosstie._errors import type_error, value_error
from crosstie._threads import few_threads
from crosstie._typing import Array, Floats
from crosstie.anchors.linear import damping_factor, unit_rows
from crosstie.anchors.neighbours import nearest
from crosstie.model.model import Model
from crosstie.tl.neighbourhood import own_coordinates
from crosstie.tl.novelty import novelty
from crosstie.trust import input_mistakes, signals
from crosstie.trust.diagnosis import Diagnosis, Signal, cell_scores
from crosstie.trust.match_stability import returned
from crosstie.trust.populations import Population, above_common, mixing, nearness, unsupported
from crosstie.trust.refits import Evidence, gather, of_cells
from crosstie.trust.sketch_fit import SKETCH

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie._typing import Data

COUNTED = ("rna", "protein", "atac", "activity")  # modalities whose cells have a depth
MAX_RETURN = 2048  # cells among which returning cells are looked for


def diagnose(
    model: Model,
    data: Data | None = None,
    *,
    link_data: Mapping[str, AnnData] | None = None,
    seed: int = 0,
    n_null: int = 8,
    n_stability: int = 2,
) -> Diagnosis:
    """Say whether a run can be believed, without labels and without knowing which cells are the same.

    The closed form is fitted again on sketches of 1,024 cells: with permuted links, with a third of the links left
    out, with a fifth of the cells left out; and cells are placed by two halves of their counts. Data are looked at for
    copies, duplicates and organisms that do not fit. On the model's own coordinates are computed: whether cells come
    back from the other view, how views mix, and which populations have no counterpart.

    Parameters
    ----------
    model
        Fitted. A model that was loaded has no data: without `data`, what needs them is missing, is said to be, and the
        verdict is at best `use with care`.
    data
        For a model that was loaded: the views it was fitted on.
    link_data
        Likewise, if it was fitted with any.
    seed
        Of everything drawn.
    n_null
        Fits with permuted links, at least 3.
    n_stability
        Fits on 80 % of the cells, at least 1.

    Returns
    -------
    Verdict, reasons, table of signals, and a confidence for every cell.

    Raises
    ------
    TypeError
        If `model` is not a Model.
    ValueError
        If it is not fitted, there are too few fits, or `data` are of other cells or features than it was fitted on.
    KeyError
        If `data` lack a view.
    """
    if not isinstance(model, Model):
        raise type_error("diagnose: not a model.", found=type(model).__name__, expected="the result of xt.integrate")
    for name, value, least in (("n_null", n_null, 3), ("n_stability", n_stability, 1)):
        if value < least:
            raise value_error(f"diagnose: {name} is too small.", found=str(value), expected=f"at least {least}")
    views = list(model.linkage.views)
    model.embed(views[0])  # says so if the model is not fitted
    if data is not None:
        model = model.with_data(data, link_data)
    whole, model = model, model.core
    edges = list(model.linkage.edges)
    with few_threads(SKETCH):
        evidence = gather(model, n_null=n_null, n_stability=n_stability, seed=seed) if model.views else None
        found = _of_refits(model, evidence)
        of_views, cells = _of_places(model, seed)
        found += of_views + _of_data(model)
        confidence = {view: _confidence(model, view, evidence, cells[view]) for view in views}
    if model is not whole:
        confidence = {view: _of_all(whole, model, view, score) for view, score in confidence.items()}
    level, reasons = signals.decide(found, edges, views)
    return Diagnosis(level, reasons, tuple(found), confidence)


def _of_refits(model: Model, evidence: Evidence | None) -> list[Signal]:
    found = []
    for a, b in model.linkage.edges:
        if evidence is None:
            name = signals.edge_name((a, b))
            found += [
                signals.missing(name, what, "the model was loaded without its data")
                for what in ("agreement of links", "how far matches move")
            ]
            continue
        found += signals.of_links((a, b), evidence.edges[a, b])
        moved = {
            part: float(np.mean([of[e].mean() for e in ((a, b), (b, a)) if e in of]))
            for part, of in evidence.moved.items()
            if part != "counts" and (a, b) in of
        }
        halved = [evidence.moved["counts"][e].mean() for e in ((a, b), (b, a)) if e in evidence.moved["counts"]]
        if halved:
            # A match is as noisy as both of its cells together. Two halves differ by √2 as much as two measurements of
            # full depth do: their variances are twice as large.
            moved["counts"] = float(np.sum(halved) / np.sqrt(2))
        found += signals.of_movement((a, b), moved)
        found += [
            signals.missing(
                signals.edge_name((a, b)), f"depth of {name}", f"{name} holds no counts; give them: slot=..."
            )
            for name in (a, b)
            if model.views[name].values != "counts" and model.views[name].modality in COUNTED
        ]
    return found


def _of_places(model: Model, seed: int) -> tuple[list[Signal], dict[str, Floats]]:
    """Judge the model's own coordinates; return what they say of each cell, in [0, 1], the mean over its edges."""
    found: list[Signal] = []
    cells: dict[str, list[Floats]] = {view: [] for view in model.latents}
    own = {view: _own(model, view) for view in model.latents}
    for edge in model.linkage.edges:
        near = nearness(*(model.latents[view] for view in edge))
        back, mixed, shares, described = [], [], {}, {}
        for view, other, close in zip(edge, edge[::-1], near, strict=True):
            z, y = model.latents[view], model.latents[other]
            new = above_common(novelty(y, z, seed=seed))
            grid = np.random.default_rng([seed, 3]).permutation(len(z))[:MAX_RETURN]
            back.append(returned(z, y, unit_rows(own_coordinates(model, view)), np.sort(grid)))
            mixed.append(mixing(z, y, 1 - new))
            lost = unsupported(own[view], new, seed=seed)
            shares[view] = sum(len(p.rows) for p in lost) / len(z)
            described[view] = _described(model, view, lost)
            cells[view].append(cell_scores([close, 1 - new, 1 - 2 * back[-1]]))
        found.append(signals.of_cycle(edge, float(np.mean([x.mean() for x in back]))))
        found.append(signals.of_mixing(edge, np.concatenate(mixed)))
        found += signals.of_support(edge, shares, described)
    return found, {view: np.mean(scores, axis=0) for view, scores in cells.items()}


def _of_data(model: Model) -> list[Signal]:
    if not model.views:
        why = "the model was loaded without its data"
        return [signals.missing("all views", name, why) for name in ("copies", "cells that occur twice", "organisms")]
    found = signals.of_copies(input_mistakes.copied(model.views))
    found += [signals.of_duplicates(name, input_mistakes.duplicated(view.loaded)) for name, view in model.views.items()]
    read = {**model.views, **model.link_views}
    return found + signals.of_organisms(model.linkage.edges, input_mistakes.organisms(read))


def _own(model: Model, view: str) -> Array:
    """Return what a view itself says of its cells: damped components, or without data its map before the pull."""
    if not model.views:
        return unit_rows(own_coordinates(model, view))
    x = model.recipes[view].transform(model.views[view].loaded)
    return unit_rows((x - x.mean(0)) * damping_factor(x, model.config.damping).astype(np.float32))


def _described(model: Model, view: str, lost: list[Population]) -> str:
    """Name the features that stand out in unsupported cells, if the data are there."""
    if not model.views or not lost:
        return ""
    recipe = model.recipes[view]
    x = recipe.transform(model.views[view].loaded)
    mean, said = x.mean(0), []
    for population in lost[:3]:
        high = (x[population.rows].mean(0) - mean) @ recipe.loadings.T
        top = ", ".join(map(str, recipe.names[np.argsort(-high)[:3]]))
        said.append(f"{len(population.rows)} cells high in {top}")
    return "; ".join(said) + (f"; {len(lost) - 3} more" if len(lost) > 3 else "")


def _of_all(whole: Model, core: Model, view: str, score: pd.Series, *, k: int = 10) -> pd.Series:
    """Return the score of every cell of a large view: the mean of the nearest cells that were fitted on."""
    near = nearest(core.latents[view], whole.latents[view], k)[1]
    return pd.Series(score.to_numpy()[near].mean(1), index=whole.cells[view], name=score.name)


def _confidence(model: Model, view: str, evidence: Evidence | None, places: Floats) -> pd.Series:
    """Return the score of each cell: what its place says, times how far the view's matches repeat at all.

    How far the matches of *single* cells move ranks cells by how many of their kind there are, and not by whether they
    are right (docs/decisions.md): the mean over the view is taken.
    """
    moved = None if evidence is None else of_cells(evidence, view)
    repeats = None if moved is None else np.full(len(places), 1 - 2 * moved.mean())
    return pd.Series(cell_scores([places, repeats]), index=model.cells[view], name="crosstie_confidence")
