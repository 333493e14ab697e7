"""What `check` finds in data before a fit: one thing each, how serious it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

Level = Literal["fine", "note", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One thing that the data tell before a fit.

    Parameters
    ----------
    about
        The view or the two views.
    id
        What was looked at, such as `"doublets"`.
    level
        `"fine"`, `"note"` (worth knowing), `"warning"` (likely to cost accuracy) or `"error"` (cannot be integrated).
    found, do
        In words: what was found, and what to do about it (empty if nothing).
    value
        The number behind it, if there is one.
    """

    about: str
    id: str
    level: Level
    found: str
    do: str = ""
    value: float | None = None

    def __str__(self) -> str:
        end = "" if self.found.endswith("?") else "."
        return f"{self.about}, {self.id.replace('_', ' ')}: {self.found}{end} {self.do}".rstrip()


@dataclass(frozen=True)
class Checked:
    """What `check` found; print it, or take its table."""

    findings: tuple[Finding, ...]

    @property
    def table(self) -> pd.DataFrame:
        """One row per finding: `about`, `id`, `level`, `found`, `do`, `value`."""
        return pd.DataFrame([vars(f) for f in self.findings], columns=list(Finding.__dataclass_fields__))

    @property
    def worst(self) -> Level:
        """The most serious level of all findings."""
        order: tuple[Level, ...] = ("error", "warning", "note")
        return next((level for level in order if any(f.level == level for f in self.findings)), "fine")

    def __str__(self) -> str:
        lines, about = [], None
        for f in self.findings:
            if f.about != about:
                about = f.about
                lines.append(f"{about}")
            mark = {"fine": "  ", "note": "· ", "warning": "! ", "error": "✗ "}[f.level]
            lines.append(f"  {mark}{f.id.replace('_', ' ')}: {f.found}")
            if f.do:
                lines.append(f"      {f.do}")
        return "\n".join(lines)
