"""Links by name: features with the same name in both views."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crosstie._log import log
from crosstie.links.antibody_names import control, lookup
from crosstie.links.feature_labels import (
    PAIRS,
    REPORT,
    features_by_label,
    labels,
    nothing_linked,
    recognised_share,
    without_version,
)
from crosstie.links.link import Link

if TYPE_CHECKING:
    from crosstie._typing import Data

Group = tuple[list[str], list[str]]  # features of the source and of the target with one name


def by_name(
    data: Data,
    source: str,
    target: str,
    *,
    source_names: str | None = None,
    target_names: str | None = None,
) -> Link:
    """Link the features that have the same name in both views.

    Names are compared exactly, then ignoring case, then ignoring the versions of Ensembl identifiers. If both views are
    antibody panels, remaining features are compared by protein: `CD197 (CCR7)` of one panel is `CCR7` of the other.

    Parameters
    ----------
    data
        The views by name.
    source, target
        Names of the two views.
    source_names, target_names
        Column of that view's `.var` with the names to compare; `None` takes the `var_names`.

    Returns
    -------
    The link, with one column per name. Its report has one row per feature of `source`, with the status `"linked"`,
    `"no counterpart"`, `"isotype control"`, `"hashtag"` or `"blank"`.

    Raises
    ------
    KeyError
        If a view, or a column of its `.var`, does not exist.
    ValueError
        If no name occurs in both views.
    """
    left, right = labels(data, source, source_names), labels(data, target, target_names)
    panels = _is_panel(left) and _is_panel(right)
    if panels:
        left, controls = _without_controls(left)
        right, _ = _without_controls(right)
    groups = _same_name(left, right)
    if not groups and not panels:  # one view may be named by identifiers, the other by symbols
        left, right = (
            labels(data, view, column, symbols=True)
            for view, column in ((source, source_names), (target, target_names))
        )
        groups = _same_name(left, right)
    n_same = len(groups)
    if panels:
        groups += _same_protein(left, right, groups)
    if not groups:
        raise nothing_linked("no name occurs in both views", {source: left, target: right})
    pairs = [
        (s, t, n, 1 / (len(ss) * len(tt))) for n, (ss, tt) in enumerate(groups) for s in ss for t in tt
    ]  # all of one group with all of the other: each side is a mean
    report = _report(left, groups, n_same, controls if panels else {})
    log.info(
        "%s -> %s: %d of %d features linked by name", source, target, (report["status"] == "linked").sum(), len(left)
    )
    return Link(source, target, pd.DataFrame(pairs, columns=PAIRS), report, "name")


def _same_name(left: pd.Series, right: pd.Series) -> list[Group]:
    """Pair features by exact name, then the rest ignoring case, then ignoring the versions of Ensembl identifiers.

    All features with a repeated name end up in one group.
    """
    groups: list[Group] = []
    for form in (str, str.casefold, without_version):
        n_before = len(groups)
        seen_left, seen_right = _free(left, groups, 0), _free(right, groups, 1)
        there = features_by_label(seen_right.map(form))
        groups += [(f, there[name]) for name, f in features_by_label(seen_left.map(form)).items() if name in there]
    if len(groups) > n_before:
        log.warning("%d names match only when versions of Ensembl identifiers are ignored.", len(groups) - n_before)
    return groups


def _same_protein(left: pd.Series, right: pd.Series, groups: list[Group]) -> list[Group]:
    """Pair the remaining features of two antibody panels by protein."""
    seen_left, seen_right = _free(left, groups, 0), _free(right, groups, 1)
    there = features_by_label(seen_right.map(_protein))
    return [
        (f, there[name]) for name, f in features_by_label(seen_left.map(_protein)).items() if name and name in there
    ]


def _free(names: pd.Series, groups: list[Group], side: int) -> pd.Series:
    taken = {feature for group in groups for feature in group[side]}
    return names[~names.index.isin(taken)]


def _protein(label: str) -> str:
    entry = lookup(label)
    return entry.protein if entry else ""


def _without_controls(names: pd.Series) -> tuple[pd.Series, dict[str, str]]:
    status = names.map(control)
    return names[status.isna()], {str(f): str(s) for f, s in status.dropna().items()}


def _is_panel(names: pd.Series) -> bool:
    """Return whether at least half of the names are known antibodies."""
    return recognised_share(names) >= 0.5


def _report(names: pd.Series, groups: list[Group], n_same: int, controls: dict[str, str]) -> pd.DataFrame:
    """Report what every source feature was linked to; the first `n_same` groups were found by the name itself."""
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
    rows += [
        (feature, status, "", "", "it does not measure a protein of the cell") for feature, status in controls.items()
    ]
    return pd.DataFrame(rows, columns=REPORT).astype(object)
