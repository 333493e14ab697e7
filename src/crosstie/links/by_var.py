"""Links by a column of `.var`: peaks that name their gene are linked to that gene, or to its protein.

With such a column, an ATAC view needs neither coordinates nor a gene annotation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crosstie._errors import InputValueError, sample, unknown_name
from crosstie._log import log
from crosstie._typing import Index
from crosstie.data.gene_activity import NOTHING, expand, split_names
from crosstie.links.by_table import by_table
from crosstie.links.feature_labels import PAIRS, REPORT, Finder, labels, nothing_linked, without_version
from crosstie.links.link import Link

if TYPE_CHECKING:
    from crosstie._typing import Data


def by_var(data: Data, source: str, target: str, *, key: str = "linked_gene", target_names: str | None = None) -> Link:
    """Link the features of one view to the features of another that a column of `.var` names.

    Names are compared exactly, then ignoring case; versions of Ensembl identifiers are ignored. If an entry is not a
    feature as a whole, it is split at `/`, `;` or `,`, and each part is looked up.

    Parameters
    ----------
    data
        The views by name.
    source
        The view whose features name others, such as peaks.
    target
        The view whose features are named, such as genes.
    key
        Column of the source's `.var`.
    target_names
        Column of the target's `.var` with the names to look up; `None` takes its `var_names`.

    Returns
    -------
    The link, with one column per feature of `target`; it joins all features of `source` that name it, each with
    weight 1. Its report has one row per feature of `source`, with the status `"linked"`, `"gene not measured"` or
    `"no gene named"`.

    Raises
    ------
    KeyError
        If a view, or a column of its `.var`, does not exist.
    ValueError
        If none of the names is a feature of `target`.
    """
    features, named, codes = _named(data, source, key)
    for symbols in (False, True):  # the column may name symbols where the view has identifiers
        genes = labels(data, target, target_names, symbols=symbols)
        find = Finder(genes.map(without_version))
        found = [_features(label, find) for label in named]
        row, item = expand(codes, found)
        if len(row):
            break
    if not len(row):
        raise nothing_linked(
            f"{source}.var[{key!r}] names no feature of {target}",
            {source: pd.Series(named), target: genes},
            f"Pass target_names (a column of {target}.var whose names match), or another key.",
        )
    partner = np.array([feature for features in found for feature in features], dtype=object)[item]
    pairs = pd.DataFrame({"source": features[row], "target": partner})
    pairs["column"] = pd.factorize(genes.index.get_indexer(pd.Index(partner)), sort=True)[0]
    pairs["weight"] = 1.0
    report = _report(features, named, codes, found, find, key)
    _say(source, target, key, report, int(pairs["column"].nunique()))
    return Link(
        source, target, pairs.sort_values("column", kind="stable", ignore_index=True)[PAIRS], report, "var column"
    )


def by_table_and_var(
    data: Data, source: str, target: str, *, key: str = "linked_gene", source_names: str | None = None
) -> Link:
    """Link antibodies to peaks: by the packaged table to genes, and from genes to the peaks that name them.

    Parameters
    ----------
    data
        The views by name.
    source
        Name of the view of antibodies.
    target
        Name of the view of peaks.
    key
        Column of the target's `.var` that names the gene of each peak; several genes are separated by `/`, `;` or `,`.
    source_names
        Column of the source's `.var` with the names of the antibodies; `None` takes its `var_names`.

    Returns
    -------
    The link, with one column per antibody. The weight of a gene is divided evenly among its peaks. The report is that
    of `by_table`: one row per antibody, whose targets are genes.

    Raises
    ------
    KeyError
        If a view, or a column of its `.var`, does not exist.
    ValueError
        If the peaks name none of the antibodies' genes.
    """
    from anndata import AnnData

    antibodies = labels(data, source, source_names)
    peaks, named, codes = _named(data, target, key)
    lists = [split_names(label) for label in named]
    peak, item = expand(codes, lists)
    gene = np.array([name for names in lists for name in names], dtype=object)[item]
    views = data.mod if hasattr(data, "mod") else data
    here = f"{target}.var[{key!r}]"
    genes = AnnData(var=pd.DataFrame(index=pd.Index(pd.unique(gene), dtype=object)))
    try:
        table = by_table({source: views[source], here: genes}, source, here, source_names=source_names)
    except InputValueError as problem:
        shown = {source: antibodies, target: pd.Series(named)}
        do = "The column must hold gene symbols. Pass source_names if the antibodies' names are in a column."
        raise nothing_linked(f"{here} names no gene of the antibodies", shown, do) from problem
    members = pd.DataFrame({"gene": gene, "target": peaks[peak]})
    members["share"] = 1 / members.groupby("gene")["gene"].transform("size")
    ways = table.pairs.rename(columns={"target": "gene"}).merge(members, on="gene")
    ways["weight"] *= ways["share"]
    pairs = ways.groupby(["column", "source", "target"], sort=False)[["weight"]].sum().reset_index()
    log.info(
        "%s -> %s: %d of %d features name a gene of %d antibodies",
        source,
        target,
        pairs["target"].nunique(),
        len(peaks),
        table.n_columns,
    )
    return Link(source, target, pairs[PAIRS], table.report, "packaged table and var column")


def _named(data: Data, view: str, key: str) -> tuple[np.ndarray, list[str], Index]:
    """Return a view's features, the distinct labels in a column of `.var`, and each feature's label (−1 for none)."""
    views = data.mod if hasattr(data, "mod") else data
    if view in views and key not in views[view].var.columns:
        do = f'Name another column, or sum the peaks by gene: xt.data.gene_activity({view}, genes="genes.gtf").'
        raise unknown_name(f"link: column of {view}.var", key, views[view].var.columns, do=do)
    label = labels(data, view, key).str.strip()
    label = label[~label.isin(NOTHING)]
    features = pd.Index(views[view].var.index.astype(str)).unique()
    codes, named = pd.factorize(label.reindex(features))
    return features.to_numpy(object), [str(name) for name in named], codes


def _features(label: str, find: Finder) -> list[str]:
    """Return the features that a label names: as a whole, or else by its parts."""
    whole = find(without_version(label))
    return whole or list(dict.fromkeys(f for part in split_names(label) for f in find(without_version(part))))


def _report(
    features: np.ndarray, named: list[str], codes: Index, found: list[list[str]], find: Finder, key: str
) -> pd.DataFrame:
    """Report what every source feature was linked to; all features with one label share one row."""
    rows = []
    for label, partners in zip(named, found, strict=True):
        parts = [label] if find(without_version(label)) else split_names(label)
        lacking = "/".join(part for part in parts if not find(without_version(part)))
        reason = f"named in var[{key!r}]" if partners else ""
        if lacking:
            reason = f"{reason}; {lacking}: not measured" if partners else f"{lacking}: not a feature of the other view"
        rows.append(("linked" if partners else "gene not measured", label, "/".join(partners), reason))
    rows.append(("no gene named", "", "", f"var[{key!r}] is empty"))  # code -1
    table = np.array(rows, dtype=object)[codes]
    return pd.DataFrame(np.column_stack([features, table]), columns=REPORT).astype(object)


def _say(source: str, target: str, key: str, report: pd.DataFrame, n_columns: int) -> None:
    """Log one line that accounts for every feature."""
    count = report["status"].value_counts()
    lacking = report.loc[report["status"] == "gene not measured", "entry"].unique()
    parts = [f"{count['linked']} of {len(report)} features linked to {n_columns} features by var[{key!r}]"]
    if len(lacking):
        parts.append(f"{count['gene not measured']} name genes that were not measured: {sample(lacking, 4)}")
    if "no gene named" in count:
        parts.append(f"{count['no gene named']} do not name a gene")
    log.info("%s -> %s: %s", source, target, "; ".join(parts))
