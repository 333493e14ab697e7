"""Links that suggest themselves: what `integrate` does when it is given none, and the command line in any case."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from crosstie._errors import InputError, sample, value_error
from crosstie._log import log
from crosstie._typing import Modality
from crosstie.links.link import Link
from crosstie.links.name import by_name
from crosstie.links.table import by_table

if TYPE_CHECKING:
    from crosstie._typing import Data

GENES = {"rna", "activity"}
PROTEINS = {"protein", "cytometry"}


def suggest(
    data: Data,
    modality: Mapping[str, Modality],
    *,
    table: pd.DataFrame | str | Path | None = None,
    names: Mapping[str, str] | None = None,
) -> list[Link]:
    """Link every pair of views that can be linked: by name where both measure one kind, else by the packaged table.

    Parameters
    ----------
    data
        The views by name.
    modality
        What each of them measured.
    table
        Pairs of features of two views, as in `by_table`, taken instead of any rule; its first column may name
        features of either view: the way that links more is meant.
    names
        Column of `.var` with the names to look up, by view; `var_names` where not given.

    Returns
    -------
    The links; how each was made is in the log.

    Raises
    ------
    ValueError
        If no pair of views can be linked (with two views, the message is the one that linking them gave), or a table
        is given for more than two.
    """
    names = names or {}
    if table is not None:
        if len(modality) > 2:
            do = "In Python, make the links one by one: xt.links.by_table(data, source, target, table)."
            raise value_error("links: a table links two views.", found=sample(modality), do=do)
        source, target = modality
        return [_by_table_either_way(data, source, target, table, names)]
    links: list[Link] = []
    failures: list[str] = []
    for source, target in combinations(modality, 2):
        kinds = {modality[source], modality[target]}
        how = by_name if len(kinds) == 1 or kinds <= GENES or kinds <= PROTEINS else by_table
        if how is by_table and not (kinds & GENES and kinds & PROTEINS):
            failures.append(f"{source} – {target}: no rule links {modality[source]} and {modality[target]}")
            continue
        try:
            links.append(how(data, source, target, source_names=names.get(source), target_names=names.get(target)))
        except InputError as error:
            if len(modality) == 2:
                raise
            failures.append(f"{source} – {target}: {error}")
            continue
        log.info("%s: linked %s, %d columns.", links[-1], how.__name__.replace("_", " "), links[-1].n_columns)
    if not links:
        raise value_error(
            "links: no two views could be linked.",
            found="\n  ".join(failures),
            do="Give links: xt.integrate(data, links=[xt.links.by_table(data, ..., table=...)]).",
        )
    return links


def _by_table_either_way(
    data: Data,
    source: str,
    target: str,
    table: pd.DataFrame | str | Path,
    names: Mapping[str, str],
) -> Link:
    def link(first: str, second: str) -> Link:
        return by_table(data, first, second, table, source_names=names.get(first), target_names=names.get(second))

    def n_pairs(first: str, second: str) -> int:
        log.disabled = True  # only the way that is taken is said
        try:
            return len(link(first, second).pairs)
        except InputError:
            return 0
        finally:
            log.disabled = False

    if n_pairs(target, source) <= n_pairs(source, target):
        return link(source, target)
    log.info("table: the first column names features of %s, the second of %s.", target, source)
    return link(target, source).reversed()
