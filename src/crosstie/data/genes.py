"""Gene coordinates: gene tables read from GTF or BED files or DataFrames, as zero-based half-open intervals."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from crosstie._errors import sample, type_error, value_error
from crosstie._log import log
from crosstie.data.chromosomes import check_one_build, matched_names, none_in_common
from crosstie.data.peaks import coordinate_columns
from crosstie.data.untrusted_files import open_text

PROMOTER = 2000  # base pairs upstream of a gene that count as its own: Stuart et al., Cell 2019
GENES = ["chrom", "start", "end", "strand", "gene_id"]

_NAMES = ("gene_name", "name", "gene", "symbol", "gene_symbol", "gene_symbols")
_STRANDS = {"+": "+", "-": "-", "1": "+", "-1": "-", "1.0": "+", "-1.0": "-", "+1": "+", "−": "-"}
_NAME, _ID = (re.compile(rf'(?:^|[;\s]){word}[ =]"?([^";]+)') for word in ("gene_name", "gene_id"))
_HEADER = re.compile(r"#|track\b|browser\b|\s*$")


def read_genes(genes: pd.DataFrame | str | Path) -> pd.DataFrame:
    """Read a gene table.

    Parameters
    ----------
    genes
        Path of a GTF or BED file, plain or gzipped; the content decides which. Of a GTF file (Ensembl, GENCODE, 10x
        Genomics), the rows of type `gene` are read. A BED file has the gene's name as fourth column and the strand as
        sixth. Or a DataFrame with columns `chrom`, `start`, `end` (and the other names that `read_peaks` knows;
        intervals as in BED), `strand`, and the names of the genes as index or in a column such as `gene_name`.

    Returns
    -------
    One row per gene, indexed by name (by identifier if a gene has no name), with columns `chrom`, `start`, `end` (base
    pairs, zero-based, half-open), `strand` (`"+"`, `"-"` or `"."`) and `gene_id` (empty if unknown). Overlapping rows
    of one name, such as transcripts, become one gene. Of a name at several places, the first is kept. The log counts
    both.

    Raises
    ------
    TypeError
        If `genes` is neither a DataFrame nor a path.
    ValueError
        If the file does not exist or is neither GTF nor BED, a row cannot be read, or there is no gene.
    """
    if isinstance(genes, pd.DataFrame):
        return _tidy(_from_frame(genes))
    if not isinstance(genes, str | Path):
        raise type_error(
            "genes: wrong type.",
            found=type(genes).__name__,
            expected="the path of a GTF or BED file, or a DataFrame of genes",
        )
    path = Path(genes)
    if not path.is_file():
        raise value_error("genes: no such file.", found=str(path), expected="a GTF or BED file, or a .gz")
    try:
        return _tidy(_from_file(path))
    except (OSError, EOFError, zlib.error) as problem:
        do = "Is the file complete? Download or write it again."
        raise value_error(f"genes: {path} cannot be read.", found=str(problem), do=do) from problem


def match_chromosomes(genes: pd.DataFrame, peaks: pd.DataFrame, told: str = "") -> pd.DataFrame:
    """Return the genes with chromosomes named as those of the peaks: `chr1` for `1` or `NC_000001.11`, or the reverse.

    Parameters
    ----------
    genes
        Gene table, as `read_genes` returns it.
    peaks
        Peaks, as `read_peaks` returns them.
    told
        The genome build that the data of the peaks name, where they do.

    Raises
    ------
    ValueError
        If no chromosome is in both, or genes and peaks are of different builds.
    """
    there, here = peaks["chrom"].unique(), genes["chrom"].unique()
    names = matched_names(here, there)
    if not set(there).intersection(names.values()):
        do = "Take the gene table of the genome that the reads were mapped to."
        raise none_in_common("genes", here, "peaks", there, do)
    check_one_build({"genes": genes, "peaks": peaks}, {"peaks": told})
    other = [(name, to) for name, to in names.items() if name != to]
    if other:
        log.info(
            "genes: %d chromosomes have other names than in the peaks and are matched, such as %r to %r",
            len(other),
            *other[0],
        )
    return genes.assign(chrom=genes["chrom"].map(names))


def _from_file(path: Path) -> pd.DataFrame:
    """Read a GTF or BED file; its first row of data decides which it is."""
    lines = _lines(path)
    first = next((text for _, text in lines if not _HEADER.match(text)), "")
    fields = _fields(first)
    if len(fields) >= 9 and fields[3].isdecimal() and fields[4].isdecimal():
        return _from_gtf(path)
    if len(fields) >= 4 and fields[1].isdecimal() and fields[2].isdecimal():
        return _from_bed(path)
    raise value_error(
        f"genes: {path} is neither GTF nor BED.",
        found=f"the first row {first[:80]!r}",
        expected="nine columns with start and end as fourth and fifth (GTF), or chrom, start, end, name and, as sixth, "
        "strand (BED), separated by tabs and without a header",
        do="Read other tables yourself, and give a DataFrame with columns chrom, start, end, strand.",
    )


def _lines(path: Path, containing: bytes = b"") -> Iterator[tuple[int, str]]:
    """Yield the numbers and lines of a file, gzipped or not; only lines that contain the given bytes, if any."""
    with open_text(path) as handle:
        for number, line in enumerate(handle, 1):
            if containing in line:
                yield number, line.decode("utf-8", "replace").rstrip("\r\n")


def _fields(line: str) -> list[str]:
    return line.split("\t") if "\t" in line else line.split()


def _from_gtf(path: Path) -> pd.DataFrame:
    rows = []
    for number, line in _lines(path, containing=b"\tgene\t"):
        fields = line.split("\t")
        if line.startswith("#") or fields[2:3] != ["gene"]:
            continue
        if len(fields) < 9 or not (fields[3].isdecimal() and fields[4].isdecimal()):
            raise _bad_row(path, number, line, "nine columns, start and end as whole numbers")
        name, identifier = _NAME.search(fields[8]), _ID.search(fields[8])
        rows.append(
            (
                name[1].strip() if name else "",
                fields[0],
                int(fields[3]) - 1,
                int(fields[4]),
                fields[6],
                identifier[1].strip() if identifier else "",
            )
        )
    if not rows:
        kinds = {line.split("\t")[2] for _, line in _head(path) if line.count("\t") >= 8}
        raise value_error(
            f"genes: {path} has no row of type 'gene'.",
            found=f"rows of type {sample(sorted(kinds))}",
            expected="a GTF file of Ensembl, GENCODE or 10x Genomics",
            do="Give a DataFrame of genes instead: one row per gene or transcript, columns chrom, start, end, strand.",
            cli={"do": "Give a BED file of genes instead: columns chrom, start, end, name, score, strand."},
        )
    return pd.DataFrame(rows, columns=["name", *GENES])


def _head(path: Path, n: int = 1000) -> list[tuple[int, str]]:
    return [line for line, _ in zip(_lines(path), range(n), strict=False)]


def _from_bed(path: Path) -> pd.DataFrame:
    rows = []
    for number, line in _lines(path):
        if _HEADER.match(line):
            continue
        fields = _fields(line)
        if len(fields) < 4 or not (fields[1].isdecimal() and fields[2].isdecimal()):
            raise _bad_row(path, number, line, "chrom, start, end, name and, as sixth column, strand")
        rows.append((fields[3], fields[0], int(fields[1]), int(fields[2]), fields[5] if len(fields) > 5 else ".", ""))
    return pd.DataFrame(rows, columns=["name", *GENES])


def _bad_row(path: Path, number: int, line: str, expected: str) -> Exception:
    return value_error(f"genes: {path}, line {number:,}, cannot be read.", found=repr(line[:80]), expected=expected)


def _from_frame(genes: pd.DataFrame) -> pd.DataFrame:
    columns = coordinate_columns(genes)
    plain = {str(column).lower(): column for column in reversed(genes.columns)}
    named = next((plain[name] for name in _NAMES if name in plain), None)
    if not columns or (named is None and isinstance(genes.index, pd.RangeIndex)):
        raise value_error(
            "genes: columns are missing.",
            found=f"columns {sample(genes.columns)}",
            expected="chrom, start, end (zero-based, half-open), strand, and the names of the genes as the index or in "
            "a column gene_name",
        )
    numbers = {side: pd.to_numeric(genes[columns[side]], errors="coerce").to_numpy(float) for side in ("start", "end")}
    whole = np.all([np.isfinite(x) & (np.floor(x) == x) for x in numbers.values()], axis=0)
    if not whole.all():
        row = int(np.argmin(whole))
        raise value_error(
            f"genes: {int((~whole).sum()):,} of {len(genes):,} rows have a start or end that is not a whole number.",
            found=f"row {row}: {genes.iloc[row].to_dict()}",
            expected="whole numbers",
        )
    names = genes.index.to_series() if named is None else genes[named]
    return pd.DataFrame(
        {
            "name": _text(names),
            "chrom": _text(genes[columns["chrom"]]),
            "start": numbers["start"].astype(np.int64),
            "end": numbers["end"].astype(np.int64),
            "strand": _text(genes[plain["strand"]]) if "strand" in plain else ".",
            "gene_id": _text(genes[plain["gene_id"]]) if "gene_id" in plain else "",
        }
    )


def _text(values: pd.Series) -> np.ndarray:
    values = values.astype(object)
    return np.where(values.isna(), "", values.astype(str)).astype(object)


def _tidy(genes: pd.DataFrame) -> pd.DataFrame:
    """Check intervals, use identifiers for genes without a name, unify strands, and keep one row per gene."""
    wrong = ((genes["start"] < 0) | (genes["start"] >= genes["end"])).to_numpy()
    if wrong.any():
        first = genes[wrong].iloc[0]
        raise value_error(
            f"genes: {wrong.sum():,} of {len(genes):,} genes do not end after their start.",
            found=f"{first['name']!r}: {first['chrom']}, start {first['start']}, end {first['end']} (zero-based)",
            expected="0 ≤ start < end",
        )
    nameless = (genes["name"] == "") & (genes["gene_id"] != "")
    if nameless.any():
        log.info("genes: %d of %d have no name; their identifiers are used", nameless.sum(), len(genes))
    genes = genes.assign(
        name=genes["name"].where(~nameless, genes["gene_id"]), strand=genes["strand"].map(_STRANDS).fillna(".")
    )
    named = (genes["name"] != "").to_numpy()
    if not named.any():
        raise value_error("genes: the table has no gene with a name.", found=f"{len(genes):,} rows")
    if not named.all():
        log.warning("genes: %d of %d rows without name and identifier are left out", (~named).sum(), len(named))
    return _one_row_a_gene(genes[named]).set_index("name").rename_axis(None)[GENES]


def _one_row_a_gene(genes: pd.DataFrame) -> pd.DataFrame:
    """Merge overlapping rows of the same name and strand; of remaining duplicates, keep the first."""
    if genes["name"].is_unique:
        return genes
    place = ["name", "chrom", "strand"]
    rows = genes.assign(order=np.arange(len(genes))).sort_values([*place, "start"], kind="stable")
    at = rows.groupby(place, sort=False).ngroup()
    reached = rows["end"].groupby(at).cummax().groupby(at).shift(fill_value=-1)
    joined = rows.groupby((rows["start"] > reached).cumsum().to_numpy()).agg(
        {**dict.fromkeys([*place, "gene_id"], "first"), "start": "min", "end": "max", "order": "min"}
    )
    joined = joined.sort_values("order")
    again = joined["name"].duplicated()
    if len(joined) < len(genes):
        log.info("genes: %d rows merged with overlapping rows of the same name and strand", len(genes) - len(joined))
    if again.any():
        log.info(
            "genes: %d names occur at several places; the first is used: %s",
            joined.loc[again, "name"].nunique(),
            sample(joined.loc[again, "name"].unique(), 4),
        )
    return joined[~again]
