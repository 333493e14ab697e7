"""Genes as references and pipelines spell them: with a genome in front, an identifier beside the symbol, a version."""

from __future__ import annotations

import re
from collections import Counter

import pandas as pd

from crosstie._log import log

_LOOKED_AT = 200  # names from which the spelling is found
_SHARE = 0.5  # of the names that are spelled in a way, if it is that of the view
_GENOME = re.compile(
    r"(?P<genome>GRCh3[678]|GRCm3[89]|hg1[89]|hg38|mm9|mm10|mm39|human|mouse|rat|rn[67])"
    r"(?:[-_]premrna)?[-_]+(?P<name>\S.*)",
    re.IGNORECASE,
)
_ID = r"ENS[A-Z]*G\d{11}(?:\.\d+)?"
_BESIDE = re.compile(rf"(?P<name>[^|]+?)[-_|:]{_ID}|{_ID}[-_|:](?P<second>[^|]+)")
_VERSION = re.compile(r"(?P<name>.+)\.\d{1,2}")


def plain_genes(names: pd.Series, view: str) -> pd.Series:
    """Return the labels of a view without what a reference added to the names of its genes.

    A genome in front (`GRCh38_CD3E`, `mm10___Cd3e`, `HUMAN_CD3E`, `hg19-CD3E`), an Ensembl identifier beside the symbol
    (`CD3E_ENSG00000198851`) and a version behind every name (`CD3E.1`) come off, where most names have them; the log
    says so. Names of two genomes, as in mixtures of human and mouse cells, are said too.

    Parameters
    ----------
    names
        Labels of the features.
    view
        Name of the view, for the log.

    Returns
    -------
    The labels, in the same order; other spellings are unchanged.
    """
    if _is_usual(names, _GENOME):
        found = [_GENOME.fullmatch(name) for name in names]
        genomes = Counter(match["genome"] for match in found if match)
        names = _changed(names, [match["name"] if match else name for match, name in zip(found, names, strict=True)])
        log.info("%s: names of genes begin with a genome (%s); it is ignored.", view, ", ".join(genomes))
        n_second = sorted(genomes.values())[-2] if len(genomes) > 1 else 0
        if n_second > len(names) / 20:
            log.warning(
                "%s: genes of %d genomes (%s), as of a mixture of organisms; cells of both are integrated as one set. "
                "Keep the cells and genes of one organism if that is not meant.",
                *(view, len(genomes), ", ".join(f"{genome}: {n:,}" for genome, n in genomes.items())),
            )
    if _is_usual(names, _BESIDE):
        found = [_BESIDE.fullmatch(name) for name in names]
        plain = [m["name"] or m["second"] if m else name for m, name in zip(found, names, strict=True)]
        log.info("%s: names are symbols with identifiers, such as %r; the symbols are used.", view, names.iloc[0])
        names = _changed(names, plain)
    if len(names) and all(_VERSION.fullmatch(name) for name in names):
        plain = [name.rpartition(".")[0] for name in names]
        if len(set(plain)) == len(set(names)):  # `cd4.1` and `cd4.2` are clones
            log.info("%s: all names end in a version, such as %r; it is ignored.", view, names.iloc[0])
            names = _changed(names, plain)
    return names


def _is_usual(names: pd.Series, kind: re.Pattern[str]) -> bool:
    some = names.iloc[:: max(1, len(names) // _LOOKED_AT)]
    return bool(len(some)) and sum(kind.fullmatch(name) is not None for name in some) >= _SHARE * len(some)


def _changed(names: pd.Series, to: list[str]) -> pd.Series:
    return pd.Series(to, index=names.index, dtype=object)
