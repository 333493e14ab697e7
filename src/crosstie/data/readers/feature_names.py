"""Mends names of features where programs before us changed them: barcode sequences, rows of statistics, Excel dates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crosstie._errors import sample
from crosstie._log import log
from crosstie._typing import Mask

if TYPE_CHECKING:
    from anndata import AnnData

# Rows that counting programs add to the features (CITE-seq-Count, its first versions, HTSeq), and columns of QC that
# Seurat and scanpy write beside them.
_STATISTICS = {
    *("unmapped", "no_match", "total_reads", "bad_struct"),
    *("__no_feature", "__ambiguous", "__too_low_aqual", "__not_aligned", "__alignment_not_unique"),
    *("ngene", "numi", "n_genes", "n_counts", "n_genes_by_counts", "total_counts", "total_counts_mt", "pct_counts_mt"),
    *("log1p_total_counts", "log1p_n_genes_by_counts", "percent.mt", "percent_mt", "percent.mito", "percent_mito"),
    *(f"n{what}_{assay}" for what in ("count", "feature") for assay in ("rna", "adt", "atac", "hto", "sct")),
}
_SEQUENCE = re.compile(r"(?P<name>.*[^\s_-])[\s_-]+(?P<sequence>[ACGT]{8,})")
_SHARE = 0.8  # of the features, if the sequences are a program's and not part of a name

_MONTHS = {"mar": "MARCH", "sep": "SEPT", "sept": "SEPT", "dec": "DEC", "oct": "OCT"}
_DATE = re.compile(
    r"(?P<day>[0-3]?\d)-(?P<month>mar|sept?|dec|oct)|(?P<month2>mar|sept?|dec|oct)-(?P<day2>[0-3]?\d)"
    r"|(?:19|20)\d\d-(?P<month3>03|09|10|12)-(?P<day3>[0-3]\d)(?: 00:00:00)?",
    re.IGNORECASE,
)
_NUMBERS = {"03": "mar", "09": "sep", "10": "oct", "12": "dec"}
_MAYBE_DATE = re.compile(r"(?m)^(?:[0-3]?\d-\D|[a-zA-Z]{3,4}-[0-3]?\d$|(?:19|20)\d\d-)")
_MOST_MARCH, _MOST_SEPT = 11, 14  # genes of these families


def are_features(names: pd.Index) -> Mask:
    """Return which names are of features, and not of statistics such as CITE-seq-Count's `unmapped` or `nCount_RNA`."""
    found = np.array([name.strip().lower() not in _STATISTICS for name in names.astype(str)], bool)
    if not found.all():
        log.warning("%s: no feature but a statistic of reads or cells; left out.", sample(names[~found], 4))
    return found


def without_sequences(var: pd.DataFrame) -> pd.DataFrame:
    """Return features called by name where CITE-seq-Count calls them NAME-SEQUENCE; the sequence becomes a column."""
    found = [_SEQUENCE.fullmatch(str(name)) for name in var.index]
    if sum(match is not None for match in found) < max(_SHARE * len(found), 1):
        return var
    names = [name if match is None else match["name"] for name, match in zip(var.index, found, strict=True)]
    log.info("%d antibodies are called by name and sequence, such as %r; taken as %r.", *_first(var.index, names))
    out = var.set_axis(pd.Index(names), axis=0)
    out["sequence"] = ["" if match is None else match["sequence"] for match in found]
    return out


def _first(before: pd.Index, after: list[str]) -> tuple[int, str, str]:
    changed = [(str(a), b) for a, b in zip(before, after, strict=True) if a != b]
    return len(changed), *changed[0]


def mend_dates(views: dict[str, AnnData], where: str) -> None:
    """Give genes that a spreadsheet turned into dates their names again (`2-Sep` is SEPT2), and say so.

    `1-Mar` and `2-Mar` can be MARCH1 or MARC1, MARCH2 or MARC2: they stay, and are said.

    Parameters
    ----------
    views
        Views by name, changed; `""` is the name of one that is not named yet.
    where
        What to call that one.
    """
    for view, adata in views.items():
        names = adata.var_names.astype(str)
        if not _MAYBE_DATE.search("\n".join(names)):
            continue
        genes = [_gene(name) for name in names]
        dates = [name for name, gene in zip(names, genes, strict=True) if gene is not None]
        if not dates:
            continue
        taken = set(names) | {gene for gene in genes if gene and genes.count(gene) > 1}
        mended = [gene if gene and gene not in taken else name for name, gene in zip(names, genes, strict=True)]
        n_left = sum(name == new for name, new in zip(names, mended, strict=True) if name in dates)
        log.warning(
            "%s: names of genes that a spreadsheet turned into dates (%d: %s): %d corrected%s.",
            *(view or where, len(dates), sample(dates, 3), len(dates) - n_left),
            f", {n_left} left, since each can be one of several genes" if n_left else "",
        )
        adata.var_names = pd.Index(mended)


def _gene(name: str) -> str | None:
    """Return the gene that a date was; empty where it can be several, `None` where the name is no such date."""
    found = _DATE.fullmatch(name)
    if found is None:
        return None
    month = found["month"] or found["month2"] or _NUMBERS[found["month3"]]
    number = int(found["day"] or found["day2"] or found["day3"])
    family = _MONTHS[month.lower()]
    known = {"MARCH": range(3, _MOST_MARCH + 1), "SEPT": range(1, _MOST_SEPT + 1), "DEC": (1,), "OCT": ()}[family]
    return f"{family}{number}" if number in known else ""
