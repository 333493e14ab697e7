import pandas as pd
import pytest

from crosstie.data.chromosomes import (
    check_one_build,
    known_builds,
    matched_names,
    plain_chromosome,
    possible_builds,
    told_build,
)


def ends(**last):
    return pd.DataFrame({"chrom": list(last), "end": list(last.values())})


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("chr1", "1"),
        ("1", "1"),
        ("Chr1", "1"),
        ("NC_000001.11", "1"),
        ("nc_000001.10", "1"),
        ("CM000663.2", "1"),
        ("chrM", "MT"),
        ("NC_012920.1", "MT"),
        ("NC_000023.11", "X"),
        ("NC_000087.8", "Y"),
        ("chr6_GL000256v2_alt", "6_GL000256v2_alt"),
        ("NC_999999.1", "NC_999999.1"),
    ],
)
def test_one_name_for_all_conventions(name, plain):
    assert plain_chromosome(name) == plain


def test_names_of_others_are_taken():
    assert matched_names(["1", "MT", "GL1"], ["NC_000001.11", "chrM"]) == {
        "1": "NC_000001.11",
        "MT": "chrM",
        "GL1": "GL1",
    }
    assert matched_names(["chr1", "1"], ["1", "chr1"]) == {"chr1": "chr1", "1": "1"}


def test_the_table_is_whole():
    known = known_builds()
    n = {build: len(lengths) for build, lengths in known.lengths.items()}
    assert n == {"GRCh37": 24, "GRCh38": 24, "T2T-CHM13v2.0": 24, "MGSCv37": 21, "GRCm38": 21, "GRCm39": 21}
    # known from elsewhere: the genome browser of UCSC
    assert known.lengths["GRCh38"]["1"] == 248_956_422
    assert known.lengths["GRCh37"]["1"] == 249_250_621
    assert known.lengths["GRCm38"]["19"] == 61_431_566
    accessions = len(known.accessions)
    assert accessions == 2 * (3 * 24 + 3 * 21 + 2), "no accession twice, none empty"


def test_the_build_shows_in_the_coordinates():
    assert possible_builds(ends(chr1=249_000_000)) == {"GRCh37"}, "beyond the end of chromosome 1 in GRCh38"
    assert possible_builds(ends(chr17=83_000_000)) == {"GRCh38", "T2T-CHM13v2.0", "MGSCv37", "GRCm38", "GRCm39"}
    assert possible_builds(ends(chr17=83_000_000, chr22=1)) == {"GRCh38", "T2T-CHM13v2.0"}, "mice have 19"
    assert possible_builds(ends(**{"NC_000067.7": 5})) == {"GRCm39"}
    assert possible_builds(ends(chr1=300_000_000)) is None, "none of the table"
    assert possible_builds(ends(chr29=10)) is None
    beyond = known_builds().lengths["T2T-CHM13v2.0"]["22"] + 500
    assert possible_builds(ends(chr22=beyond)), "a peak widened beyond the end"


@pytest.mark.parametrize(
    ("text", "build"),
    [
        ("refdata-cellranger-arc-GRCh38-2020-A-2.0.0", "GRCh38"),
        ("hg19", "GRCh37"),
        ("mm10", "GRCm38"),
        ("GRCh38_and_mm10", ""),
        ("my genome", ""),
    ],
)
def test_builds_by_name(text, build):
    assert told_build(text) == build


def test_two_builds_are_refused():
    old, new = ends(chr1=249_000_000), ends(chr17=83_000_000, chr22=1)
    with pytest.raises(ValueError, match=r"a and b are of different genome builds(.|\n)*GRCh37; b: GRCh38 or T2T"):
        check_one_build({"a": old, "b": new})
    with pytest.raises(ValueError, match="x and y are of different"):
        check_one_build({"x": ends(chr1=5), "y": ends(chr1=5)}, {"x": "GRCh38", "y": "GRCm38"})
    check_one_build({"a": old, "b": ends(chr1=5), "c": ends(chr1=300_000_000)})
