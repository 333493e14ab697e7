"""From figures to words: the expected range of each figure, and what it means when the figure is outside.

Every bound is a significance level, a fraction of chance, or a stated convention; none was fitted to benchmarks
(docs/method.md, section Trust).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from crosstie._typing import Edge, Floats
from crosstie.links.antibody_names import Organism
from crosstie.trust.diagnosis import Level, Signal, SignalId
from crosstie.trust.refits import EdgeEvidence

# The names of signals, in `Diagnosis.table` and diagnosis.csv. Code tells signals apart by id, never by name.
NAMES: dict[SignalId, str] = {
    "links_held_out": "agreement of links left out, above other pairings, in s.d.",
    "suspicious_links": "links whose names seem exchanged",
    "links_resolution": "what links alone cannot tell apart, share of a view",
    "pairs_held_out": "FOSCTTM of shared cells left out",
    "linked_columns": "linked columns",
    "matches_move_links": "matches move, a third of the links left out",
    "matches_move_cells": "matches move, a fifth of the cells left out",
    "matches_move_counts": "matches move, counts drawn again",
    "matches_move": "matches move, in all",
    "matches_closed_form": "matches of the model, away from those of the closed form",
    "cells_return": "cells return, away from themselves",
    "mixing": "mixing, of what composition allows",
    "unsupported_cells": "share of cells unsupported",
    "copied_cells": "share of cells with the same numbers in both",
    "recognised_cells": "share of cells recognised in the other view",
    "duplicated_cells": "share of cells that occur twice",
    "doublets": "share of doublets, estimated",
    "one_organism": "one organism",
}
NAMES_OF_MISSING: dict[SignalId, str] = {
    "links_held_out": "agreement of links",
    "matches_move": "how far matches move",
    "copied_cells": "copies",
    "duplicated_cells": "cells that occur twice",
    "one_organism": "organisms",
}
PARTS: tuple[SignalId, ...] = ("matches_move_links", "matches_move_cells", "matches_move_counts")  # of "matches_move"
PROOFS: tuple[SignalId, ...] = ("links_held_out", "pairs_held_out")
PRECISION: tuple[SignalId, ...] = ("matches_move", "cells_return")
NEVER_SPARED: tuple[SignalId, ...] = (
    "one_organism",
    "copied_cells",
    "recognised_cells",
)  # the input is wrong: no other edge makes it good

Z = 3.0  # standard deviations above chance: one false alarm in 700 if the null is normal
Z_LEAST = 1.64  # below this, links agree no better than chance: one run with random links in 20 does
COARSE = 0.25  # resolution of links: half the distance to chance
RECOGNISED = 0.2  # share of cells that stand out in the other view; below .1 for different cells
MOST_DOUBLETS = 0.15
MOST_EXCHANGED = 0.5  # share of the links
CARE, FAIL = 0.1, 0.25  # by what share of a view matches may move: a tenth; half the distance to chance
MOST_UNSUPPORTED = 0.02  # share of a view in populations without a counterpart: mentioned from here on
COPIED = 0.5  # in independent views the share stays below 0.37 (data.copied_views)
LEAST_MIXING = 0.25  # of what composition allows: correct maps of three views reach half, and so may wrong ones
MOST_DUPLICATES = 0.01


def edge_name(edge: Edge) -> str:
    """Return how an edge is written."""
    return f"{edge[0]} – {edge[1]}"


def ids_by_name() -> dict[str, SignalId]:
    """Return the id of every signal by its name in `Diagnosis.table` and diagnosis.csv."""
    return {name: id_ for id_, name in NAMES.items()}


def of_links(edge: Edge, e: EdgeEvidence, pairs: Sequence[str] = ()) -> list[Signal]:
    """Judge whether links and shared cells carry information; an edge is worthless only if neither does.

    Parameters
    ----------
    edge
        Names of its views.
    e
        Results of the refits.
    pairs
        The exchanged links in words.
    """
    name = edge_name(edge)
    out = [_of_test(edge, e)] if e.n_columns else []
    if e.n_pairs:
        reason = (
            f"{name}: shared cells left out of the fit do not find their partners "
            f"(FOSCTTM {e.pairs:.2f}, expected at most {FAIL:g}, 0.5 is chance)"
        )
        out.append(_signal(name, "pairs_held_out", e.pairs, f"<= {FAIL:g}", _most(e.pairs, FAIL, FAIL), reason))
    if any(s.level == "ok" for s in out):  # one proof is enough to keep the edge, but not to call it good
        out = [replace(s, level=_soft(s.level)) for s in out]
    if e.links is not None:
        n = 2 * len(e.exchanged)
        many = n > MOST_EXCHANGED * e.n_columns
        reason = f"{name}: {n} links seem to have exchanged names: {', '.join(pairs[:4])}"
        reason += f" and {len(pairs) - 4} more pairs" if len(pairs) > 4 else ""
        level: Level = "ok" if not n else "fail" if many else "care"
        out.append(_signal(name, "suspicious_links", float(n), "0", level, reason))
    if e.n_columns:
        value = float(np.mean(e.resolution))
        level = "care" if value > COARSE and not e.n_pairs else "ok"
        reason = (
            f"{name}: the links alone tell little apart: cells that look alike in the {e.n_columns} linked columns are "
            f"{value:.0%} of their view away from each other (chance is 50%); finer matches cannot be checked"
        )
        out.append(_signal(name, "links_resolution", value, f"<= {COARSE:g}", level, reason))
    return out


def _of_test(edge: Edge, e: EdgeEvidence) -> Signal:
    """Judge links that were left out of fits, as far as the test could tell anything."""
    name = edge_name(edge)
    if e.links is None:
        few = (
            f"{name}: cannot tell from the links: {e.n_columns} linked columns are too few to leave some out as a test"
        )
        return _signal(name, "linked_columns", e.n_columns, "enough to leave some out", "care", few)
    above, possible = e.links.above, e.links.possible
    if above >= Z:
        return _signal(name, "links_held_out", above, f">= {Z:g}", "ok")
    strength = f"right links would reach at most {possible:.1f}"
    if not possible >= Z:
        reason = (
            f"{name}: cannot tell from the links: {e.n_columns} linked columns, of which some are alike, are too few "
            f"for a test ({above:.1f} s.d. above other pairings; {strength}, expected at least {Z:g})"
        )
        return _signal(name, "links_held_out", above, f">= {Z:g}", "care", reason)
    reason = (
        f"{name}: links left out of the fit do not agree clearly better across its matches than other pairings of the "
        f"same features ({above:.1f} s.d. above, expected at least {Z:g}; {strength})"
    )
    return _signal(name, "links_held_out", above, f">= {Z:g}", "care" if above >= Z_LEAST else "fail", reason)


def of_movement(edge: Edge, moved: Mapping[str, float]) -> list[Signal]:
    """Judge how far matches move when links, cells or counts are left out: in total at most a tenth of a view."""
    name = edge_name(edge)
    parts: dict[str, SignalId] = {
        "links": "matches_move_links",
        "cells": "matches_move_cells",
        "counts": "matches_move_counts",
    }
    out = [_signal(name, id_, moved[part], "of 0.5", "ok") for part, id_ in parts.items() if part in moved]
    total = math.fsum(moved.get(part, 0.0) for part in parts)
    worst = max(parts, key=lambda part: moved.get(part, 0.0))
    out.append(
        _signal(
            name,
            "matches_move",
            total,
            f"<= {CARE:g}",
            _most(total, CARE, FAIL),
            f"{name}: matches are not stable: with other links, cells or counts they move across {total:.1%} of the "
            f"other view, most with other {worst} ({moved.get(worst, 0.0):.1%}); expected at most {CARE:.0%}, "
            f"chance is 50%",
        )
    )
    if "map" in moved:
        value = moved["map"]
        out.append(
            _signal(
                name,
                "matches_closed_form",
                value,
                f"<= {CARE:g}",
                _most(value, CARE, FAIL),
                f"{name}: the model's matches differ from those of its refitted closed form by {value:.1%} of the "
                f"other view; expected at most {CARE:.0%}",
            )
        )
    return out


def of_cycle(edge: Edge, value: float) -> Signal:
    """Judge whether cells that go to the other view and back return to their own neighbourhood."""
    name = edge_name(edge)
    reason = (
        f"{name}: cells that go to the other view and back end {value:.1%} of their own view away from where they "
        f"started; expected at most {CARE:.0%}"
    )
    return _signal(name, "cells_return", value, f"<= {CARE:g}", _most(value, CARE, FAIL), reason)


def of_mixing(edge: Edge, found: Floats) -> Signal:
    """Judge whether views mix as far as their compositions allow."""
    name, value = edge_name(edge), float(np.nanmean(found)) if np.isfinite(found).any() else math.nan
    poor = float(np.nanmean(found < LEAST_MIXING)) if np.isfinite(found).any() else math.nan
    reason = (
        f"{name}: the views hardly mix: neighbourhoods hold {value:.0%} of the other view's cells that the "
        f"compositions allow (less than a quarter for {poor:.0%} of the cells); expected at least {LEAST_MIXING:.0%}"
    )
    return _signal(name, "mixing", value, f">= {LEAST_MIXING:g}", _soft(_least(value, LEAST_MIXING)), reason)


def of_support(edge: Edge, shares: Mapping[str, float], described: Mapping[str, str]) -> list[Signal]:
    """Judge how many cells of each view have no counterpart in the other: those cells are lost, the run is not."""
    out = []
    for view, share in shares.items():
        other = edge[1] if view == edge[0] else edge[0]
        reason = f"{view}: {share:.0%} of the cells are in populations with little or no counterpart in {other}"
        if described.get(view):
            reason += f" ({described[view]})"
        reason += f"; expected at most {MOST_UNSUPPORTED:.0%}"
        where, level = f"{view}, seen from {other}", _soft(_most(share, MOST_UNSUPPORTED, 1.0))
        out.append(_signal(where, "unsupported_cells", share, f"<= {MOST_UNSUPPORTED:g}", level, reason))
    return out


def of_copies(found: Mapping[Edge, float]) -> list[Signal]:
    """Judge whether one matrix was given twice."""
    why = "have the same numbers in both views: one matrix was given twice"
    return _of_shares("copied_cells", found, COPIED, why)


def of_recognised(found: Mapping[Edge, float]) -> list[Signal]:
    """Judge whether two views are one measurement of the same cells: a copy, thinned, normalised or filtered."""
    why = (
        "are recognised one by one in the other view: it is a copy of the same measurement (thinned, normalised or "
        "filtered), and matching it shows nothing"
    )
    return _of_shares("recognised_cells", found, RECOGNISED, why)


def _of_shares(id_: SignalId, found: Mapping[Edge, float], most: float, why: str) -> list[Signal]:
    """Judge a share of cells of every edge, above which the run is refused."""
    out = []
    for edge, share in found.items():
        name = edge_name(edge)
        level: Level = "fail" if share > most else "ok"
        out.append(_signal(name, id_, share, f"<= {most:g}", level, f"{name}: {share:.0%} of the cells {why}"))
    return out


def of_doublets(view: str, share: float) -> Signal:
    """Judge how many cells of a view are doublets."""
    reason = (
        f"{view}: about {share:.0%} of the cells look like doublets (expected at most {MOST_DOUBLETS:.0%}); they match "
        f"mixtures of types: remove them (xt.qc.find_doublets)"
    )
    level: Level = "care" if share > MOST_DOUBLETS else "ok"
    return _signal(view, "doublets", share, f"<= {MOST_DOUBLETS:g}", level, reason)


def of_duplicates(view: str, share: float) -> Signal:
    """Judge how many cells of a view are duplicates."""
    reason = (
        f"{view}: {share:.0%} of the cells are identical to another cell in every feature; expected at most "
        f"{MOST_DUPLICATES:.0%}"
    )
    level: Level = "care" if share > MOST_DUPLICATES else "ok"
    return _signal(view, "duplicated_cells", share, f"<= {MOST_DUPLICATES:g}", level, reason)


def of_organisms(edges: Iterable[Edge], found: Mapping[str, tuple[Organism, int]]) -> list[Signal]:
    """Judge whether linked views come from one organism; views whose organism is not recognised are skipped."""
    out = []
    for a, b in edges:
        if a in found and b in found:
            (one, n), (two, m) = found[a], found[b]
            reason = f"{a} – {b}: {a} looks like {one} ({n} features), {b} looks like {two} ({m} features)"
            level: Level = "ok" if one == two else "fail"
            out.append(_signal(edge_name((a, b)), "one_organism", float(one == two), "1", level, reason))
    return out


def missing(edge: str, id_: SignalId, why: str) -> Signal:
    """Return a signal that could not be computed."""
    return Signal(edge, id_, NAMES_OF_MISSING.get(id_, NAMES[id_]), math.nan, why, "missing")


def missing_depth(edge: Edge, view: str) -> Signal:
    """Return the signal of a view without counts: how far matches move with measurement noise is unknown."""
    why = f"{view} holds no counts; give them: slot=..."
    return Signal(edge_name(edge), "matches_move_counts", f"depth of {view}", math.nan, why, "missing")


def with_proof(signals: Sequence[Signal]) -> list[Signal]:
    """Return signals in which instability alone does not condemn an edge that has been proved.

    Links or shared cells that a fit did not see are evidence of what it says about matches. How far these move, and
    whether cells return, only tells how precise they are: with few cells, or counts drowned in background, they are
    coarse and right. Then care is called for.
    """
    proved = {s.edge for s in signals if s.id in PROOFS and s.level == "ok"}
    return [replace(s, level=_soft(s.level)) if s.id in PRECISION and s.edge in proved else s for s in signals]


def decide(signals: Sequence[Signal], edges: Sequence[Edge], views: Sequence[str]) -> tuple[Level, tuple[str, ...]]:
    """Return the verdict and its reasons, most serious first.

    A failing edge does not condemn the run as long as the remaining edges still connect all views.
    """
    bad = {edge for edge in edges if any(s.edge == edge_name(edge) and s.level == "fail" for s in signals)}
    names = {edge_name(edge) for edge in edges}
    elsewhere = any(s.level == "fail" and s.edge not in names for s in signals)
    never = any(s.level == "fail" and s.id in NEVER_SPARED for s in signals)
    spared = bool(bad) and not elsewhere and not never and _connected([e for e in edges if e not in bad], views)
    order = {"fail": 0, "care": 1}
    told = sorted((s for s in signals if s.level in order), key=lambda s: order[s.level])
    reasons = tuple(dict.fromkeys(s.reason for s in told))
    if any(s.level == "fail" for s in signals) and not spared:
        return "fail", reasons
    if any(s.level == "missing" for s in signals):
        names_ = ", ".join(dict.fromkeys(s.name for s in signals if s.level == "missing"))
        why = next(s.expected for s in signals if s.level == "missing")
        return "care", (*reasons, f"not judged ({why}): {names_}")
    return ("care" if told else "ok"), reasons


def _signal(edge: str, id_: SignalId, value: float, expected: str, level: Level, reason: str = "") -> Signal:
    return Signal(edge, id_, NAMES[id_], value, expected, level, reason)


def _connected(edges: Iterable[Edge], views: Sequence[str]) -> bool:
    reached = {views[0]}
    edges = list(edges)
    for _ in views:
        reached |= {v for edge in edges if reached & set(edge) for v in edge}
    return reached == set(views)


def _least(value: float, bound: float) -> Level:
    return "fail" if not value >= bound else "ok"


def _most(value: float, care: float, fail: float) -> Level:
    return "ok" if value <= care else "care" if value <= fail else "fail"


def _soft(level: Level) -> Level:
    return "care" if level == "fail" else level
