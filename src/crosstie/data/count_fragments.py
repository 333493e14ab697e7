"""Counts from a fragment file of chromatin accessibility, streamed into peaks, tiles or gene bodies."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp

from crosstie._errors import InputError, check_integer, sample, value_error
from crosstie._log import log
from crosstie._typing import Index
from crosstie.data.chromosomes import check_one_build, matched_names, none_in_common, told_build
from crosstie.data.gene_activity import overlaps
from crosstie.data.genes import PROMOTER, read_genes
from crosstie.data.peaks import MAX_POSITION, named_build, parse_peaks, read_peak_table
from crosstie.data.untrusted_files import open_text

if TYPE_CHECKING:
    from anndata import AnnData

BLOCK = 2**25  # bytes of text parsed at once
LONGEST = 2**16  # bytes of a line; real ones have less than a hundred
COLUMNS = ["chrom", "start", "end", "cell"]
_ROW = re.compile(rb"[^\t]+\t[0-9]{1,12}\t[0-9]{1,12}\t[^\t]+(\t.*)?")
_EXPECTED = "chromosome, start, end and barcode, separated by tabs, start below end"
_WIDTH = 2**31  # more tiles than a chromosome has


def count_fragments(
    fragments: str | Path,
    *,
    peaks: AnnData | pd.DataFrame | str | Path | None = None,
    tile: int | None = None,
    genes: pd.DataFrame | str | Path | None = None,
    cells: Sequence[str] | None = None,
    min_fragments: int = 1000,
    count: Literal["insertions", "fragments"] = "insertions",
) -> AnnData:
    """Count the fragments of each cell in peaks, tiles of the genome or gene bodies.

    The file is read once, in blocks, and never held in memory; its index (`.tbi`) is not needed. Give exactly one of
    `peaks`, `tile` and `genes`.

    Parameters
    ----------
    fragments
        Fragment file, gzipped or plain, as Cell Ranger ATAC, Cell Ranger ARC, chromap, sinto and SnapATAC2 write it:
        chromosome, start, end (zero-based, half-open), barcode and, not used, the number of reads.
    peaks
        The peaks: the path of a BED file, a DataFrame with columns `chrom`, `start`, `end`, or an AnnData of peaks,
        such as another experiment.
    tile
        Width of tiles in base pairs, at least 1; 5,000 is common. Tiles without a fragment are left out.
    genes
        Gene annotation, as `gene_activity` takes it; the bodies and 2,000 bases upstream are counted.
    cells
        Barcodes of the cells to count, in the order of the result. `None` takes all with enough fragments, sorted.
    min_fragments
        Where `cells` is `None`, the fewest fragments of a cell, anywhere in the genome; at least 1.
    count
        `"insertions"` counts both ends of a fragment, each where it lies, as Cell Ranger does. `"fragments"` counts a
        fragment once for a feature that one or both ends lie in.

    Returns
    -------
    Cells × features, counts as float32 CSR. `.var` has `chrom`, `start`, `end`, for genes also `strand` and `gene_id`;
    `.obs` has `n_fragments`, those of the cell in the whole file. Features without a count are kept, but for tiles.

    Raises
    ------
    TypeError
        If `peaks` or `genes` has a type that cannot be read.
    ValueError
        If the file is absent, damaged or no fragment file, a number is out of its range, none of `cells` is in the
        file or no cell has enough fragments, or file and features share no chromosome or are of different builds.

    References
    ----------
    Counting a fragment once: Miao and Kim, Nature Methods 21, 32 (2024). 1,000 fragments: Granja et al., Nature
    Genetics 53, 403 (2021).
    """
    given = {"peaks": peaks, "tile": tile, "genes": genes}
    chosen = [name for name, value in given.items() if value is not None]
    if len(chosen) != 1:
        raise value_error(
            "count_fragments: give exactly one of peaks, tile and genes.",
            found=" and ".join(chosen) or "none",
            do='Write count_fragments("fragments.tsv.gz", peaks="peaks.bed").',
        )
    if count not in ("insertions", "fragments"):
        raise value_error("count_fragments: count.", found=repr(count), expected="'insertions' or 'fragments'")
    check_integer("count_fragments: min_fragments", min_fragments, least=1)
    path = Path(fragments)
    if not path.is_file():
        raise value_error("fragments: no such file.", found=str(path), expected="a fragment file (fragments.tsv.gz)")
    where = _features(peaks, tile, genes, _build_of(path))
    found = _Found([str(cell) for cell in cells] if cells is not None else None)
    try:
        for block in _blocks(path):
            _add(block, where, found, both=count == "insertions")
    except InputError:
        raise
    except (OSError, EOFError, zlib.error) as problem:
        raise _damaged(path, problem) from problem
    return _result(path, where, found, None if cells is not None else min_fragments)


@dataclass
class Tiles:
    """Tiles of one width; which there are is known at the end."""

    width: int
    chroms: list[str] = field(default_factory=list)

    def __call__(self, chroms: Sequence[str], code: Index, position: Index) -> tuple[Index, Index]:
        """Return the positions that lie in a feature, and the feature of each."""
        self.chroms += [name for name in chroms if name not in self.chroms]
        number = np.array([self.chroms.index(name) for name in chroms], dtype=np.int64)
        return np.arange(len(position)), number[code] * _WIDTH + position // self.width

    def table(self, features: Index) -> pd.DataFrame:
        """Return the coordinates of features."""
        start = features % _WIDTH * self.width
        chrom = np.array(self.chroms, dtype=object)[features // _WIDTH]
        return _named(pd.DataFrame({"chrom": chrom, "start": start, "end": start + self.width}))


class Intervals:
    """Peaks or genes, whose chromosomes take the names of the file when they first occur.

    Parameters
    ----------
    kind
        "peaks" or "genes".
    frame
        Columns `chrom`, `start`, `end` and any other; `low` and `high`, if there, are where a feature is counted.
    build
        The genome build that the features name, or nothing.
    told
        The genome build that the fragment file names, or nothing.
    """

    def __init__(self, kind: str, frame: pd.DataFrame, build: str, told: str) -> None:
        self.kind, self.frame, self.seen = kind, frame, pd.DataFrame(columns=["chrom", "end"])
        check_one_build({kind: frame, "the fragment file": frame.iloc[:0]}, {kind: build, "the fragment file": told})
        self.build = build
        self.told = told
        self.chrom, self.names = pd.factorize(frame["chrom"].to_numpy(object))
        low, high = ("low", "high") if "low" in frame else ("start", "end")
        self.low, self.high = frame[low].to_numpy(), frame[high].to_numpy()
        self.last: dict[str, int] = {}

    def __call__(self, chroms: Sequence[str], code: Index, position: Index) -> tuple[Index, Index]:
        """Return the positions that lie in a feature, and the feature of each."""
        ends = np.zeros(len(chroms), np.int64)
        np.maximum.at(ends, code, position + 1)
        for name, end in zip(chroms, ends, strict=True):
            self.last[name] = max(self.last.get(name, 0), int(end))
        of = matched_names(chroms, self.names)
        there = {name: i for i, name in enumerate(self.names)}
        number = np.array([there.get(of[name], -1) for name in chroms], dtype=np.int64)[code]
        inside = np.flatnonzero(number >= 0)
        point, feature = overlaps(
            (number[inside], position[inside], position[inside] + 1), (self.chrom, self.low, self.high)
        )
        return inside[point], feature

    def check(self) -> None:
        """Raise if features and file share no chromosome, or are of different builds."""
        if not set(matched_names(self.last, self.names).values()).intersection(self.names):
            do = "Take the genome that the reads were mapped to."
            raise none_in_common(self.kind, self.names, "fragments", self.last, do)
        seen = pd.DataFrame({"chrom": list(self.last), "end": list(self.last.values())})
        file = "the fragment file"
        check_one_build({self.kind: self.frame, file: seen}, {self.kind: self.build, file: self.told})


class _Found:
    """What the blocks gave: cells, their fragments and their counts.

    Parameters
    ----------
    cells
        The barcodes that are counted, or `None` for all.
    """

    def __init__(self, cells: list[str] | None) -> None:
        self.fixed = cells is not None
        self.codes = {cell: i for i, cell in enumerate(cells or [])}
        self.n_fragments = np.zeros(len(self.codes), np.int64)
        self.counts: list[tuple[Index, Index, Index]] = []
        if cells is not None and len(self.codes) < len(cells):
            raise value_error("count_fragments: cells occur more than once.", found=sample(cells, 4))

    def numbers(self, barcodes: Sequence[str]) -> Index:
        """Return the number of each barcode, −1 for those that are not asked for."""
        if not self.fixed:
            for barcode in barcodes:
                self.codes.setdefault(barcode, len(self.codes))
        grown = len(self.codes) - len(self.n_fragments)
        self.n_fragments = np.concatenate([self.n_fragments, np.zeros(grown, np.int64)])
        return np.array([self.codes.get(barcode, -1) for barcode in barcodes], dtype=np.int64)


def _add(block: pd.DataFrame, where: Callable[..., tuple[Index, Index]], found: _Found, both: bool) -> None:
    """Count one block."""
    chroms = [str(name) for name in block["chrom"].cat.categories]
    cell = found.numbers([str(name) for name in block["cell"].cat.categories])[block["cell"].cat.codes.to_numpy()]
    asked = cell >= 0
    cell, chrom = cell[asked], block["chrom"].cat.codes.to_numpy(np.int64)[asked]
    start, end = (block[side].to_numpy()[asked] for side in ("start", "end"))
    found.n_fragments += np.bincount(cell, minlength=len(found.n_fragments))
    point, feature = where(chroms, np.concatenate([chrom, chrom]), np.concatenate([start, end - 1]))
    fragment = point % max(len(cell), 1)
    if not both:
        by = np.lexsort((feature, fragment))
        point, feature, fragment = point[by], feature[by], fragment[by]
        new = np.r_[True, (fragment[1:] != fragment[:-1]) | (feature[1:] != feature[:-1])][: len(feature)]
        feature, fragment = feature[new], fragment[new]
    by = np.lexsort((feature, cell[fragment]))
    of_cell, feature = cell[fragment][by], feature[by]
    first = np.flatnonzero(np.r_[True, (of_cell[1:] != of_cell[:-1]) | (feature[1:] != feature[:-1])][: len(feature)])
    n = np.diff(np.r_[first, len(feature)])
    found.counts.append((of_cell[first].astype(np.int32), feature[first], n.astype(np.float32)))


def _result(path: Path, where: Tiles | Intervals, found: _Found, least: int | None) -> AnnData:
    from anndata import AnnData

    if not found.codes or (found.fixed and not found.n_fragments.any()):
        do = "Barcodes must be written as in the file, such as with or without '-1' at the end."
        what = (
            "fragments: none of the cells is in the file." if found.fixed else f"fragments: {path} holds no fragment."
        )
        raise value_error(what, found=sample(list(found.codes), 4), do=do if found.fixed else "")
    if isinstance(where, Intervals):
        where.check()
    kept = np.arange(len(found.codes)) if least is None else np.flatnonzero(found.n_fragments >= least)
    if not len(kept):
        raise value_error(
            f"fragments: no cell has {least:,} fragments.",
            found=f"{len(found.codes):,} barcodes with at most {found.n_fragments.max():,}",
            do="Lower min_fragments, or give the barcodes of the cells.",
        )
    barcodes = np.array(list(found.codes), dtype=object)
    if least is not None:
        kept = kept[np.argsort(barcodes[kept], kind="stable")]  # whatever the order of the file
    row = np.full(len(found.codes), -1)
    row[kept] = np.arange(len(kept))
    cell, feature, n = (np.concatenate(parts) for parts in zip(*found.counts, strict=True))
    inside = row[cell] >= 0
    cell, feature, n = row[cell[inside]], feature[inside], n[inside]
    if isinstance(where, Tiles):
        there, feature = np.unique(feature, return_inverse=True)
        var = where.table(there)
    else:
        var = where.frame.drop(columns=["low", "high"], errors="ignore")
    counts = sp.csr_matrix((n, (cell, feature)), shape=(len(kept), len(var)), dtype=np.float32)
    _say(path, found, kept, counts, least)
    return AnnData(
        counts, obs=pd.DataFrame({"n_fragments": found.n_fragments[kept]}, index=pd.Index(barcodes[kept])), var=var
    )


def _say(path: Path, found: _Found, kept: Index, counts: sp.csr_matrix, least: int | None) -> None:
    """Log one line that accounts for every barcode."""
    absent = int((found.n_fragments[kept] == 0).sum())
    log.info(
        "%s: %d cells with %d fragments, %d counts in %d features%s",
        path.name,
        len(kept),
        found.n_fragments[kept].sum(),
        counts.sum(),
        counts.shape[1],
        f"; {len(found.codes) - len(kept)} barcodes with fewer than {least} fragments left out" if least else "",
    )
    if absent:
        log.warning("%s: %d of %d cells have no fragment", path.name, absent, len(kept))


def _features(
    peaks: AnnData | pd.DataFrame | str | Path | None,
    tile: int | None,
    genes: pd.DataFrame | str | Path | None,
    told: str,
) -> Tiles | Intervals:
    """Return what is counted; `told` is the build that the fragment file names."""
    if tile is not None:
        check_integer("count_fragments: tile, in base pairs,", tile, least=1)
        return Tiles(int(tile))
    if genes is not None:
        return Intervals("genes", _with_promoters(read_genes(genes)), "", told)
    return Intervals("peaks", *_peaks(peaks), told)


def _damaged(path: Path, problem: Exception) -> Exception:
    do = "Is the file complete? Download or write it again."
    return value_error(f"fragments: {path} cannot be read.", found=str(problem), do=do)


def _build_of(path: Path) -> str:
    """Return the genome build that the header of a fragment file names, or nothing."""
    header: list[str] = []
    try:
        with open_text(path) as handle:
            while (line := handle.readline(LONGEST)).startswith(b"#") and len(header) < 10_000:
                header.append(line.decode("utf-8", "replace"))
    except (OSError, EOFError, zlib.error) as problem:
        raise _damaged(path, problem) from problem
    return told_build("".join(line for line in header if "reference" in line))


def _blocks(path: Path) -> Iterator[pd.DataFrame]:
    """Yield the fragments of a file, some hundred thousand at a time."""
    with open_text(path) as handle:
        number, rest, header = 1, b"", True
        while content := handle.read(BLOCK):
            rest += content
            cut = rest.rfind(b"\n") + 1
            if not cut and len(rest) > LONGEST:
                raise _bad_line(path, number, rest)
            text, rest = rest[:cut], rest[cut:]
            while header and text.startswith(b"#"):
                _, _, text = text.partition(b"\n")
                number += 1
            header = header and not text
            if text:
                yield _parsed(path, number, text)
                number += text.count(b"\n")
        if rest and not (header and rest.startswith(b"#")):
            yield _parsed(path, number, rest)


def _parsed(path: Path, number: int, text: bytes) -> pd.DataFrame:
    """Parse whole lines; `number` is that of the first."""
    kinds = {"chrom": "category", "start": "int64", "end": "int64", "cell": "category"}
    try:
        block = pd.read_csv(
            io.BytesIO(text),
            sep="\t",
            header=None,
            names=COLUMNS,
            usecols=range(4),
            dtype=kinds,
            quoting=3,
            na_filter=False,
            encoding_errors="replace",
            skip_blank_lines=False,
        )
        start, end = block["start"].to_numpy(), block["end"].to_numpy()
        empty = "" in block["chrom"].cat.categories or "" in block["cell"].cat.categories
        if not empty and ((start >= 0) & (start < end) & (end < MAX_POSITION)).all():
            return block
    except (ValueError, OverflowError):
        pass
    for offset, line in enumerate(text.split(b"\n")):
        fields = line.split(b"\t")
        if not _ROW.fullmatch(line.rstrip(b"\r")) or int(fields[1]) >= int(fields[2]):
            raise _bad_line(path, number + offset, line)
    raise _bad_line(path, number, text[:80])


def _bad_line(path: Path, number: int, line: bytes) -> Exception:
    found = repr(line[:80].decode("utf-8", "replace"))
    return value_error(f"fragments: {path}, line {number:,}, cannot be read.", found=found, expected=_EXPECTED)


def _peaks(peaks: AnnData | pd.DataFrame | str | Path | None) -> tuple[pd.DataFrame, str]:
    """Return coordinates of peaks, and the build that they name."""
    if isinstance(peaks, str | Path):
        frame, build = read_peak_table(Path(peaks)), ""
    else:
        var = peaks if isinstance(peaks, pd.DataFrame) else peaks.var  # type: ignore[union-attr]
        frame, build = parse_peaks(var), named_build(var)
        frame = frame[(frame["start"] >= 0).to_numpy()]
    return _named(frame), build


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame, indexed by names such as `chr1:100-200`."""
    names = frame["chrom"].astype(str) + ":" + frame["start"].astype(str) + "-" + frame["end"].astype(str)
    return frame.set_axis(pd.Index(names.to_numpy(object), dtype=object), axis=0)


def _with_promoters(genes: pd.DataFrame) -> pd.DataFrame:
    """Return the genes with the limits within which they are counted."""
    strand = genes["strand"].to_numpy()
    low = np.maximum(genes["start"].to_numpy() - PROMOTER * (strand == "+"), 0)
    return genes.assign(low=low, high=genes["end"].to_numpy() + PROMOTER * (strand == "-"))
