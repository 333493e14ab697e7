"""Gene activity: peak counts summed by gene, so that an ATAC view can be linked to genes by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import sample, unknown_name, value_error
from crosstie._log import log
from crosstie._typing import Index
from crosstie.data.genes import match_chromosomes, read_genes
from crosstie.data.peaks import named_build, parse_peaks
from crosstie.data.stored import Stored
from crosstie.data.values import describe_values
from crosstie.data.view import read_slot

if TYPE_CHECKING:
    from anndata import AnnData

# Entries that mean "no gene", and the separators between several genes.
NOTHING = frozenset({"", ".", "-", "nan", "NaN", "None", "NA", "<NA>"})
_BETWEEN = re.compile(r"[/;,]")


def gene_activity(
    adata: AnnData,
    genes: pd.DataFrame | str | Path | None = None,
    *,
    key: str | None = None,
    upstream: int = 2000,
    downstream: int = 0,
    slot: str = "X",
) -> AnnData:
    """Sum the counts of the peaks of each gene.

    The peaks of a gene are those that overlap its body or the region upstream of it; or, with `key`, those annotated
    with it. A peak counts for each of its genes.

    Parameters
    ----------
    adata
        Cells × peaks, in memory; not changed. Peak coordinates are read from its names or from columns of `.var`.
    genes
        Gene annotation: the path of a GTF or BED file, or a DataFrame with columns `chrom`, `start`, `end` and
        `strand`. Give either `genes` or `key`.
    key
        Column of `adata.var` with the gene of each peak, such as `"linked_gene"`. Several genes are separated by `/`,
        `;` or `,`; an empty entry means no gene.
    upstream, downstream
        Base pairs added upstream of a gene's start and downstream of its end, 0 or more; a gene without a strand is not
        extended.
    slot
        Where the counts are: `"X"` or `"layers/NAME"`. Do not give TF-IDF values.

    Returns
    -------
    Cells × genes, with the same `.obs` and summed counts as float32 CSR. Genes are in the order of the table (with
    `key`, in order of first occurrence). `.var` has `n_peaks` and, with `genes`, `chrom`, `start`, `end` (of the gene
    body; zero-based, half-open), `strand` and `gene_id`. Genes without a peak are left out; the log says how many.

    Raises
    ------
    KeyError
        If the slot or the column does not exist.
    TypeError
        If the matrix or `genes` has a type that cannot be read.
    ValueError
        If both or neither of `genes` and `key` are given, coordinates or genes cannot be read, genes and peaks share no
        chromosome or are of different builds, no peak has a gene, or the values are negative, not finite or all zero.

    References
    ----------
    Gene body and 2,000 bases upstream: Stuart et al., Cell 2019; Stuart et al., Nature Methods 2021.
    """
    if (genes is None) == (key is None):
        raise value_error(
            "gene_activity: give exactly one of genes and key.",
            found="both" if key else "neither",
            do='Write gene_activity(atac, genes="genes.gtf") or gene_activity(atac, key="linked_gene").',
        )
    if min(upstream, downstream) < 0:
        raise value_error(
            "gene_activity: upstream and downstream are lengths.",
            found=f"upstream={upstream}, downstream={downstream}",
            expected="numbers of base pairs, 0 or more",
        )
    if slot != "X" and not slot.startswith("layers/"):
        raise value_error("gene_activity: slot.", found=repr(slot), expected="'X' or 'layers/NAME': counts of peaks")
    found = read_slot(adata, slot, view="atac")[0]
    matrix = sp.csr_matrix(found.rows(0, found.shape[0]) if isinstance(found, Stored) else found)
    describe_values(matrix, "atac")
    if key is not None:
        of_peak, of_gene, table = _by_key(adata.var, key)
    else:
        of_peak, of_gene, table = _by_place(adata.var, read_genes(genes), upstream, downstream)  # type: ignore[arg-type]
    return _added_up(adata, matrix, of_peak, of_gene, table)


def overlaps(left: tuple[Index, Index, Index], right: tuple[Index, Index, Index]) -> tuple[Index, Index]:
    """Return all pairs of overlapping intervals of two sets.

    Of two intervals that overlap, one starts within the other. In sorted order, the intervals that start within a given
    one are consecutive, so two searches find all pairs.

    Parameters
    ----------
    left, right
        Three arrays of equal length: chromosome as a number, start and end (half-open).

    Returns
    -------
    Positions in `left` and in `right`, shape `(n_pairs,)` each.
    """
    stride = max((int(end.max()) for _, _, end in (left, right) if len(end)), default=0)
    (a_start, a_end), (b_start, b_end) = (
        (chrom * stride + start, chrom * stride + end) for chrom, start, end in (left, right)
    )
    first = _starting_within(a_start, b_start, b_end, "left")
    second = _starting_within(b_start, a_start, a_end, "right")
    return np.concatenate([first[0], second[1]]), np.concatenate([first[1], second[0]])


def _starting_within(points: Index, start: Index, end: Index, side: str) -> tuple[Index, Index]:
    """Return the pairs of points and intervals with `start ≤ point < end` (left) or `start < point < end` (right)."""
    order = np.argsort(points, kind="stable")
    low = np.searchsorted(points[order], start, side)  # type: ignore[call-overload]
    n = np.maximum(np.searchsorted(points[order], end, "left") - low, 0)
    interval = np.repeat(np.arange(len(start)), n)
    offset = np.arange(int(n.sum())) - np.repeat(np.cumsum(n) - n, n)
    return order[np.repeat(low, n) + offset], interval


def split_names(text: str) -> list[str]:
    """Return the genes of a peak: split at `/`, `;` or `,`, without duplicates and empty names."""
    parts = (part.strip() for part in _BETWEEN.split(text))
    return list(dict.fromkeys(part for part in parts if part not in NOTHING))


def expand(codes: Index, lists: Sequence[Sequence[object]]) -> tuple[Index, Index]:
    """Expand every row into the items of its list.

    Parameters
    ----------
    codes
        Number of the list of each row, shape `(n_rows,)`; −1 for no list.
    lists
        The lists, one per code.

    Returns
    -------
    Row number and position in the concatenated lists for each item, shapes `(n_items,)`.
    """
    length = np.array([len(items) for items in lists] + [0])  # the last one is code -1
    n, begin = length[codes], (np.cumsum(length) - length)[codes]
    row = np.repeat(np.arange(len(codes)), n)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(n) - n, n) + np.repeat(begin, n)


Pairs = tuple[Index, Index, pd.DataFrame]


def _by_place(var: pd.DataFrame, genes: pd.DataFrame, upstream: int, downstream: int) -> Pairs:
    """Pair peaks with the genes that they overlap; the returned frame holds all genes."""
    peaks = parse_peaks(var)
    there = np.flatnonzero(peaks["start"] >= 0)
    peaks = peaks.iloc[there]
    genes = match_chromosomes(genes, peaks, named_build(var))
    strand = genes["strand"].to_numpy()
    if (strand == ".").any() and (upstream or downstream):
        log.warning("genes: %d of %d have no strand; only their bodies are used", (strand == ".").sum(), len(genes))
    before = np.select([strand == "+", strand == "-"], [upstream, downstream])
    behind = np.select([strand == "+", strand == "-"], [downstream, upstream])
    start = np.maximum(genes["start"].to_numpy() - before, 0)
    end = genes["end"].to_numpy() + behind
    chrom, _ = pd.factorize(np.concatenate([peaks["chrom"].to_numpy(object), genes["chrom"].to_numpy(object)]))
    of_peak, of_gene = overlaps(
        (chrom[: len(peaks)], peaks["start"].to_numpy(), peaks["end"].to_numpy()), (chrom[len(peaks) :], start, end)
    )
    return there[of_peak], of_gene, genes


def _by_key(var: pd.DataFrame, key: str) -> Pairs:
    """Pair peaks with the genes of their annotation; the returned frame holds all annotated genes."""
    if key not in var.columns:
        do = 'Or use a gene annotation: gene_activity(atac, genes="genes.gtf").'
        raise unknown_name("gene_activity: key, a column of .var", key, var.columns, do=do)
    codes, labels = pd.factorize(var[key].astype(object))
    lists = [split_names(str(label)) for label in labels]
    of_peak, item = expand(codes, lists)
    of_item, names = pd.factorize(np.array([name for names in lists for name in names], dtype=object))
    return of_peak, of_item[item], pd.DataFrame(index=pd.Index(names, dtype=object))


def _added_up(adata: AnnData, matrix: sp.csr_matrix, of_peak: Index, of_gene: Index, genes: pd.DataFrame) -> AnnData:
    """Multiply cells × peaks by peaks × genes, leaving out genes without a peak."""
    from anndata import AnnData

    n_peaks = np.bincount(of_gene, minlength=len(genes))
    if not n_peaks.any():
        raise value_error(
            "gene_activity: no peak has a gene.",
            found=f"{adata.n_vars:,} peaks such as {sample(adata.var_names, 3)}; {len(genes):,} genes such as "
            f"{sample(genes.index, 3)}",
            do="Does the gene table belong to the genome that the reads were mapped to? Does the column hold genes?",
        )
    kept = np.flatnonzero(n_peaks)
    column = np.cumsum(n_peaks > 0) - 1
    entries = (np.ones(len(of_peak), np.float32), (of_peak, column[of_gene]))
    activity = sp.csr_matrix(matrix @ sp.csr_matrix(entries, shape=(adata.n_vars, len(kept))))
    activity.sort_indices()
    log.info(
        "gene_activity: %d of %d peaks have a gene; %d genes, %d genes without a peak left out",
        len(np.unique(of_peak)),
        adata.n_vars,
        len(kept),
        len(genes) - len(kept),
    )
    var = genes.iloc[kept].assign(n_peaks=n_peaks[kept])
    return AnnData(activity, obs=adata.obs.copy(), var=var)
