"""Links by a table of feature pairs: the packaged protein-gene table, or a table of the user's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd

from crosstie._errors import sample, type_error, value_error
from crosstie._log import log
from crosstie.data.untrusted_files import open_text
from crosstie.links.antibody_names import Control, Entry, Organism, control, entries, lookup, stripped
from crosstie.links.feature_labels import PAIRS, REPORT, Finder, labels, nothing_linked, recognised_share
from crosstie.links.identifiers import symbol_columns
from crosstie.links.link import Link

if TYPE_CHECKING:
    from crosstie._typing import Data


MOST_COLUMNS = 1000  # of a table of links; three are read
MOST_BYTES = 2**26  # of a packed table, unpacked: more than a million pairs
_LONGEST_HEADER = 2**20  # bytes
_SAID = {
    "gene not measured": "whose gene was not measured",
    "no gene": "without a gene",
    "isoform dropped": "dropped isoforms",
}


def by_table(
    data: Data,
    source: str,
    target: str,
    table: pd.DataFrame | str | Path | None = None,
    *,
    source_names: str | None = None,
    target_names: str | None = None,
    isoforms: Literal["keep", "drop"] = "keep",
) -> Link:
    """Link two views by a table of feature pairs; by default antibodies to genes, by the packaged table.

    Each antibody becomes one column of the link; the weights of its measured genes sum to 1. The names show which view
    holds the antibodies, so `source` and `target` can be in either order.

    Parameters
    ----------
    data
        The views by name.
    source, target
        Names of the two views.
    table
        Pairs of names: a data frame, or the path of a csv or tsv file with a header. The first column names features
        of `source`, the second features of `target`; weights come from a column `weight`, or else from a third column.
        A negative weight links features that move in opposite directions, such as methylation of a gene and its RNA.
        A cell may hold several features, separated by `/`, `|` or `;`. `None` takes the packaged table, for human or
        mouse depending on the gene symbols.
    source_names, target_names
        Column of that view's `.var` with the names to look up, such as `"gene_symbols"`; `None` takes the `var_names`
        or, if these are identifiers of genes and one column holds their symbols, that column. The pairs of the link
        are always `var_names`.
    isoforms
        What to do with antibodies against one isoform of a protein (CD45RA), which the gene cannot distinguish:
        `"keep"` links them to the gene, `"drop"` leaves them out. Only for the packaged table.

    Returns
    -------
    The link. Its report has one row per antibody; `status` is `"linked"`, `"gene not measured"`,
    `"isotype control"`, `"hashtag"`, `"blank"`, `"no gene"`, `"isoform dropped"` or `"unknown"`.

    Raises
    ------
    KeyError
        If a view, or a column of its `.var`, does not exist.
    ValueError
        If the table cannot be read, a weight is 0 or not finite, or nothing is linked.
    """
    if isoforms not in ("keep", "drop"):
        raise value_error("by_table: unknown value of isoforms.", found=repr(isoforms), expected="'keep' or 'drop'")
    column = {source: source_names, target: target_names}
    names = {view: labels(data, view, column[view], symbols=table is None) for view in (source, target)}
    protein, gene = (
        (source, target) if _antibody_score(names[source]) >= _antibody_score(names[target]) else (target, source)
    )
    if table is None:
        pairs, report = _packaged(names[protein], names[gene], isoforms)
        n_pairs = sum(len(set(e.human) | set(e.mouse)) for e in entries())
    else:
        asked = _read(table)
        asked.columns = pd.Index([source, target, "weight"])
        asked, n_pairs = asked.rename(columns={protein: "protein", gene: "gene"}), len(asked)
        pairs, report = _given(asked, names[protein], names[gene])
        if not len(pairs):  # the table may name symbols where the view has identifiers
            names = {view: labels(data, view, column[view], symbols=True) for view in (source, target)}
            pairs, report = _given(asked, names[protein], names[gene])
    if not len(pairs):
        do, do_cli = _hints(data, {source: "source_names", target: "target_names"}, gene)
        raise nothing_linked(f"none of the table's {n_pairs:,} pairs occurs in both views", names, do, do_cli)
    _say(protein, gene, pairs, report, Finder(names[gene]))
    pairs = pairs.rename(
        columns={"protein": "source", "gene": "target"}
        if protein == source
        else {"gene": "source", "protein": "target"}
    )
    return Link(source, target, pairs[PAIRS], report, "packaged table" if table is None else "given table")


def _symbols(organism: Organism) -> set[str]:
    return {symbol for entry in entries() for symbol in entry.genes(organism)}


def _antibody_score(names: pd.Series) -> float:
    """Return how much a view's names look like antibodies: names that are recognised and are not gene symbols.

    Panels named by gene (`PTPRC`, `MS4A1`) still score above a transcriptome, where few genes are antibody names.
    `CD8a` counts as less of a gene symbol than `CD8A`.
    """
    symbols = _symbols("human") | _symbols("mouse") | {former for entry in entries() for former in entry.former}
    exact = names.isin(symbols)
    folded = names.str.casefold().isin({symbol.casefold() for symbol in symbols})
    return 1.5 * recognised_share(names) - float((exact.mean() + folded.mean()) / 2) if len(names) else 0.0


def _organism(genes: pd.Series) -> Organism:
    """Return the organism whose gene symbols, in its spelling, occur more often."""
    human, mouse = (int(genes.isin(_symbols(organism)).sum()) for organism in ("human", "mouse"))  # type: ignore[arg-type]
    return "mouse" if mouse > human else "human"


def _packaged(
    antibodies: pd.Series, genes: pd.Series, isoforms: Literal["keep", "drop"]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Look up every antibody in the packaged table; return the pairs and the report."""
    find, organism = Finder(genes), _organism(genes)
    pairs: list[tuple[str, str, int, float]] = []
    report = []
    for feature, label in antibodies.items():
        status, entry, to, reason = _look_up(label, find, organism, isoforms)
        report.append((feature, status, entry.protein if entry else "", "/".join(to), reason))
        pairs += [(str(feature), g, len(report) - 1, 1 / len(to)) for g in to]
    return _frame(pairs), pd.DataFrame(report, columns=REPORT).astype(object)


def _look_up(
    label: str, find: Finder, organism: Organism, isoforms: Literal["keep", "drop"]
) -> tuple[str, Entry | None, list[str], str]:
    """Return the status, entry, measured genes and reason of one antibody."""
    if status := control(label):
        return status, None, [], "it does not measure a protein of the cell"
    entry = lookup(label, organism)
    if entry is None:
        same = find(stripped(label)) if len(stripped(label)) > 2 else []
        if same:
            return "linked", None, same, "not in the table, but a gene has the same name"
        return "unknown", None, [], "not in the table; give a table of your own to add it"
    wanted = entry.genes(organism)
    if not wanted:
        return "no gene", entry, [], f"no {organism} gene in the table: {entry.evidence}"
    if entry.kind == "isoform" and isoforms == "drop":
        return "isoform dropped", entry, [], f"{'/'.join(wanted)} cannot distinguish this isoform"
    measured = _measured(wanted, find) or _measured(entry.former, find)
    if not measured:
        return "gene not measured", entry, [], f"{'/'.join(wanted)} is not among the other view's features"
    return "linked", entry, measured, entry.evidence


def _measured(symbols: tuple[str, ...], find: Finder) -> list[str]:
    return list(dict.fromkeys(feature for symbol in symbols for feature in find(symbol)))


def _given(asked: pd.DataFrame, proteins: pd.Series, genes: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Look up the pairs of a user's table in both views; return the pairs found and the report."""
    find_protein, find_gene = Finder(proteins), Finder(genes)
    rows = [
        (p, g, weight)
        for protein, gene, weight in asked[["protein", "gene", "weight"]].itertuples(index=False)
        for p in _cell(protein, find_protein)
        for g in _cell(gene, find_gene)
    ]
    named = {p for protein in asked["protein"] for p in _cell(protein, find_protein)}
    once = pd.DataFrame(rows, columns=["protein", "gene", "weight"]).groupby(["protein", "gene"], sort=False).sum()
    pairs = once.reset_index()
    pairs = pairs[pairs["weight"] != 0]  # a pair given twice, with opposite signs
    pairs["weight"] /= pairs["weight"].abs().groupby(pairs["protein"]).transform("sum")
    pairs["column"] = proteins.index.get_indexer(pd.Index(pairs["protein"]))
    found = pairs.groupby("protein")["gene"].agg("/".join)
    report = []
    for feature in proteins.index:
        if feature in found.index:
            report.append((feature, "linked", feature, found[feature], "in the given table"))
        elif feature in named:
            report.append(
                (feature, "gene not measured", feature, "", "its partners are not among the other view's features")
            )
        else:
            report.append((feature, "unknown", "", "", "not in the given table"))
    return pairs, pd.DataFrame(report, columns=REPORT).astype(object)


def _cell(text: str, find: Finder) -> list[str]:
    """Return the features that a table cell names: as a whole, or else by its parts."""
    whole = find(text.strip())
    return whole or [feature for part in re.split(r"[/|;]", text) for feature in find(part.strip())]


def _frame(pairs: list[tuple[str, str, int, float]]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["protein", "gene", "column", "weight"])


def _read(table: pd.DataFrame | str | Path) -> pd.DataFrame:
    """Read and check a table of pairs; return exactly three columns: two with names and one with weights."""
    if isinstance(table, str | Path):
        table = _read_file(Path(table))
    elif not isinstance(table, pd.DataFrame):
        raise type_error(
            "by_table: `table` must be a table.",
            found=type(table).__name__,
            expected="a DataFrame or the path of a csv or tsv file",
        )
    if table.shape[1] < 2:
        raise value_error(
            "by_table: the table has fewer than two columns.",
            found=f"columns {sample(table.columns)}",
            expected="feature of the source view, feature of the target view, and optionally a weight",
            do="Separate the fields by commas, or by tabs in .tsv and .txt files.",
        )
    names = table.iloc[:, :2]
    complete = names.notna().all(axis=1)
    if not complete.any():
        raise value_error(
            "by_table: the table is empty.",
            found=f"{len(table)} rows, none of them with two names",
            expected="one row per pair of features",
        )
    if not complete.all():
        log.warning("table: %d of %d rows lack a name and are left out", (~complete).sum(), len(table))
    out = names[complete].astype(str)
    return out.assign(weight=_weights(table)[complete.to_numpy()])


def _read_file(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise value_error("by_table: there is no such table.", found=str(path), expected="a csv or tsv file")
    tabs = path.suffixes[:1] in ([".tsv"], [".txt"], [".tab"])
    separator = "\t" if tabs else ","
    try:
        with open_text(path) as file:
            head = file.readline(_LONGEST_HEADER)
        if len(head) == _LONGEST_HEADER or head.count(separator.encode()) > MOST_COLUMNS:
            raise value_error("the first line is too long", found=f"{len(head):,} bytes")
        with open_text(path, most=MOST_BYTES) as file:
            return pd.read_csv(file, sep=separator, encoding="utf-8-sig")
    except MemoryError:
        raise
    except Exception as problem:  # the parser, its decoders and the archives it opens each raise their own errors
        expected = "csv or tsv in UTF-8 with a header, plain or packed by gzip, bzip2, xz or zip"
        what = f"by_table: {path} cannot be read as a table."
        raise value_error(what, found=str(problem), expected=expected) from problem


def _weights(table: pd.DataFrame) -> np.ndarray:
    """Return the weights: the column `weight`, else the third of three columns, else 1."""
    column = table["weight"] if "weight" in table.columns[2:] else table.iloc[:, 2] if table.shape[1] == 3 else None
    if column is None:
        if table.shape[1] > 3:
            log.info("table: columns %s are ignored", sample(table.columns[2:]))
        return np.ones(len(table))
    column = column.astype(object)  # to show it as given
    weights = pd.to_numeric(column, errors="coerce").to_numpy(float)
    wrong = ~(np.isfinite(weights) & (weights != 0))
    if wrong.any():
        first = int(wrong.argmax())
        value = column.astype(object).iloc[first]  # as Python shows it: -1, not np.int64(-1)
        raise value_error(
            f"by_table: {wrong.sum()} of the {len(weights)} weights are invalid.",
            found=f"{value!r} in row {first + 1}, column {column.name!r}",
            expected="finite numbers other than 0",
            do="Remove the rows that should not count.",
        )
    return weights


def _hints(data: Data, option: dict[str, str], gene: str) -> tuple[str, str]:
    """Name the column of `.var` that holds gene symbols, if there is one; for the library and the command line."""
    good = symbol_columns((data.mod if hasattr(data, "mod") else data)[gene].var)
    column = good[0] if good else "gene_symbols"
    which = f"a column of {gene}.var" if good else f"the column of {gene}.var with gene symbols"
    if len(good) > 1:
        which += f"; or {', '.join(good[1:4])}"
    rest = f"({which}), or give a table in these names."
    return f'Pass {option[gene]}="{column}" {rest}', f"Pass --names {gene}={column} {rest}"


def _say(protein: str, gene: str, pairs: pd.DataFrame, report: pd.DataFrame, find: Finder) -> None:
    """Log one line that accounts for every antibody, and one about repeated labels if any was used."""
    count = report["status"].value_counts()
    n_controls = sum(int(count.get(kind, 0)) for kind in get_args(Control))
    n_genes = pairs["gene"].nunique()
    parts = [f"{count.get('linked', 0)} of {len(report) - n_controls} antibodies linked to {n_genes} genes"]
    parts += [f"{count[status]} {text}" for status, text in _SAID.items() if status in count]
    unknown = report.loc[report["status"] == "unknown", "feature"]
    if len(unknown):
        parts.append(f"{len(unknown)} unknown: {sample(unknown)}")
    if n_controls:
        parts.append(f"{n_controls} controls and hashtags ignored")
    log.info("%s -> %s: %s", protein, gene, "; ".join(parts))
    used = set(pairs["gene"])
    repeated = [label for label, features in find.repeated.items() if used.intersection(features)]
    if repeated:
        log.info(
            "%s: several features share each of %d labels; all of them are linked: %s",
            gene,
            len(repeated),
            sample(repeated),
        )
