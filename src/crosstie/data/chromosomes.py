"""Names of chromosomes in every convention, and the genome build that coordinates belong to.

`chr1` (UCSC, GENCODE), `1` (Ensembl), `NC_000001.11` (RefSeq) and `CM000663.2` (GenBank) are one chromosome.
Coordinates of two builds cannot be compared; tables that are shown to be of different builds, by names or by
coordinates, are refused. Lengths and accessions in `genome_builds.csv` are those of the assembly reports of NCBI.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import combinations

import pandas as pd

from crosstie._errors import InputValueError, sample, value_error

# A peak may be widened beyond the end of its chromosome by its caller; another build differs by more.
BEYOND = 10_000
_TOLD = {
    "GRCh37": r"GRCh37|hg19|hs37d5|b37",
    "GRCh38": r"GRCh38|hg38",
    "T2T-CHM13v2.0": r"CHM13|\bhs1\b",
    "MGSCv37": r"MGSCv37|NCBIM37|mm9",
    "GRCm38": r"GRCm38|mm10",
    "GRCm39": r"GRCm39|mm39",
}


@dataclass(frozen=True)
class Known:
    """The builds in the packaged table.

    Parameters
    ----------
    accessions
        Chromosome and build of each accession; the build of a mitochondrial genome is empty.
    lengths
        Length of each chromosome in base pairs, by build.
    """

    accessions: Mapping[str, tuple[str, str]]
    lengths: Mapping[str, Mapping[str, int]]


@lru_cache(1)
def known_builds() -> Known:
    """Return the packaged table of builds."""
    text = resources.files("crosstie.data").joinpath("genome_builds.csv").read_text(encoding="utf-8")
    accessions: dict[str, tuple[str, str]] = {}
    lengths: dict[str, dict[str, int]] = {}
    for row in csv.DictReader(text.splitlines()):
        for kind in ("refseq", "genbank"):
            accessions[row[kind]] = (row["chromosome"], row["build"])
        if row["build"]:
            lengths.setdefault(row["build"], {})[row["chromosome"]] = int(row["length"])
    return Known(accessions, lengths)


def plain_chromosome(name: str) -> str:
    """Return a chromosome's name without its convention: `1` for `chr1`, `NC_000001.11` and `CM000663.2`."""
    accession = known_builds().accessions.get(name.upper())
    if accession:
        return accession[0]
    plain = name[3:] if name[:3].lower() == "chr" else name
    return {"M": "MT", "x": "X", "y": "Y"}.get(plain, plain)


def matched_names(names: Iterable[str], others: Iterable[str]) -> dict[str, str]:
    """Return for every name the one that others use for the same chromosome, or the name itself."""
    there = list(dict.fromkeys(others))
    exact, plain = set(there), {plain_chromosome(name): name for name in reversed(there)}
    return {name: name if name in exact else plain.get(plain_chromosome(name), name) for name in names}


def told_build(text: str) -> str:
    """Return the build that a text names, such as `GRCh38` for `refdata-cellranger-arc-GRCh38-2020-A`; else nothing."""
    found = [build for build, names in _TOLD.items() if re.search(names, text, re.IGNORECASE)]
    return found[0] if len(found) == 1 else ""


def possible_builds(intervals: pd.DataFrame, told: str = "") -> frozenset[str] | None:
    """Return the known builds that intervals can be of.

    Parameters
    ----------
    intervals
        Columns `chrom` and `end`.
    told
        The build, where the data name one.

    Returns
    -------
    Names of builds; `None` if the intervals fit none, as those of other organisms do.
    """
    if told:
        return frozenset({told})
    known = known_builds()
    last = intervals.groupby("chrom", sort=False)["end"].max()
    named = {known.accessions[name.upper()][1] for name in last.index if name.upper() in known.accessions} - {""}
    if named:
        return frozenset(named)
    ends = {plain_chromosome(str(name)): int(end) for name, end in last.items()}
    numbered = {name for name in ends if name.isdecimal()}
    fitting = frozenset(
        build
        for build, lengths in known.lengths.items()
        if numbered <= lengths.keys()
        and all(end <= lengths[name] + BEYOND for name, end in ends.items() if name in lengths)
    )
    return fitting or None


def check_one_build(tables: Mapping[str, pd.DataFrame], told: Mapping[str, str] | None = None) -> None:
    """Raise `ValueError` if the coordinates of two tables can't be of one genome build.

    Parameters
    ----------
    tables
        Intervals by name, with columns `chrom` and `end`.
    told
        The build that the data of a table name, where they do.
    """
    builds = {name: possible_builds(table, (told or {}).get(name, "")) for name, table in tables.items()}
    for (one, of_one), (other, of_other) in combinations(builds.items(), 2):
        if of_one is not None and of_other is not None and not of_one & of_other:
            raise value_error(
                f"{one} and {other} are of different genome builds, and coordinates are not converted.",
                found=f"{one}: {_either(of_one)}; {other}: {_either(of_other)}",
                do="Take the annotation of the other's build, or count the fragments again on that build.",
            )


def _either(builds: frozenset[str]) -> str:
    return " or ".join(sorted(builds))


def none_in_common(what: str, here: Iterable[str], against: str, there: Iterable[str], do: str) -> InputValueError:
    """Return the error about two tables without a common chromosome."""
    return value_error(
        f"{what}: no chromosome in common with the {against}.",
        found=f"{what} on {sample(list(here), 4)}, {against} on {sample(list(there), 4)}",
        expected="one genome, with names such as 'chr1', '1' or 'NC_000001.11'",
        do=do,
    )
