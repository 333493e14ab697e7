import gzip

import numpy as np
import pandas as pd
import pytest

from crosstie.data.genes import match_chromosomes, read_genes

GTF = """#!genome-build GRCh38
1\thavana\tgene\t11869\t14409\t.\t+\t.\tgene_id "ENSG00000223972.5"; gene_type "x"; gene_name "DDX11L1"; level 2;
1\thavana\ttranscript\t11869\t14409\t.\t+\t.\tgene_id "ENSG00000223972.5"; gene_name "DDX11L1"; transcript_name "gene";
1\tensembl\tgene\t20000\t20000\t.\t-\t.\tgene_id "ENSG00000238009"; gene_version "6";
MT\tinsdc\tgene\t577\t647\t.\t+\t.\tgene_id "ENSG00000210049"; gene_name "MT-TF"; note "a\tb";
"""
BED = """track name=genes
# a comment
chr1\t11868\t14409\tDDX11L1\t0\t+
chr1\t19999\t20000\tENSG00000238009\t0\t-

chrM\t576\t647\tMT-TF
"""


@pytest.fixture
def write(tmp_path):
    def to(name, text):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return to


@pytest.mark.parametrize("name", ["genes.gtf", "genes.gtf.gz", "genes.txt"])
def test_gtf_counts_from_one_and_includes_the_end(write, name):
    genes = read_genes(write(name, GTF))
    assert list(genes.index) == ["DDX11L1", "ENSG00000238009", "MT-TF"]
    assert genes.to_numpy().tolist() == [
        ["1", 11868, 14409, "+", "ENSG00000223972.5"],
        ["1", 19999, 20000, "-", "ENSG00000238009"],
        ["MT", 576, 647, "+", "ENSG00000210049"],
    ]


@pytest.mark.parametrize("name", ["genes.bed", "genes.bed.gz"])
@pytest.mark.parametrize("separator", ["\t", "  "])
def test_bed_says_the_same(write, name, separator):
    genes = read_genes(str(write(name, BED.replace("\t", separator))))
    same = read_genes(write("genes.gtf", GTF))
    assert list(genes.index) == list(same.index)
    assert genes[["start", "end"]].equals(same[["start", "end"]])
    assert list(genes["strand"]) == ["+", "-", "."]
    assert set(genes["gene_id"]) == {""}


def test_windows_line_ends(write):
    assert read_genes(write("g.gtf", GTF.replace("\n", "\r\n"))).equals(read_genes(write("h.gtf", GTF)))
    assert read_genes(write("g.bed", BED.replace("\n", "\r\n"))).equals(read_genes(write("h.bed", BED)))


def frame(**columns):
    given = {"chrom": ["1", "2"], "start": [5, 6], "end": [9, 10], "strand": ["+", "-"]} | columns
    return pd.DataFrame(given, index=["a", "b"])


def test_a_frame_counts_as_bed():
    genes = read_genes(frame())
    assert genes.index.tolist() == ["a", "b"]
    assert genes[["start", "end"]].to_numpy().tolist() == [[5, 9], [6, 10]]
    assert read_genes(genes).equals(genes)
    named = read_genes(frame(gene_name=["x", np.nan], gene_id=["i", "j"]))
    assert named.index.tolist() == ["x", "j"]
    ranges = frame().rename(columns=str.title).reset_index(names="Gene_Name")
    assert read_genes(ranges.rename(columns={"Chrom": "Chromosome"})).equals(genes)


def test_strands_in_other_forms():
    strand = ["+", "-", "1", -1, 1.0, ".", "*", None, "−"]
    places = {"chrom": "1", "start": 1, "end": 2, "strand": strand}
    genes = read_genes(pd.DataFrame(places, index=[f"g{i}" for i in range(len(strand))]))
    assert "".join(genes["strand"]) == "+-+-+...-"
    assert set(read_genes(frame().drop(columns="strand"))["strand"]) == {"."}


def test_rows_of_one_gene_are_joined_and_a_second_place_is_left_out(caplog):
    transcripts = pd.DataFrame(
        [
            ("A", "1", 10, 20, "+"),
            ("B", "1", 15, 30, "+"),
            ("A", "1", 30, 40, "+"),  # another place: nothing between 28 and 30
            ("A", "1", 18, 28, "+"),
            ("A", "1", 12, 13, "+"),
            ("A", "Y", 10, 20, "+"),
            ("B", "1", 15, 30, "-"),
        ],
        columns=["name", "chrom", "start", "end", "strand"],
    )
    with caplog.at_level("INFO", "crosstie"):
        genes = read_genes(transcripts)
    assert genes.drop(columns="gene_id").reset_index().to_numpy().tolist() == [
        ["A", "1", 10, 28, "+"],
        ["B", "1", 15, 30, "+"],
    ]
    assert "2 rows merged with overlapping rows of the same name" in caplog.text
    assert "2 names occur at several places; the first is used: 'A', 'B'" in caplog.text


def test_nameless_genes_are_said(write, caplog):
    with caplog.at_level("INFO", "crosstie"):
        read_genes(write("g.gtf", GTF))
    assert "1 of 3 have no name; their identifiers are used" in caplog.text
    with caplog.at_level("INFO", "crosstie"):
        assert list(read_genes(frame(name=["a", ""])).index) == ["a"]
    assert "1 of 2 rows without name and identifier are left out" in caplog.text
    with pytest.raises(ValueError, match="no gene with a name"):
        read_genes(frame(name=["", None]))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.txt", "", "neither GTF nor BED(.|\n)*the first row ''"),
        ("a.csv", "chrom,start,end\n1,2,3\n", "neither GTF nor BED(.|\n)*'chrom,start,end'"),
        ("a.bed", "chr1\t1\t2\n", "neither GTF nor BED"),
        ("a.bed", "chr1\t1\t2\tA\nchr1\tx\t2\tB\n", r"line 2, cannot be read(.|\n)*'chr1\\tx\\t2\\tB'"),
        ("a.gtf", GTF + "1\th\tgene\t5\n", "line 6, cannot be read(.|\n)*nine columns"),
        ("a.gtf", GTF.replace("\tgene\t", "\texon\t"), "no row of type 'gene'(.|\n)*type 'exon', 'transcript'"),
        ("a.gtf", GTF.replace("\t577\t", "\t0\t"), "1 of 3 genes do not end after(.|\n)*'MT-TF': MT, start -1"),
        ("a.bed", "chr1\t5\t5\tA\n", "1 of 1 genes do not end after their start"),
    ],
)
def test_files_that_cannot_be_read(write, name, text, expected):
    with pytest.raises(ValueError, match=expected):
        read_genes(write(name, text))


def test_a_broken_or_absent_file(write):
    path = write("a.gtf.gz", GTF * 1000)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"a\.gtf\.gz cannot be read"):
        read_genes(path)
    with pytest.raises(ValueError, match=r"no such file(.|\n)*nowhere\.gtf"):
        read_genes("nowhere.gtf")


def test_frames_that_cannot_be_read():
    with pytest.raises(TypeError, match="found: int"):
        read_genes(3)
    with pytest.raises(ValueError, match="columns are missing"):
        read_genes(frame().drop(columns="end"))
    with pytest.raises(ValueError, match="names of the genes"):
        read_genes(frame().reset_index(drop=True))
    with pytest.raises(ValueError, match=r"1 of 2 rows have a start or end that is not a whole number(.|\n)*row 1"):
        read_genes(frame(start=[1, 2.5]))


@pytest.mark.parametrize(
    ("genes", "peaks", "expected"),
    [
        (["1", "MT", "GL1"], ["chr1", "chrM"], ["chr1", "chrM", "GL1"]),
        (["chr1", "chrM"], ["MT", "1"], ["1", "MT"]),
        (["chr1", "chr2"], ["chr1"], ["chr1", "chr2"]),
        (["1", "chr1"], ["chr1", "1"], ["1", "chr1"]),
        (["1", "chrM"], ["NC_000001.11", "MT"], ["NC_000001.11", "MT"]),
    ],
)
def test_chromosomes_with_and_without_chr(genes, peaks, expected, caplog):
    table = pd.DataFrame({"chrom": genes, "end": 9})
    peaks = pd.DataFrame({"chrom": peaks, "end": 9})
    with caplog.at_level("INFO", "crosstie"):
        assert list(match_chromosomes(table, peaks)["chrom"]) == expected
    n = sum(a != b for a, b in zip(genes, expected, strict=True))
    assert (f"{n} chromosomes have other names than in the peaks" in caplog.text) == (n > 0)


def test_another_genome():
    genes = pd.DataFrame({"chrom": ["1", "2"], "end": [249_000_000, 9]})
    with pytest.raises(ValueError, match=r"genes on '1', '2', peaks on 'X'"):
        match_chromosomes(genes, pd.DataFrame({"chrom": ["X"], "end": 9}))
    with pytest.raises(ValueError, match=r"genes: GRCh37; peaks: GRCh38"):
        match_chromosomes(genes, pd.DataFrame({"chrom": ["NC_000001.11"], "end": 9}))
    with pytest.raises(ValueError, match=r"genes: GRCh37; peaks: GRCm38"):
        match_chromosomes(genes, pd.DataFrame({"chrom": ["1"], "end": 9}), told="GRCm38")
