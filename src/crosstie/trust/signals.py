"""From figures to words: what each figure should be, and what it means if it is not.

Every bound is either a level of significance, a fraction of chance, or stated as a convention; none was fitted to
benchmarks (docs/method.md, section Trust).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from crosstie._typing import Edge, Floats
from crosstie.links.antibody_names import Organism
from crosstie.trust.diagnosis import Level, Signal
from crosstie.trust.refits import LEAST_COLUMNS, LEAST_HELD, EdgeEvidence

Z = 3.0  # standard deviations above chance: one false alarm in 700 if the null is normal
CARE, FAIL = 0.1, 0.25  # share of a view by which matches may move: a tenth; half of the way to chance
MOST_UNSUPPORTED = 0.02  # share of a view in populations without counterpart: from here on worth a word
COPIED = 0.5  # in independent views the share stays below 0.37 (data.guard)
LEAST_MIXING = 0.25  # of what composition allows: right maps of three views have half, and wrong ones no less
MOST_DUPLICATES = 0.01


def edge_name(edge: Edge) -> str:
    """Return how an edge is written."""
    return f"{edge[0]} – {edge[1]}"


def of_links(edge: Edge, e: EdgeEvidence) -> list[Signal]:
    """Judge whether links, and shared cells, say anything: only where neither does is the edge worthless."""
    name = edge_name(edge)
    null = f"{e.null.mean():.2f} ± {e.null.std(ddof=1):.2f}" if len(e.null) > 1 else "unknown"
    above = Signal(
        name,
        "agreement of links above permuted links, in s.d.",
        e.above_null,
        f">= {Z:g}",
        _least(e.above_null, Z),
        f"{name}: linked features agree over matched cells not clearly better than links drawn at random "
        f"(correlation {e.agreement:.2f}, with permuted links {null}; {e.above_null:.1f} s.d. above, "
        f"expected at least {Z:g})",
    )
    held = Signal(
        name,
        "agreement of links left out, above other pairings, in s.d.",
        e.held_out,
        f">= {Z:g}",
        _least(e.held_out, Z),
        f"{name}: links left out of the fit agree over its matches not clearly better than other pairings of these "
        f"({e.held_out:.1f} s.d. above, expected at least {Z:g})",
    )
    pairs = Signal(
        name,
        "FOSCTTM of shared cells left out",
        e.pairs,
        f"<= {FAIL:g}",
        _most(e.pairs, FAIL, FAIL),
        f"{name}: shared cells that were left out of the fit do not find their partners "
        f"(FOSCTTM {e.pairs:.2f}, expected at most {FAIL:g}, 0.5 is chance)",
    )
    if e.n_columns < LEAST_COLUMNS and not e.n_pairs:
        weak = f"{name}: {e.n_columns} linked columns are too few to tell from chance"
        return [Signal(name, "linked columns", e.n_columns, f">= {LEAST_COLUMNS}", "care", weak)]
    out = [s for s, made in ((above, LEAST_COLUMNS), (held, LEAST_HELD)) if e.n_columns >= made]
    out += [pairs] if e.n_pairs else []
    if any(s.level == "ok" for s in out):  # one proof is enough to keep the edge, not to say that all is well
        out = [replace(s, level=_soft(s.level)) for s in out]
    if e.n_columns < LEAST_HELD and not e.n_pairs:
        few = f"{name}: {e.n_columns} linked columns are too few to leave some out and judge by them"
        out.append(Signal(name, "linked columns", e.n_columns, f">= {LEAST_HELD}", "care", few))
    return out


def of_movement(edge: Edge, moved: Mapping[str, float]) -> list[Signal]:
    """Judge how far matches move if links, cells or counts are left out: in all at most a tenth of a view."""
    name = edge_name(edge)
    words = {
        "links": "matches move, a third of the links left out",
        "cells": "matches move, a fifth of the cells left out",
        "counts": "matches move, counts drawn again",
    }
    out = [Signal(name, what, moved[part], "of 0.5", "ok") for part, what in words.items() if part in moved]
    total = math.fsum(moved.get(part, 0.0) for part in words)
    worst = max(words, key=lambda part: moved.get(part, 0.0))
    out.append(
        Signal(
            name,
            "matches move, in all",
            total,
            f"<= {CARE:g}",
            _most(total, CARE, FAIL),
            f"{name}: matches do not repeat: with other links, cells or counts they move across {total:.1%} of the "
            f"other view, most by {worst} ({moved.get(worst, 0.0):.1%}); expected at most {CARE:.0%}, chance 50%",
        )
    )
    if "map" in moved:
        value = moved["map"]
        out.append(
            Signal(
                name,
                "matches of the model, away from those of the closed form",
                value,
                f"<= {CARE:g}",
                _most(value, CARE, FAIL),
                f"{name}: the model's matches lie across {value:.1%} of the other view from those of its closed form, "
                f"fitted again; expected at most {CARE:.0%}",
            )
        )
    return out


def of_cycle(edge: Edge, value: float) -> Signal:
    """Judge whether cells that go to the other view come back to their own neighbourhood."""
    name = edge_name(edge)
    reason = (
        f"{name}: cells that go to the other view and back return across {value:.1%} of their own view; expected at "
        f"most {CARE:.0%}"
    )
    return Signal(name, "cells return, away from themselves", value, f"<= {CARE:g}", _most(value, CARE, FAIL), reason)


def of_mixing(edge: Edge, found: Floats) -> Signal:
    """Judge whether views lie in one another as far as their composition allows."""
    name, value = edge_name(edge), float(np.nanmean(found)) if np.isfinite(found).any() else math.nan
    poor = float(np.nanmean(found < LEAST_MIXING)) if np.isfinite(found).any() else math.nan
    reason = (
        f"{name}: views lie beside one another: around a cell are {value:.0%} of the other view's cells that "
        f"composition allows (in {poor:.0%} of the cells less than a quarter); expected at least {LEAST_MIXING:.0%}"
    )
    level = _soft(_least(value, LEAST_MIXING))
    return Signal(name, "mixing, of what composition allows", value, f">= {LEAST_MIXING:g}", level, reason)


def of_support(edge: Edge, shares: Mapping[str, float], described: Mapping[str, str]) -> list[Signal]:
    """Judge how many cells of each view nothing in the other supports: these are lost, not the run."""
    out = []
    for view, share in shares.items():
        other = edge[1] if view == edge[0] else edge[0]
        reason = f"{view}: {share:.0%} of the cells are in populations that little or nothing in {other} supports"
        if described.get(view):
            reason += f" ({described[view]})"
        reason += f"; expected at most {MOST_UNSUPPORTED:.0%}"
        where, level = f"{view}, seen from {other}", _soft(_most(share, MOST_UNSUPPORTED, 1.0))
        out.append(Signal(where, "share of cells unsupported", share, f"<= {MOST_UNSUPPORTED:g}", level, reason))
    return out


def of_copies(found: Mapping[Edge, float]) -> list[Signal]:
    """Judge whether one matrix was given twice."""
    return [
        Signal(
            edge_name(edge),
            "share of cells with the same numbers in both",
            share,
            f"<= {COPIED:g}",
            "fail" if share > COPIED else "ok",
            f"{edge_name(edge)}: {share:.0%} of the cells have the same numbers in both views: one matrix was given "
            f"twice",
        )
        for edge, share in found.items()
    ]


def of_duplicates(view: str, share: float) -> Signal:
    """Judge how many cells occur twice in a view."""
    reason = (
        f"{view}: {share:.0%} of the cells equal another cell in every feature; expected at most {MOST_DUPLICATES:.0%}"
    )
    level: Level = "care" if share > MOST_DUPLICATES else "ok"
    return Signal(view, "share of cells that occur twice", share, f"<= {MOST_DUPLICATES:g}", level, reason)


def of_organisms(edges: Iterable[Edge], found: Mapping[str, tuple[Organism, int]]) -> list[Signal]:
    """Judge whether linked views show one organism; views that show none are passed over."""
    out = []
    for a, b in edges:
        if a in found and b in found:
            (one, n), (two, m) = found[a], found[b]
            reason = f"{a} – {b}: {a} looks like {one} ({n} features), {b} like {two} ({m} features)"
            level: Level = "ok" if one == two else "fail"
            out.append(Signal(edge_name((a, b)), "one organism", float(one == two), "1", level, reason))
    return out


def missing(edge: str, name: str, why: str) -> Signal:
    """Return a signal that could not be computed."""
    return Signal(edge, name, math.nan, why, "missing")


def decide(signals: Sequence[Signal], edges: Sequence[Edge], views: Sequence[str]) -> tuple[Level, tuple[str, ...]]:
    """Return the verdict and its reasons, the gravest first.

    An edge that fails is no reason to throw the run away as long as the edges that do not fail connect all views.
    """
    bad = {edge for edge in edges if any(s.edge == edge_name(edge) and s.level == "fail" for s in signals)}
    names = {edge_name(edge) for edge in edges}
    elsewhere = any(s.level == "fail" and s.edge not in names for s in signals)
    never = any(
        s.level == "fail" and s.name in ("one organism", "share of cells with the same numbers in both")
        for s in signals
    )
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
