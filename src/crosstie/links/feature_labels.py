"""The labels by which the features of a view are looked up, and the way back from a label to features.

Every way to make links reads the user's names here and reports on them in the same columns.
"""

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
from crosstie.links.gene_spelling import plain_genes
from crosstie.links.identifiers import symbol_column

if TYPE_CHECKING:
    from crosstie._typing import Data

REPORT = ["feature", "status", "entry", "targets", "reason"]  # columns of Link.report
PAIRS = ["source", "target", "column", "weight"]  # columns of Link.pairs
_ENSEMBL_VERSION = re.compile(r"(ENS[A-Z]*[0-9]{11})\.[0-9]+", re.IGNORECASE)
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec"
_DATE = re.compile(rf"[0-9]{{1,2}}-(?:{_MONTHS})|(?:mar|sep|dec)-[0-9]{{1,2}}", re.IGNORECASE)


def labels(data: Data, view: str, column: str | None, *, symbols: bool = False) -> pd.Series:
    """Return the labels by which the features of a view are looked up, indexed by `var_names`.

    What references add to the names of genes (`GRCh38_`, `_ENSG…`, versions) is taken off.
    Of a repeated `var_name` only the first feature is kept, because pairs identify features by name.

    Parameters
    ----------
    data, view
        The views by name, and which.
    column
        Column of `.var` with the labels; `None` takes the `var_names`.
    symbols
        Whether genes called by identifiers are looked up by their symbols, where `column` is `None` and one column of
        `.var` holds them; the log says so.
    """
    views = data.mod if hasattr(data, "mod") else data
    if view not in views:
        raise unknown_name("link: view", view, views)
    var = views[view].var
    if symbols and column is None and (column := symbol_column(var)) is not None:
        text = "%s: genes are called by identifiers, such as %r; linked by their symbols in var[%r]."
        log.info(text, view, str(var.index[0]), column)
    if column is not None and column not in var.columns:
        raise unknown_name(f"link: column of {view}.var", column, var.columns)
    values = var.index if column is None else var[column].astype(object)
    names = pd.Series(["" if pd.isna(x) else str(x) for x in values], index=var.index.astype(str), dtype=object)
    repeated = names.index.duplicated()
    if repeated.any():
        first = names.index[repeated][0]
        log.warning("%s: %d features repeat a name (%r); only the first of each is used", view, repeated.sum(), first)
    return plain_genes(names[~repeated & (names != "").to_numpy()], view)


def without_version(name: str) -> str:
    """Return an Ensembl identifier without its version; other names are unchanged."""
    match = _ENSEMBL_VERSION.fullmatch(name)
    return match[1] if match else name


def recognised_share(names: pd.Series) -> float:
    """Return the share of labels that are antibody names, estimated on about a thousand of a longer list."""
    some = names.iloc[:: max(1, len(names) // 1000)]
    return float(some.map(lambda x: bool(control(x) or lookup(x))).mean()) if len(some) else 0.0


def features_by_label(names: pd.Series) -> dict[str, list[str]]:
    """Return the features of each label."""
    out: dict[str, list[str]] = defaultdict(list)
    for feature, label in names.items():
        out[label].append(str(feature))
    return dict(out)


class Finder:
    """Finds the features of one view by label: the exact label first, then ignoring case."""

    def __init__(self, names: pd.Series) -> None:
        self.exact = features_by_label(names)
        self.folded = features_by_label(names.map(str.casefold))

    def __call__(self, label: str) -> list[str]:
        """Return the features with this label; an empty list if there are none."""
        return self.exact.get(label) or self.folded.get(label.casefold(), [])

    @property
    def repeated(self) -> dict[str, list[str]]:
        """Labels shared by several features, with those features."""
        return {label: features for label, features in self.exact.items() if len(features) > 1}


def nothing_linked(what: str, names: Mapping[str, pd.Series], do: str = "", do_cli: str = "") -> InputValueError:
    """Return (do not raise) the error for a link without pairs; it shows names from both sides.

    `do` says what to do, in general terms by default; `do_cli` says the same in the words of the command line.
    """
    source, target = names
    shown = "".join(f"{view} features look like: {sample(x, 4)}\n  " for view, x in names.items())
    shown += "".join(f"{hint}\n  " for view, x in names.items() if (hint := _oddity(view, x)))
    if not do:
        do = "Pass source_names or target_names (a column of .var whose names match), or use xt.links.by_table."
        do_cli = "Pass --names NAME=COLUMN (a column of .var whose names match), or give a table: --links TABLE."
    return value_error(f"link {source} -> {target}: {what}.", do=shown + do, cli={"do": shown + (do_cli or do)})


def _oddity(view: str, names: pd.Series) -> str:
    """Explain names that match nothing: dates from a spreadsheet, or letters that only look Latin."""
    dates = [name for name in names if _DATE.fullmatch(name)]
    if dates:
        return (
            f"{len(dates):,} names of {view} are dates ({sample(dates, 3)}): a spreadsheet converted genes such as "
            "MARCH1 and SEPT2. Take the names from the original file."
        )
    for name in names:
        odd = next((c for c in name if unicodedata.name(c, "").startswith(("CYRILLIC", "FULLWIDTH"))), "")
        if odd:
            return f"{name!r} of {view} has a letter that only looks Latin: {unicodedata.name(odd)}. Retype the name."
    return ""
