"""Genes called by identifiers (Ensembl, Entrez, row numbers): the column of `.var` that holds their symbols."""

from __future__ import annotations

import re
from functools import cache

import pandas as pd

from crosstie.links.antibody_names import entries

_IDENTIFIER = re.compile(r"ENS[A-Z]*[GT]\d{11}(?:\.\d+)?|\d+", re.IGNORECASE)
_LOOKED_AT = 500  # names from which it is seen whether features are called by identifiers
_SHARE = 0.5  # of them


@cache
def known_symbols() -> frozenset[str]:
    """Return the symbols of all genes in the packaged table, human and mouse, in upper case."""
    return frozenset(s.upper() for entry in entries() for s in (*entry.human, *entry.mouse, *entry.former))


def are_identifiers(names: pd.Index) -> bool:
    """Return whether most names are identifiers of genes, such as `ENSG00000198851`, and not symbols."""
    some = names[:: max(1, len(names) // _LOOKED_AT)]
    return bool(len(some)) and sum(bool(_IDENTIFIER.fullmatch(str(x))) for x in some) >= _SHARE * len(some)


def symbol_columns(var: pd.DataFrame) -> list[str]:
    """Return the columns of `.var` that hold gene symbols, the one with most known symbols first.

    Columns of the same symbols are given once. A column with less than half as many known symbols as the first
    is none: one gene's name may stand anywhere.
    """
    found: dict[str, pd.Series] = {}
    n_known: dict[str, int] = {}
    for name in var.columns:
        if var[name].dtype.kind in "biufcmM":
            continue
        text = var[name].astype(object)
        text = text.where(text.notna(), "").astype(str)
        n = int(text.str.upper().isin(known_symbols()).sum())
        if n and not any(text.equals(other) for other in found.values()):
            found[str(name)], n_known[str(name)] = text, n
    most = max(n_known.values(), default=0)
    return sorted((name for name, n in n_known.items() if 2 * n >= most), key=lambda name: -n_known[name])


def symbol_column(var: pd.DataFrame) -> str | None:
    """Return the one column that holds the symbols of genes called by identifiers; `None` if there is not one."""
    if not are_identifiers(var.index):
        return None
    found = symbol_columns(var)
    return found[0] if len(found) == 1 else None
