"""`--panel-key`: batches with other panels become views, and the options of the split view those of each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crosstie._errors import value_error
from crosstie.cli.view_arguments import by_view

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie.cli.job import Job


def by_panel(data: dict[str, AnnData], job: Job) -> tuple[dict[str, AnnData], Job]:
    """Return the views, with those that `--panel-key` names split by panel, and the job in the names of these.

    Raises
    ------
    ValueError
        If the option names no view, or a new name is taken.
    """
    if not job.panel_key:
        return data, job
    from crosstie.data import split_by_panel

    for text in job.panel_key:
        if "=" not in text:
            raise value_error("--panel-key: which view?", found=repr(text), expected=f"NAME={text}")
    parts: dict[str, list[str]] = {}
    views: dict[str, AnnData] = {}
    keys = by_view(job.panel_key, "--panel-key", data)
    for name, adata in data.items():
        found = split_by_panel(adata, keys[name], name=name) if name in keys else {name: adata}
        taken = sorted((set(found) & set(views)) | (set(found) & set(data) - {name}))
        if taken:
            raise value_error(f"--panel-key: view {taken[0]!r} is there already.", do="Give it another name.")
        parts[name], views = list(found), views | found
    split = {name: of for name, of in parts.items() if of != [name]}
    expanded: dict[str, Any] = {
        option: tuple(_expanded(getattr(job, option), split))
        for option in ("names", "modality", "slot", "batch_key", "section_key")
    }
    pairs = [_pairs(text, split) for text in job.paired]
    return views, replace(job, **expanded, paired=tuple(pair for found in pairs for pair in found))


def _expanded(words: Iterable[str], split: Mapping[str, list[str]]) -> Iterable[str]:
    """Give every NAME=WORD of a split view to all of its parts."""
    for text in words:
        name, sign, word = text.partition("=")
        yield from [f"{part}={word}" for part in split[name]] if sign and name in split else [text]


def _pairs(text: str, split: Mapping[str, list[str]]) -> list[str]:
    """Pair every part of a split view with the other view of NAME,NAME."""
    first, sign, second = text.partition(",")
    ones, others = (split.get(name.strip(), [name]) for name in (first, second))
    return [f"{one}{sign}{other}" for one in ones for other in others]
