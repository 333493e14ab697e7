"""Links by distance on the genome: every gene with all peaks around it, nearer peaks with more weight."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crosstie._errors import check_integer, value_error
from crosstie._log import log
from crosstie._typing import Floats, Index
from crosstie.data.gene_activity import overlaps
from crosstie.data.genes import PROMOTER, match_chromosomes, read_genes
from crosstie.data.peaks import named_build, parse_peaks
from crosstie.links.feature_labels import PAIRS, REPORT, Finder, labels, nothing_linked, without_version
from crosstie.links.link import Link

if TYPE_CHECKING:
    from pathlib import Path

    from crosstie._typing import Data

SCALE = 1000.0  # base pairs; the unit of the decay


def by_distance(
    data: Data,
    source: str,
    target: str,
    *,
    genes: pd.DataFrame | str | Path,
    window: int = 150_000,
    decay: float = 0.75,
    source_names: str | None = None,
) -> Link:
    r"""Link genes to all peaks around them, with weights that fall with distance.

    A peak that overlaps the gene's body or the 2,000 bases upstream of it has weight 1. At a distance of :math:`d` base
    pairs, the weight is :math:`(1 + d / 1000)^{-\mathrm{decay}}`, up to `window`.

    Parameters
    ----------
    data
        The views by name.
    source
        The view of genes: RNA, or gene activity.
    target
        The view of peaks, whose coordinates are read from their names or from columns of `.var`.
    genes
        Gene annotation: the path of a GTF or BED file, or a DataFrame with columns `chrom`, `start`, `end` and
        `strand`. It must belong to the genome that the reads were mapped to.
    window
        Largest distance of a peak to its gene, in base pairs, 0 or more.
    decay
        Exponent of the weight, 0 or more; 0 gives all peaks of the window the same weight.
    source_names
        Column of the source's `.var` with the genes' names; `None` takes its `var_names`. Identifiers of the
        annotation are looked up if a name is not in it.

    Returns
    -------
    The link, with one column per gene. Its report has one row per gene of `source`, with the status `"linked"`,
    `"no peak near"` or `"not annotated"`.

    Raises
    ------
    KeyError
        If a view, or a column of its `.var`, does not exist.
    TypeError
        If `genes` has a type that cannot be read.
    ValueError
        If coordinates cannot be read, genes and peaks share no chromosome or are of different builds, no gene is
        annotated or has a peak near it, or a number is out of its range.

    References
    ----------
    Weights by a power of the distance, within 150,000 bases: Cao and Gao, Nature Biotechnology 40, 1458 (2022).
    """
    _check(window, decay)
    names = labels(data, source, source_names)
    views = data.mod if hasattr(data, "mod") else data
    labels(data, target, None)
    peaks = parse_peaks(views[target].var)
    peaks = peaks[(peaks["start"] >= 0).to_numpy()]
    table = match_chromosomes(read_genes(genes), peaks, named_build(views[target].var))
    feature, row = _annotated(names, table)
    if not len(feature):
        raise nothing_linked(
            f"the annotation has none of the genes of {source}",
            {source: names, "annotation": table.index.to_series()},
            f"Pass source_names (a column of {source}.var with gene symbols or Ensembl identifiers).",
        )
    gene, peak, weight = _near(table.iloc[row], peaks, int(window), float(decay))
    if not len(gene):
        raise value_error(
            f"link {source} -> {target}: no peak is within {window:,} bases of a gene.",
            found=f"{len(row):,} genes such as {table.index[row[0]]}, {len(peaks):,} peaks such as {peaks.index[0]}",
            do="Does the gene table belong to the genome that the reads were mapped to?",
        )
    pairs = pd.DataFrame({"source": feature[gene], "target": peaks.index.to_numpy(object)[peak]})
    pairs["column"], pairs["weight"] = pd.factorize(gene, sort=True)[0], weight
    pairs = pairs.sort_values("column", kind="stable", ignore_index=True)[PAIRS]
    report = _report(names, table.index.to_numpy(object)[row], feature, gene)
    _say(source, target, pairs, report, len(peaks), window)
    return Link(source, target, pairs, report, "distance")


def _check(window: int, decay: float) -> None:
    check_integer("link: window, in base pairs,", window)
    if isinstance(decay, bool) or not isinstance(decay, int | float) or not 0 <= decay < math.inf:
        raise value_error("link: decay.", found=repr(decay), expected="a finite number, at least 0")


def _annotated(names: pd.Series, table: pd.DataFrame) -> tuple[np.ndarray, Index]:
    """Return the features that the annotation knows, and the row of each: by name, or else by identifier."""
    rows = pd.Series(range(len(table)), table.index)
    by_name = Finder(table.index.to_series().map(without_version))
    known = table["gene_id"][table["gene_id"] != ""]
    by_id = Finder(known.map(without_version)) if len(known) else None
    feature, row = [], []
    for name, label in names.items():
        bare = without_version(str(label))
        found = by_name(bare) or ([] if by_id is None else by_id(bare))
        if found:
            feature.append(name)
            row.append(int(rows[found[0]]))
    return np.array(feature, dtype=object), np.array(row, dtype=np.int64)


def _near(genes: pd.DataFrame, peaks: pd.DataFrame, window: int, decay: float) -> tuple[Index, Index, Floats]:
    """Return the gene, the peak and the weight of every pair within the window."""
    strand = genes["strand"].to_numpy()
    start = genes["start"].to_numpy() - PROMOTER * (strand == "+")
    end = genes["end"].to_numpy() + PROMOTER * (strand == "-")
    chrom = pd.factorize(np.concatenate([genes["chrom"].to_numpy(object), peaks["chrom"].to_numpy(object)]))[0]
    low, high = peaks["start"].to_numpy(), peaks["end"].to_numpy()
    reach = window + 1  # intervals that touch are at a distance of 0, and do not overlap
    gene, peak = overlaps(
        (chrom[: len(genes)], np.maximum(start - reach, 0), end + reach), (chrom[len(genes) :], low, high)
    )
    distance = np.maximum(np.maximum(start[gene] - high[peak], low[peak] - end[gene]), 0)
    by = np.lexsort((peak, gene))
    return gene[by], peak[by], (1 + distance[by] / SCALE) ** -decay


def _report(names: pd.Series, entry: np.ndarray, feature: np.ndarray, gene: Index) -> pd.DataFrame:
    """Report the annotated gene of every feature, and how many peaks are near it."""
    n_peaks = dict(zip(feature, np.bincount(gene, minlength=len(feature)), strict=True))
    found = dict(zip(feature, entry, strict=True))
    rows = []
    for name in names.index:
        n = int(n_peaks.get(name, 0))
        status = "linked" if n else "no peak near" if name in found else "not annotated"
        rows.append((name, status, found.get(name, ""), "", f"{n} peaks" if n else ""))
    return pd.DataFrame(rows, columns=REPORT).astype(object)


def _say(source: str, target: str, pairs: pd.DataFrame, report: pd.DataFrame, n_peaks: int, window: int) -> None:
    """Log one line that accounts for every gene."""
    count = report["status"].value_counts()
    log.info(
        "%s -> %s: %d of %d genes linked to %d of %d peaks within %d bases; %d without a peak near, %d not annotated",
        source,
        target,
        count.get("linked", 0),
        len(report),
        pairs["target"].nunique(),
        n_peaks,
        window,
        count.get("no peak near", 0),
        count.get("not annotated", 0),
    )
