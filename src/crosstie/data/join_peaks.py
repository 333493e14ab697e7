"""Joined peak sets: the overlapping peaks of several experiments become the same features in all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import value_error
from crosstie._log import log
from crosstie._typing import Index
from crosstie.data.chromosomes import check_one_build, matched_names, none_in_common
from crosstie.data.gene_activity import overlaps
from crosstie.data.peaks import named_build, parse_peaks
from crosstie.data.stored import Stored
from crosstie.data.values import describe_values
from crosstie.data.view import read_slot

if TYPE_CHECKING:
    from anndata import AnnData

    from crosstie._typing import Data

# Peak sets of one genome share far more peaks than after a shift along it, even where the tissues differ.
SHIFTS = (-150_000, -70_000, -30_000, 30_000, 70_000, 150_000)  # base pairs
MORE, ENOUGH = 2.0, 1_000


def join_peaks(data: Data, *, keep: Literal["shared", "all"] = "shared") -> dict[str, AnnData]:
    """Give several experiments the same peaks, so that they can be linked by name or concatenated.

    Overlapping peaks of all experiments, and those that they connect, become one joined peak; its count is the sum over
    the peaks in it. Chromosome names of all conventions are recognised (`chr1`, `1`, `NC_000001.11`).

    Parameters
    ----------
    data
        Experiments by name, cells × peaks, in memory; not changed. Peaks are read as `gene_activity` reads them.
    keep
        `"shared"` returns the joined peaks that every experiment has a peak in; `"all"` returns all, and a peak that an
        experiment lacks has zero counts there, although it was not measured.

    Returns
    -------
    The experiments by name, with the same `.obs` and the same features in the same order: counts as float32 CSR, and
    `.var` with `chrom`, `start`, `end` (base pairs, zero-based, half-open) and `n_peaks`, the experiment's own peaks in
    the joined one. Chromosomes are named as in the first experiment.

    Raises
    ------
    TypeError
        If a matrix has a type that cannot be read.
    ValueError
        If there are fewer than two experiments, coordinates cannot be read, the experiments have no chromosome or no
        joined peak in common, they are of different genome builds or share no more peaks than by chance, or values are
        negative or not finite.

    References
    ----------
    Joined peaks of several experiments: Stuart et al., Nature Methods 2021.
    """
    views = dict(data.mod if hasattr(data, "mod") else data)
    if len(views) < 2:
        raise value_error("join_peaks: fewer than two experiments.", found=str(len(views)), expected="two or more")
    if keep not in ("shared", "all"):
        raise value_error("join_peaks: keep.", found=repr(keep), expected="'shared' or 'all'")
    rows, peaks = {}, {}
    for name, adata in views.items():
        parsed = parse_peaks(adata.var)
        rows[name] = np.flatnonzero(parsed["start"] >= 0)
        peaks[name] = parsed.iloc[rows[name]]
    peaks = _one_naming(peaks)
    check_one_build(peaks, {name: named_build(adata.var) for name, adata in views.items()})
    _check_overlap(peaks)
    joined, of_peak = _joined(pd.concat(list(peaks.values())))
    parts = np.split(of_peak, np.cumsum([len(table) for table in peaks.values()])[:-1])
    n_peaks = {name: np.bincount(part, minlength=len(joined)) for name, part in zip(peaks, parts, strict=True)}
    shared = np.all(list(n_peaks.values()), axis=0)
    kept = shared if keep == "shared" else np.ones(len(joined), bool)
    if not shared.any():
        raise value_error("join_peaks: no peak overlaps peaks of all other experiments.", found=_sizes(peaks))
    _say(peaks, n_peaks, shared, joined, keep)
    return {
        name: _summed(views[name], name, rows[name], part, joined.assign(n_peaks=n_peaks[name]), kept)
        for name, part in zip(peaks, parts, strict=True)
    }


def _one_naming(peaks: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the tables with chromosomes named as in the first one."""
    (first, start), *others = peaks.items()
    there, out = list(start["chrom"].unique()), {first: start}
    for name, table in others:
        here = table["chrom"].unique()
        names = matched_names(here, there)
        if not set(there).intersection(names.values()):
            do = "Take experiments of one genome."
            raise none_in_common(f"peaks of {name}", here, f"peaks of {first}", start["chrom"].unique(), do)
        out[name] = table.assign(chrom=table["chrom"].map(names))
        there += [to for to in names.values() if to not in there]
    return out


def _check_overlap(peaks: Mapping[str, pd.DataFrame]) -> None:
    """Raise if two large peak sets overlap no more than after a shift along the genome."""
    (first, here), *others = peaks.items()
    for name, table in others:
        if min(len(here), len(table)) < ENOUGH:
            continue
        codes = pd.factorize(pd.concat([here["chrom"], table["chrom"]]))[0]
        left = (codes[: len(here)], here["start"].to_numpy(), here["end"].to_numpy())

        def n_overlapping(shift: int, left: tuple[Index, Index, Index], table: pd.DataFrame, codes: Index) -> int:
            start, end = (np.maximum(table[side].to_numpy() + shift, 0) for side in ("start", "end"))
            return len(np.unique(overlaps(left, (codes[len(left[0]) :], start, end))[0]))

        found = n_overlapping(0, left, table, codes)
        chance = float(np.mean([n_overlapping(shift, left, table, codes) for shift in SHIFTS]))
        if found < MORE * max(chance, 1.0):
            raise value_error(
                f"the peaks of {first} and {name} overlap no more than by chance.",
                found=f"{found:,} of {len(here):,} peaks overlap, {chance:,.0f} after a shift along the genome",
                expected=f"at least {MORE:.0f} times as many",
                do="Are both mapped to one build of one organism's genome? Coordinates are not converted here.",
            )


def _joined(peaks: pd.DataFrame) -> tuple[pd.DataFrame, Index]:
    """Merge overlapping intervals; return the joined ones in order of place, and the joined one of every peak."""
    codes, chroms = pd.factorize(peaks["chrom"].to_numpy(object))
    start, end = peaks["start"].to_numpy(), peaks["end"].to_numpy()
    order = np.lexsort((end, start, codes))
    stride = int(end.max())
    reached = np.maximum.accumulate(codes[order] * stride + end[order])
    first = np.r_[True, codes[order][1:] * stride + start[order][1:] >= reached[:-1]]
    at = np.empty(len(peaks), np.int64)
    at[order] = np.cumsum(first) - 1
    begin = np.flatnonzero(first)
    last = np.r_[begin[1:], len(order)] - 1
    table = pd.DataFrame(
        {"chrom": chroms[codes[order][begin]], "start": start[order][begin], "end": reached[last] % stride}
    )
    table["end"] = np.where(table["end"] == 0, stride, table["end"])
    names = table["chrom"].astype(str) + ":" + table["start"].astype(str) + "-" + table["end"].astype(str)
    return table.set_axis(pd.Index(names, dtype=object), axis=0).astype({"chrom": object}), at


def _summed(adata: AnnData, name: str, row: Index, of_peak: Index, joined: pd.DataFrame, kept: np.ndarray) -> AnnData:
    """Sum the counts of each joined peak that is kept."""
    from anndata import AnnData

    found = read_slot(adata, "X", view=name)[0]
    matrix = sp.csr_matrix(found.rows(0, found.shape[0]) if isinstance(found, Stored) else found)
    describe_values(matrix, name)
    entries = (np.ones(len(row), np.float32), (row, of_peak))
    counts = sp.csr_matrix(matrix @ sp.csc_matrix(entries, shape=(adata.n_vars, len(joined)))[:, kept])
    counts.sort_indices()
    return AnnData(counts, obs=adata.obs.copy(), var=joined[kept])


def _sizes(peaks: Mapping[str, pd.DataFrame]) -> str:
    return ", ".join(f"{name}: {len(table):,} peaks such as {table.index[0]}" for name, table in peaks.items())


def _say(
    peaks: Mapping[str, pd.DataFrame],
    n_peaks: Mapping[str, Index],
    shared: np.ndarray,
    joined: pd.DataFrame,
    keep: str,
) -> None:
    """Log one line that accounts for every peak."""
    own = ", ".join(f"{n_peaks[name][shared].sum()} of {len(table)} of {name}" for name, table in peaks.items())
    log.info(
        "join_peaks: %d joined peaks are in all experiments (%s), median width %d bases; %d others are %s",
        shared.sum(),
        own,
        np.median((joined["end"] - joined["start"])[shared]),
        (~shared).sum(),
        "left out" if keep == "shared" else "kept, with zero counts where they are lacking",
    )
