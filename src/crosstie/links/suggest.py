"""Automatic links: what `integrate` uses if it is given none, and the command line always."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from crosstie._errors import InputError, sample, value_error
from crosstie._log import log
from crosstie._typing import Modality
from crosstie.data.modality import modalities_of
from crosstie.data.view import as_mapping
from crosstie.links.by_name import by_name
from crosstie.links.by_table import by_table
from crosstie.links.by_var import by_table_and_var, by_var
from crosstie.links.link import Link
from crosstie.links.paired import Paired

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie._typing import Data

GENES = {"rna", "activity"}
PROTEINS = {"protein", "cytometry"}
SUSPICIOUS = 0.5  # share of common cell names above which to give a hint; barcodes repeat between experiments
KEY = "linked_gene"  # column of an ATAC view's var with the gene of each peak


def suggest(
    data: Data,
    modality: Mapping[str, Modality] | None = None,
    *,
    table: pd.DataFrame | str | Path | None = None,
    names: Mapping[str, str] | None = None,
    paired: Iterable[Paired] = (),
) -> list[Link]:
    """Link every pair of views that can be linked, by the rule for their modalities.

    Views with the same kind of features (RNA and gene activity; antibodies and cytometry; peaks) are linked by name.
    Proteins and genes are linked by the packaged table. Peaks that name their genes in `.var["linked_gene"]` are linked
    to genes by that column, and to proteins by the table and that column.

    Parameters
    ----------
    data
        The views by name.
    modality
        Modality of each view; `None` guesses them.
    table
        Pairs of features of two views, as in `by_table`, to use instead of the rules. The first column may name
        features of either view: the order that links more features is used.
    names
        Column of `.var` with the names to look up, by view; by default the `var_names`.
    paired
        What is known of shared cells; for other views that share most of their cell names, the log says how to tell.

    Returns
    -------
    The links; the log says how each was made.

    Raises
    ------
    ValueError
        If no pair of views can be linked (with two views, the message is that of linking them), or a table is given
        for more than two views.
    """
    names = names or {}
    data = as_mapping(data)
    if modality is None:
        modality = modalities_of(data, {})
    if table is not None:
        if len(modality) > 2:
            do = "In Python, make the links one by one: xt.links.by_table(data, source, target, table)."
            raise value_error("links: a table links two views.", found=sample(modality), do=do)
        source, target = modality
        return [_by_table_either_way(data, source, target, table, names)]
    links: list[Link] = []
    failures: list[tuple[str, str]] = []  # each also in the words of the command line
    for source, target in combinations(modality, 2):
        rule = _rule(data, source, target, modality, names)
        if isinstance(rule, str):
            failures.append((f"{source} – {target}: {rule}",) * 2)
            continue
        how, make = rule
        try:
            made = make()
        except InputError as error:
            if len(modality) == 2:
                raise
            failures.append((f"{source} – {target}: {error}", f"{source} – {target}: {error.cli}"))
            continue
        links.append(made if made.source == source else made.reversed())
        log.info("%s: linked %s, %d columns.", links[-1], how, made.n_columns)
    if not links:
        found, found_cli = ("\n  ".join(texts) for texts in zip(*failures, strict=True)) if failures else ("", "")
        raise value_error(
            "links: no two views could be linked.",
            found=found,
            do="Give links: xt.integrate(data, links=[xt.links.by_table(data, ..., table=...)]).",
            cli={"found": found_cli, "do": "Give a table of pairs: --links TABLE."},
        )
    for failure, failure_cli in failures:
        # The command line's words may hold a per cent sign.
        said = failure_cli.splitlines()[0].replace("%", "%%")
        log.info("not linked: " + failure.splitlines()[0].replace("%", "%%"), extra={"cli": "not linked: " + said})
    _hint_at_shared_cells(data, {frozenset(link.edge) for link in paired})
    return links


def _hint_at_shared_cells(data: Mapping[str, AnnData], known: Collection[frozenset[str]]) -> None:
    """Log views that share most of their cell names: only the user knows whether the cells are the same."""
    for source, target in combinations(data, 2):
        if {source, target} in known:
            continue
        names, others = data[source].obs_names, data[target].obs_names
        n_common = int(names.isin(others).sum())
        if n_common > SUSPICIOUS * min(len(names), len(others)):
            what = "%s and %s have %d cell names in common; they are treated as different cells. "
            log.info(
                what + "If they are the same cells, add xt.links.paired(data, %r, %r).",
                *(source, target, n_common, source, target),
                extra={"cli": what + "If they are the same cells, add --paired %s,%s."},
            )


def _rule(
    data: Data, source: str, target: str, modality: Mapping[str, Modality], names: Mapping[str, str]
) -> tuple[str, Callable[[], Link]] | str:
    """Return how to link two views (in either direction) and a function that does it, or why they cannot be linked."""
    kinds = {modality[source], modality[target]}
    at_source, at_target = names.get(source), names.get(target)
    if len(kinds) == 1 or kinds <= GENES or kinds <= PROTEINS:
        return "by name", partial(by_name, data, source, target, source_names=at_source, target_names=at_target)
    if kinds & GENES and kinds & PROTEINS:
        return "by table", partial(by_table, data, source, target, source_names=at_source, target_names=at_target)
    if not ("atac" in kinds and kinds & (GENES | PROTEINS)):
        return f"no rule links {modality[source]} and {modality[target]}"
    peaks, other = (source, target) if modality[source] == "atac" else (target, source)
    if KEY not in data[peaks].var.columns:
        return (
            f"{peaks}.var has no column {KEY!r} with the genes of its peaks. Add it, or compute gene activity: "
            f'xt.data.gene_activity({peaks}, genes="genes.gtf")'
        )
    if modality[other] in GENES:
        return "by var", partial(by_var, data, peaks, other, key=KEY, target_names=names.get(other))
    return "by table and var", partial(by_table_and_var, data, other, peaks, key=KEY, source_names=names.get(other))


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
        log.disabled = True  # log only the order that is used
        try:
            return len(link(first, second).pairs)
        except InputError:
            return 0
        finally:
            log.disabled = False

    if n_pairs(target, source) <= n_pairs(source, target):
        return link(source, target)
    log.info("table: the first column names features of %s, the second features of %s.", target, source)
    return link(target, source).reversed()
