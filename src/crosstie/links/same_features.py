"""Which features of another data set are the same as ours: by name, ignoring case, and antibodies by protein."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from crosstie.links.antibody_names import control, lookup
from crosstie.links.feature_labels import Finder


def same_names(theirs: Iterable[object], ours: pd.Series) -> list[str | None]:
    """Return our feature of the same name for each of theirs, or `None`; case counts only where it must."""
    find = Finder(ours.set_axis(ours))
    return [found[0] if (found := find(str(name))) else None for name in theirs]


def same_proteins(theirs: Iterable[object], ours: Iterable[object]) -> list[list[int]]:
    """Return the numbers of their features that each of ours is: by name, else by the protein that it measures."""
    by_name: dict[str, list[int]] = {}
    by_protein: dict[str, list[int]] = {}
    for number, name in enumerate(theirs):
        by_name.setdefault(str(name).casefold(), []).append(number)
        if (protein := _protein(str(name))) is not None:
            by_protein.setdefault(protein, []).append(number)
    out = []
    for name in ours:
        found = [] if control(str(name)) else by_name.get(str(name).casefold(), [])
        protein = _protein(str(name))
        out.append(found or (by_protein.get(protein, []) if protein is not None else []))
    return out


def _protein(name: str) -> str | None:
    """Return the protein that an antibody measures, as the packaged table calls it."""
    if control(name):
        return None
    entry = lookup(name, "human") or lookup(name, "mouse")
    return entry.protein if entry is not None else None
