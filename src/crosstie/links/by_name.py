"""Links by name: features that two views call the same. Also how a view's features are looked up by a label."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from crosstie._errors import InputValueError, sample, unknown_name, value_error
from crosstie._log import log
from crosstie.links.antibody_names import control, lookup
from crosstie.links.link import Link

if TYPE_CHECKING:
    from crosstie._typing import Data

REPORT = ["feature", "status", "entry", "targets", "reason"]
_ENSEMBL_VERSION = re.compile(r"(ENS[A-Z]*[0-9]{11})\.[0-9]+", re.IGNORECASE)
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec"
_DATE = re.compile(rf"[0-9]{{1,2}}-(?:{_MONTHS})|(?:mar|sep|dec)-[0-9]{{1,2}}", re.IGNORECASE)
PAIRS = ["source", "target", "column", "weight"]


def by_name(
    data: Data,
    source: str,
    target: str,
    *,
    source_names: str | None = None,
    target_names: str | None = None,
) -> Link:
    """Link the features that have the same name in both views.

    Names are compared as they are, then without regard to case, then without versions of Ensembl
    identifiers. What is left over, if both views are panels of antibodies, is compared by protein: `CD197 (CCR7)` of
    one panel is `CCR7` of the other.

    Parameters
    ----------
    data
        The views by name.
    source, target
        Names of the two views.
    source_names, target_names
        Column of that view's `.var` that holds the names to compare; by default the `var_names`.

    Returns
    -------
    The link; one column per name. Its report has a row per feature of `source`, with the status `"linked"`,
    `"no counterpart"`, `"isotype control"` or `"hashtag"`.

    Raises
    ------
    KeyError
        If there is no such view, or no such column of its `.var`.
    ValueError
        If no name occurs in both views.
    """
    left, right = labels(data, source, source_names), labels(data, target, target_names)
    panels = _is_panel(left) and _is_panel(right)
    if panels:
        left, controls = _without_controls(left)
        right, _ = _without_controls(right)
    groups = _same_name(left, right)
    n_same = len(groups)
    if panels:
        groups += _same_protein(left, right, groups)
    if not groups:
        raise nothing_linked("no name occurs in both views", {source: left, target: right})
    pairs = [
        (s, t, n, 1 / (len(ss) * len(tt))) for n, (ss, tt) in enumerate(groups) for s in ss for t in tt
    ]  # all of one group against all of the other: the mean of each side
    report = _report(left, groups, n_same, controls if panels else {})
    log.info(
        "%s -> %s: %d of %d features linked by name", source, target, (report["status"] == "linked").sum(), len(left)
    )
    return Link(source, target, pd.DataFrame(pairs, columns=PAIRS), report)


Group = tuple[list[str], list[str]]


def _same_name(left: pd.Series, right: pd.Series) -> list[Group]:
    """Pair by the exact name, then what is left without case, then without the versions of Ensembl identifiers.

    A repeated name joins all who bear it.
    """
    groups: list[Group] = []
    for form in (str, str.casefold, without_version):
        n_before = len(groups)
        seen_left, seen_right = _free(left, groups, 0), _free(right, groups, 1)
        there = _by_label(seen_right.map(form))
        groups += [(f, there[name]) for name, f in _by_label(seen_left.map(form)).items() if name in there]
    if len(groups) > n_before:
        log.warning("%d names are the same but for the versions of Ensembl identifiers.", len(groups) - n_before)
    return groups


def without_version(name: str) -> str:
    """Return an Ensembl identifier without its version, and any other name as it is."""
    match = _ENSEMBL_VERSION.fullmatch(name)
    return match[1] if match else name


def _same_protein(left: pd.Series, right: pd.Series, groups: list[Group]) -> list[Group]:
    """Pair what is left of two antibody panels by the protein that the names stand for."""
    seen_left, seen_right = _free(left, groups, 0), _free(right, groups, 1)
    there = _by_label(seen_right.map(_protein))
    return [(f, there[name]) for name, f in _by_label(seen_left.map(_protein)).items() if name and name in there]


def _free(names: pd.Series, groups: list[Group], side: int) -> pd.Series:
    taken = {feature for group in groups for feature in group[side]}
    return names[~names.index.isin(taken)]


def _by_label(names: pd.Series) -> dict[str, list[str]]:
    out: dict[str, list[str]] = defaultdict(list)
    for feature, label in names.items():
        out[label].append(str(feature))
    return dict(out)


def _protein(label: str) -> str:
    entry = lookup(label)
    return entry.protein if entry else ""


def _without_controls(names: pd.Series) -> tuple[pd.Series, dict[str, str]]:
    status = names.map(control)
    return names[status.isna()], {str(f): str(s) for f, s in status.dropna().items()}


def _is_panel(names: pd.Series) -> bool:
    """Whether at least half of the names are known antibodies."""
    return recognised_share(names) >= 0.5


def recognised_share(names: pd.Series) -> float:
    """Share of the labels that are names of antibodies; a thousand of them, evenly spaced, stand for a longer list."""
    some = names.iloc[:: max(1, len(names) // 1000)]
    return float(some.map(lambda x: bool(control(x) or lookup(x))).mean()) if len(some) else 0.0


def _report(names: pd.Series, groups: list[Group], n_same: int, controls: dict[str, str]) -> pd.DataFrame:
    """Say of every source feature what it was linked to; the first `n_same` groups were found by the name itself."""
    found = {feature: number for number, group in enumerate(groups) for feature in group[0]}
    rows = []
    for feature, label in names.items():
        number = found.get(str(feature))
        if number is None:
            rows.append((feature, "no counterpart", "", "", "the other view has no feature of this name"))
        elif number < n_same:
            rows.append((feature, "linked", label, "/".join(groups[number][1]), "same name"))
        else:
            rows.append((feature, "linked", _protein(label), "/".join(groups[number][1]), "same protein"))
    rows += [(feature, status, "", "", "it measures no protein of the cell") for feature, status in controls.items()]
    return pd.DataFrame(rows, columns=REPORT).astype(object)


def labels(data: Data, view: str, column: str | None) -> pd.Series:
    """Return the labels by which the features of a view are looked up, indexed by `var_names`.

    A `var_name` that occurs twice is kept once: pairs hold names, so the two could not be told apart.
    """
    views = data.mod if hasattr(data, "mod") else data
    if view not in views:
        raise unknown_name("link: view", view, views)
    var = views[view].var
    if column is not None and column not in var.columns:
        raise unknown_name(f"link: column of {view}.var", column, var.columns)
    values = var.index if column is None else var[column].astype(object)
    names = pd.Series(["" if pd.isna(x) else str(x) for x in values], index=var.index.astype(str), dtype=object)
    repeated = names.index.duplicated()
    if repeated.any():
        first = names.index[repeated][0]
        log.warning("%s: %d features repeat a name (%r); only the first of each counts", view, repeated.sum(), first)
    return names[~repeated & (names != "").to_numpy()]


class Finder:
    """Features of one view by label: as written, else without regard to case."""

    def __init__(self, names: pd.Series) -> None:
        self.exact = _by_label(names)
        self.folded = _by_label(names.map(str.casefold))

    def __call__(self, label: str) -> list[str]:
        """Return the features that bear a label; none is an empty list."""
        return self.exact.get(label) or self.folded.get(label.casefold(), [])

    @property
    def repeated(self) -> dict[str, list[str]]:
        """The labels that several features bear, with these features."""
        return {label: features for label, features in self.exact.items() if len(features) > 1}


def nothing_linked(what: str, names: Mapping[str, pd.Series], do: str = "", do_cli: str = "") -> InputValueError:
    """Return (not raise) the error for a link without pairs: shows both sides' names, so that one sees why.

    `do` says what to do, by default in general terms; `do_cli` the same in the words of the command line.
    """
    source, target = names
    shown = "".join(f"{view} features look like: {sample(x, 4)}\n  " for view, x in names.items())
    shown += "".join(f"{hint}\n  " for view, x in names.items() if (hint := oddity(view, x)))
    if not do:
        do = "Pass source_names or target_names (a column of .var with names that match), or use xt.links.by_table."
        do_cli = "Pass --names NAME=COLUMN (a column of .var with names that match), or give a table: --links TABLE."
    return value_error(f"link {source} -> {target}: {what}.", do=shown + do, cli={"do": shown + (do_cli or do)})


def oddity(view: str, names: pd.Series) -> str:
    """Say what may have happened to names that match nothing: dates of a spreadsheet, letters that only look right."""
    dates = [name for name in names if _DATE.fullmatch(name)]
    if dates:
        return (
            f"{len(dates):,} names of {view} are dates ({sample(dates, 3)}): a spreadsheet made them of genes such as "
            "MARCH1 and SEPT2. Take the names from the original file."
        )
    for name in names:
        odd = next((c for c in name if unicodedata.name(c, "").startswith(("CYRILLIC", "FULLWIDTH"))), "")
        if odd:
            return f"{name!r} of {view} has a letter that only looks Latin: {unicodedata.name(odd)}. Type it anew."
    return ""
