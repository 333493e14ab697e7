"""Links that suggest themselves: what `integrate` does when it is given none."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING

from crosstie._errors import InputError, value_error
from crosstie._log import log
from crosstie._typing import Modality
from crosstie.links.link import Link
from crosstie.links.name import by_name
from crosstie.links.table import by_table

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

GENES = {"rna", "activity"}
PROTEINS = {"protein", "cytometry"}


def suggest(data: MuData | Mapping[str, AnnData], modality: Mapping[str, Modality]) -> list[Link]:
    """Link every pair of views that can be linked: by name where both measure one kind, else by the packaged table.

    Parameters
    ----------
    data
        The views by name.
    modality
        What each of them measured.

    Returns
    -------
    The links; how each was made is in the log.

    Raises
    ------
    ValueError
        If no pair of views can be linked; with two views, the message is the one that linking them gave.
    """
    links: list[Link] = []
    failures: list[str] = []
    for source, target in combinations(modality, 2):
        kinds = {modality[source], modality[target]}
        how = by_name if len(kinds) == 1 or kinds <= GENES or kinds <= PROTEINS else by_table
        if how is by_table and not (kinds & GENES and kinds & PROTEINS):
            failures.append(f"{source} – {target}: no rule links {modality[source]} and {modality[target]}")
            continue
        try:
            links.append(how(data, source, target))
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
