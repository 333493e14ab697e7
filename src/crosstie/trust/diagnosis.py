"""The result of `diagnose`: a verdict with its reasons, the signals behind it, and a score for every cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pandas as pd

from crosstie._errors import unknown_name, value_error
from crosstie._typing import Floats
from crosstie.data.view import as_mapping
from crosstie.trust.findings import Finding

if TYPE_CHECKING:
    from crosstie._typing import Data

Level = Literal["ok", "care", "fail", "missing"]
SignalId = Literal[
    "links_held_out",
    "suspicious_links",
    "links_resolution",
    "pairs_held_out",
    "linked_columns",
    "matches_move_links",
    "matches_move_cells",
    "matches_move_counts",
    "matches_move",
    "matches_closed_form",
    "cells_return",
    "mixing",
    "unsupported_cells",
    "copied_cells",
    "recognised_cells",
    "duplicated_cells",
    "doublets",
    "one_organism",
]
WORDS = {"ok": "trustworthy", "care": "use with care", "fail": "do not use"}


@dataclass(frozen=True)
class Signal:
    """One figure and its expected range.

    Parameters
    ----------
    edge
        What it describes: an edge (`rna – adt`), a view, or one view seen from another (`rna, seen from adt`).
    id
        Which signal it is: what code looks up.
    name
        What was measured, in words.
    value
        The figure; NaN if it is missing.
    expected
        Its range in a trustworthy run, or why the figure is missing.
    level
        `"ok"`; `"care"` or `"fail"` if it is outside the range; `"missing"` if it could not be computed.
    reason
        What it means, as a sentence without a full stop; ignored if the figure is ok.
    """

    edge: str
    id: SignalId
    name: str
    value: float
    expected: str
    level: Level
    reason: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """Whether you can trust a run; prints as a short report.

    Parameters
    ----------
    level
        `"ok"`, `"care"` or `"fail"`.
    reasons
        Why it is not trustworthy, most serious first; empty if it is.
    signals
        All figures.
    confidence
        A score in [0, 1] for every cell, by view and cell name: how far you can trust its position. It ranks cells and
        is not a probability.
    suspicious
        Links whose names seem to be exchanged, one row per feature; see `crosstie.trust.exchanged_links`.
    findings
        What the quick part of `crosstie.check` finds in the data and is worth knowing: notes and warnings. They explain
        figures, and change no verdict.
    populations
        For every view, the population of each cell without a counterpart in a linked view, named after its highest
        features (`"high in CD20, CD19, HLA-DR"`); missing for all other cells. Of views larger than their core, cells
        outside the core are in none.
    """

    level: Level
    reasons: tuple[str, ...]
    signals: tuple[Signal, ...]
    confidence: Mapping[str, pd.Series]
    suspicious: pd.DataFrame = field(default_factory=pd.DataFrame)
    findings: tuple[Finding, ...] = ()
    populations: Mapping[str, pd.Series] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """`"trustworthy"`, `"use with care: REASONS"` or `"do not use: REASONS"`."""
        return WORDS[self.level] + (f": {'; '.join(self.reasons)}" if self.reasons else "")

    @property
    def table(self) -> pd.DataFrame:
        """All figures: columns `edge`, `signal`, `value`, `expected`, `ok` (missing if not computed)."""
        rows = [
            (s.edge, s.name, s.value, s.expected, pd.NA if s.level == "missing" else s.level == "ok")
            for s in self.signals
        ]
        table = pd.DataFrame(rows, columns=["edge", "signal", "value", "expected", "ok"])
        return table.astype({"ok": "boolean", "value": float})

    @property
    def suspicions(self) -> list[str]:
        """One sentence per suspicious link."""
        return [
            f"{row.source} moves with {row.moves_with} ({row.other:+.2f}), not with its own {row.target} "
            f"({row.own:+.2f})"
            for row in self.suspicious.itertuples()
        ]

    def write(self, data: Data, key: str = "crosstie_confidence") -> None:
        """Write the confidence of all cells into `.obs[key]` of every view of `data`.

        Raises
        ------
        KeyError
            If `data` lacks a view.
        ValueError
            If a view of `data` has different cells than the fitted one; then nothing is written.
        """
        named = as_mapping(data)
        for name, score in self.confidence.items():
            if name not in named:
                raise unknown_name("write: view", name, named)
            if list(named[name].obs_names.astype(str)) != list(score.index):
                raise value_error(f"write: view {name!r} must have the fitted cells, in their order.")
        for name, score in self.confidence.items():
            named[name].obs[key] = score.to_numpy()

    def __str__(self) -> str:
        lines = [WORDS[self.level] + ("." if not self.reasons else ":")]
        lines += [f"  - {reason}" for reason in self.reasons]
        lines += [f"  suspicious: {sentence}" for sentence in self.suspicions]
        lines += [f"  in the data: {finding}" for finding in self.findings if finding.level == "warning"]
        width = max((len(s.edge) for s in self.signals), default=0)
        length = max((len(s.name) for s in self.signals), default=0)
        mark = {"ok": " ", "care": "!", "fail": "x", "missing": "?"}
        lines += [""] + [
            f"{mark[s.level]} {s.edge:<{width}}  {s.name:<{length}}  {_figure(s.value):>7}  {s.expected}"
            for s in self.signals
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def _figure(value: float) -> str:
    return "–" if value != value else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def cell_scores(parts: list[Floats | None]) -> Floats:
    """Return the product of those parts that are known, each clipped to [0, 1]."""
    import numpy as np

    there = [np.clip(part, 0, 1) for part in parts if part is not None]
    return np.prod(there, axis=0)
