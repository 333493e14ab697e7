"""Settings: those that differ from the defaults, and all of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from crosstie.config import Config
from crosstie.report.html import Child, Html, el, section, table
from crosstie.runs.run import Run


def settings(run: Run) -> Html:
    """Return the settings, those that differ from the defaults first."""
    now, usual = asdict(run.model.config), asdict(Config())
    changed = {k: v for k, v in now.items() if v != usual[k]}
    preset = "All settings are at their defaults."
    if changed:
        preset = (
            "These are the settings of Config.scmodal()."
            if run.model.config == Config.scmodal()
            else f"{len(changed)} of {len(now)} settings differ from their defaults."
        )
    parts: list[Child] = [el("p", preset)]
    if changed:
        parts.append(
            table(
                ["Setting", "This run", "Default"],
                [[el("code", k), _word(v), _word(usual[k])] for k, v in changed.items()],
                caption="Changed settings",
            )
        )
    whole = el(
        "dl", [el("div", el("dt", el("code", k)), el("dd", _word(v))) for k, v in now.items()], class_="settings"
    )
    parts.append(el("details", el("summary", "All settings"), whole))
    return section("settings", "Settings", *parts)


def _word(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
