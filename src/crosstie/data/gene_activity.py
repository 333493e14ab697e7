"""Gene activity: peak counts added up by gene, so that an ATAC view can be compared with genes by name."""

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
from crosstie.data.peaks import parse_peaks
from crosstie.data.stored import Stored
from crosstie.data.values import describe_values
from crosstie.data.view import read_slot

if TYPE_CHECKING:
    from anndata import AnnData

# How tables write that a peak names no gene, and what stands between several.
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
    """Add up the counts of the peaks of each gene.

    A gene's peaks are those that overlap its body or the stretch before it, seen in its direction; or, with `key`,
    those that name it. A peak counts for each of its genes.

    Parameters
    ----------
    adata
        Cells × peaks, in memory; not changed. Where the peaks lie is read as `read_peaks` says.
    genes
        Gene table: path of a GTF or BED file, or a frame, as `read_genes` says. Either this or `key`.
    key
        Column of `adata.var` that names the gene of each peak, such as `"linked_gene"`; several are split at `/`, `;`
        or `,`, and an empty one names none.
    upstream, downstream
        Base pairs added before a gene's start and behind its end, in its direction; a gene without a strand gets none.
    slot
        `"X"` or `"layers/NAME"`: counts, not TF-IDF.

    Returns
    -------
    Cells × genes, with the same `.obs` and float32 sums in CSR form; genes in the order of the table (by `key`: as
    they first occur). Its `.var` has `n_peaks` and, with `genes`, `chrom`, `start`, `end` (of the body, counted from
    0, the end not included), `strand` and `gene_id`. Genes without a peak are left out and counted in the log.

    Raises
    ------
    KeyError
        If there is no such slot or column.
    TypeError
        If the matrix or `genes` is of a kind that cannot be read.
    ValueError
        If not exactly one of `genes` and `key` is given, coordinates or genes cannot be read, they share no
        chromosome, no peak has a gene, or the values are negative, not finite or all zero.

    References
    ----------
    Body and 2,000 bases upstream: Stuart et al., Cell 2019; Stuart et al., Nature Methods 2021.
    """
    if (genes is None) == (key is None):
        raise value_error(
            "gene_activity: exactly one of genes and key says which peaks are a gene's.",
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

    Of two that overlap, one starts within the other: in sorted order, those that start within an interval follow each
    other, so two searches find all pairs, in time of sorting and of their number.

    Parameters
    ----------
    left, right
        Three arrays of one length each: number of the chromosome, start and end, the end not included.

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
    """Return the genes that a peak names: parted at `/`, `;` or `,`, without repeats and empty ones."""
    parts = (part.strip() for part in _BETWEEN.split(text))
    return list(dict.fromkeys(part for part in parts if part not in NOTHING))


def expand(codes: Index, lists: Sequence[Sequence[object]]) -> tuple[Index, Index]:
    """Give every row the items of its list.

    Parameters
    ----------
    codes
        Number of the list of each row, shape `(n_rows,)`; −1 for none.
    lists
        One list per code.

    Returns
    -------
    Row and position in the concatenated lists, one of each per item, shape `(n_items,)`.
    """
    length = np.array([len(items) for items in lists] + [0])  # the last one is code -1
    n, begin = length[codes], (np.cumsum(length) - length)[codes]
    row = np.repeat(np.arange(len(codes)), n)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(n) - n, n) + np.repeat(begin, n)


Pairs = tuple[Index, Index, pd.DataFrame]


def _by_place(var: pd.DataFrame, genes: pd.DataFrame, upstream: int, downstream: int) -> Pairs:
    """Pair peaks with the genes that they overlap; the frame holds all genes."""
    peaks = parse_peaks(var)
    there = np.flatnonzero(peaks["start"] >= 0)
    peaks = peaks.iloc[there]
    genes = match_chromosomes(genes, peaks["chrom"].unique())
    strand = genes["strand"].to_numpy()
    if (strand == ".").any() and (upstream or downstream):
        log.warning("genes: %d of %d have no strand; only their bodies count", (strand == ".").sum(), len(genes))
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
    """Pair peaks with the genes that they name; the frame holds all named genes."""
    if key not in var.columns:
        do = 'Or add up by place: gene_activity(atac, genes="genes.gtf").'
        raise unknown_name("gene_activity: key, a column of .var", key, var.columns, do=do)
    codes, labels = pd.factorize(var[key].astype(object))
    lists = [split_names(str(label)) for label in labels]
    of_peak, item = expand(codes, lists)
    of_item, names = pd.factorize(np.array([name for names in lists for name in names], dtype=object))
    return of_peak, of_item[item], pd.DataFrame(index=pd.Index(names, dtype=object))


def _added_up(adata: AnnData, matrix: sp.csr_matrix, of_peak: Index, of_gene: Index, genes: pd.DataFrame) -> AnnData:
    """Multiply cells × peaks by peaks × genes, without the genes that have no peak."""
    from anndata import AnnData

    n_peaks = np.bincount(of_gene, minlength=len(genes))
    if not n_peaks.any():
        raise value_error(
            "gene_activity: no peak has a gene.",
            found=f"{adata.n_vars:,} peaks such as {sample(adata.var_names, 3)}; {len(genes):,} genes such as "
            f"{sample(genes.index, 3)}",
            do="Is the gene table of the genome that the reads were mapped to? Does the column hold genes?",
        )
    kept = np.flatnonzero(n_peaks)
    column = np.cumsum(n_peaks > 0) - 1
    entries = (np.ones(len(of_peak), np.float32), (of_peak, column[of_gene]))
    activity = sp.csr_matrix(matrix @ sp.csr_matrix(entries, shape=(adata.n_vars, len(kept))))
    activity.sort_indices()
    log.info(
        "gene_activity: %d of %d peaks have a gene; %d genes, and %d left out that have no peak",
        len(np.unique(of_peak)),
        adata.n_vars,
        len(kept),
        len(genes) - len(kept),
    )
    var = genes.iloc[kept].assign(n_peaks=n_peaks[kept])
    return AnnData(activity, obs=adata.obs.copy(), var=var)
