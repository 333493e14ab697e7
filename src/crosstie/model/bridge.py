"""One view and a reference: the views of the reference take part, as a bridge between what they measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from crosstie._errors import value_error
from crosstie._log import log
from crosstie._typing import Modality
from crosstie.data.modality import modalities_of
from crosstie.data.view import as_mapping
from crosstie.links.learned import LearnedLinks
from crosstie.links.link import Link
from crosstie.links.paired import Paired, paired
from crosstie.links.suggest import suggest
from crosstie.model.reference import listed

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie._typing import Data
    from crosstie.model.reference import Reference

Ties: TypeAlias = list[Link | Paired]


def bridged(
    data: Data, reference: Reference | Iterable[Reference], modality: Mapping[str, Modality] | None = None
) -> tuple[dict[str, AnnData], Ties]:
    """Return one view with those of a reference, and their links: cells in two views of the reference are the same.

    Parameters
    ----------
    data
        The view, by name.
    reference
        Paired data, as for `xt.integrate`. Where a name is taken, `reference_` is put before it.
    modality
        What the view measured; guessed where not given.

    Raises
    ------
    ValueError
        If the reference is learned links, which hold no cells, or there are several.
    """
    own = as_mapping(data, least=1)
    given = listed(reference)
    if len(given) != 1 or isinstance(given[0], LearnedLinks):
        raise value_error(
            "reference: one view alone needs one reference with cells, as a bridge.",
            found="learned links" if len(given) == 1 else f"{len(given)} references",
            expected="paired data: a MuData or a mapping of names to AnnData",
            cli={"expected": "one --reference FILE with paired data (h5mu, Cell Ranger h5, ...)"},
        )
    theirs = {(f"reference_{name}" if name in own else name): adata for name, adata in as_mapping(given[0]).items()}
    views = own | theirs
    kinds = modalities_of(views, modality or {})
    log.info("one view and a reference: %s take part, as a bridge.", ", ".join(theirs))
    names = list(theirs)
    pairs = [paired(views, a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return views, [*suggest(views, kinds, paired=pairs), *pairs]
