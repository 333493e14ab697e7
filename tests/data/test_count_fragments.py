import gzip
import sys

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import crosstie as xt

# As Cell Ranger ARC 2.0 writes it.
HEADER = """# id=pbmc
# description=
#
# pipeline_name=cellranger-arc
# pipeline_version=cellranger-arc-2.0.0
#
# reference_path=/refs/refdata-cellranger-arc-GRCh38-2020-A-2.0.0
# reference_fasta_hash=b6f131840f9f337e7b858c3d1e89d7ce0321b243
# reference_gtf_hash=3b4c36ca3bade222a5b53394e8c07a18db7ebb11
# reference_version=2020-A
# mkref_version=cellranger-arc-2.0.0
#
# primary_contig=chr1
# primary_contig=chr2
"""
ROWS = [
    ("chr1", 100, 180, "AAAC-1", 2),
    ("chr1", 100, 300, "AAAC-1", 1),
    ("chr1", 150, 250, "TTTG-1", 7),
    ("chr1", 400, 500, "AAAC-1", 1),
    ("chr2", 10, 60, "TTTG-1", 1),
    ("KI270728.1", 5, 50, "GGGG-1", 1),
]


@pytest.fixture
def write(tmp_path):
    def to(rows=ROWS, header=HEADER, name="atac_fragments.tsv.gz"):
        text = header + "".join("\t".join(map(str, row)) + "\n" for row in rows)
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return to


PEAKS = pd.DataFrame({"chrom": ["chr1", "chr1", "chr2"], "start": [100, 249, 40], "end": [200, 300, 60]})


def frame(adata):
    return pd.DataFrame(adata.X.toarray().astype(int), adata.obs_names, adata.var_names)


@pytest.mark.parametrize("name", ["atac_fragments.tsv.gz", "fragments.tsv"])
@pytest.mark.parametrize("rows", [ROWS, [row[:4] for row in ROWS]])
def test_insertions_in_peaks(write, name, rows):
    out = xt.data.count_fragments(write(rows, name=name), peaks=PEAKS, min_fragments=1)
    assert out.X.dtype == np.float32
    assert frame(out).T.to_dict("list") == {"AAAC-1": [3, 1, 0], "TTTG-1": [1, 1, 1], "GGGG-1": [0, 0, 0]}
    assert list(out.var_names) == ["chr1:100-200", "chr1:249-300", "chr2:40-60"]
    assert out.obs["n_fragments"].tolist() == [3, 1, 2]


def test_a_fragment_counts_once(write):
    out = xt.data.count_fragments(write(), peaks=PEAKS, min_fragments=1, count="fragments")
    assert frame(out).T.to_dict("list") == {"AAAC-1": [2, 1, 0], "TTTG-1": [1, 1, 1], "GGGG-1": [0, 0, 0]}


def test_tiles(write):
    out = xt.data.count_fragments(write(), tile=200, cells=["TTTG-1", "AAAC-1"])
    assert list(out.obs_names) == ["TTTG-1", "AAAC-1"]
    assert frame(out).loc["AAAC-1"].to_dict() == {
        "chr1:0-200": 3,
        "chr1:200-400": 1,
        "chr1:400-600": 2,
        "chr2:0-200": 0,
    }
    assert frame(out).loc["TTTG-1"].to_dict() == {
        "chr1:0-200": 1,
        "chr1:200-400": 1,
        "chr1:400-600": 0,
        "chr2:0-200": 2,
    }
    assert out.var.loc["chr1:400-600", ["chrom", "start", "end"]].tolist() == ["chr1", 400, 600]


def test_genes_with_the_region_upstream(write):
    genes = pd.DataFrame(
        {"chrom": ["1", "1"], "start": [2200, 160], "end": [3000, 190], "strand": ["+", "-"]}, index=["A", "B"]
    )
    out = xt.data.count_fragments(write(), genes=genes, min_fragments=2)
    assert frame(out).loc["AAAC-1"].to_dict() == {"A": 3, "B": 4}, "from 200 on, and from 160 on"
    assert out.var.columns.tolist() == ["chrom", "start", "end", "strand", "gene_id"]
    with pytest.raises(ValueError, match=r"no cell has 1,000 fragments(.|\n)*3 barcodes with at most 3"):
        xt.data.count_fragments(write(), genes=genes)


@pytest.mark.parametrize("count", ["insertions", "fragments"])
def test_many_fragments_in_many_blocks_against_a_naive_count(write, monkeypatch, count):
    rng = np.random.default_rng(0)
    rows = [
        (f"chr{c}", s, s + w, f"C{b}-1", 1)
        for c, s, w, b in zip(
            *(rng.integers(low, high, 400) for low, high in ((1, 4), (0, 900), (1, 80), (0, 7))), strict=True
        )
    ]
    peaks = pd.DataFrame({"chrom": rng.choice(["1", "NC_000002.12", "9"], 30), "start": rng.integers(0, 900, 30)})
    peaks["end"] = peaks["start"] + rng.integers(1, 90, 30)
    path = write(rows)
    out = xt.data.count_fragments(path, peaks=peaks, min_fragments=1, count=count)
    plain = {"1": "chr1", "NC_000002.12": "chr2", "9": "chr9"}
    for j, (chrom, start, end) in enumerate(peaks.itertuples(index=False)):
        for i, cell in enumerate(out.obs_names):
            ends = [[start <= p < end and c == plain[chrom] for p in (s, e - 1)] for c, s, e, b, _ in rows if b == cell]
            n = np.sum(ends) if count == "insertions" else sum(map(any, ends))
            assert out.X[i, j] == n
    monkeypatch.setattr(sys.modules["crosstie.data.count_fragments"], "BLOCK", 64)
    again = xt.data.count_fragments(path, peaks=peaks, min_fragments=1, count=count)
    assert frame(again).equals(frame(out))


def test_peaks_from_a_file_and_from_another_experiment(write, tmp_path):
    bed = tmp_path / "peaks.bed"
    bed.write_text("# id=x\n" + "".join(f"{c}\t{s}\t{e}\tpeak\n" for c, s, e in PEAKS.to_numpy()))
    first = frame(xt.data.count_fragments(write(), peaks=bed, min_fragments=1))
    other = AnnData(var=pd.DataFrame(index=["1:100-200", "1:249-300", "2:40-60"]))
    second = frame(xt.data.count_fragments(write(), peaks=other, min_fragments=1))
    assert first.to_numpy().tolist() == second.to_numpy().tolist()
    bed.write_text("chr1\t5\tx\n")
    with pytest.raises(ValueError, match=r"peaks\.bed, line 1, cannot be read"):
        xt.data.count_fragments(write(), peaks=bed)


def test_another_build_is_refused(write):
    old = AnnData(var=pd.DataFrame({"genome": ["hg19"]}, index=["chr1:100-200"]))
    with pytest.raises(ValueError, match=r"peaks and the fragment file are of different genome builds"):
        xt.data.count_fragments(write(), peaks=old)
    rows = [("chr1", 249_000_000, 249_000_100, "A-1", 1)]
    new = pd.DataFrame({"chrom": ["chr1", "NC_000001.11"], "start": 5, "end": 9})
    with pytest.raises(ValueError, match=r"peaks: GRCh38; the fragment file: GRCh37"):
        xt.data.count_fragments(write(rows, header=""), peaks=new)
    with pytest.raises(ValueError, match=r"peaks: no chromosome in common with the fragments"):
        xt.data.count_fragments(write(), peaks=pd.DataFrame({"chrom": ["chrX"], "start": 5, "end": 9}))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([*ROWS, ("chr1", "x", 5, "A-1")], r"line 21, cannot be read\.\n  found: 'chr1\\tx"),
        ([*ROWS, ("chr1", 9, 9, "A-1", 1)], "line 21, cannot"),
        ([*ROWS, ("chr1", -4, 9, "A-1", 1)], "line 21, cannot"),
        ([("chr1", 4, 9)], "line 15, cannot"),
        ([("chr1", 4, 9, "", 1)], "line 15, cannot"),
        ([("chr1", 4, 10**15, "A-1", 1)], "line 15, cannot"),
        ([("chr1,4,9,A-1",)], "line 15, cannot(.|\n)*separated by tabs"),
        ([], "holds no fragment"),
    ],
)
def test_lines_that_are_no_fragments(write, rows, said):
    with pytest.raises(ValueError, match=said):
        xt.data.count_fragments(write(rows), tile=100, min_fragments=1)


def test_files_that_cannot_be_read(write, tmp_path):
    path = write(ROWS * 3000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cannot be read"):
        xt.data.count_fragments(path, tile=100)
    path.write_bytes(gzip.compress(b"a" * 2**28 + b"b" * 2**20))
    with pytest.raises(ValueError, match=r"cannot be read|unpacks to much more"):
        xt.data.count_fragments(path, tile=100)
    with pytest.raises(ValueError, match="no such file"):
        xt.data.count_fragments(tmp_path, tile=100)


def test_arguments_that_cannot_be_used(write):
    path = write()
    with pytest.raises(ValueError, match=r"exactly one of peaks, tile and genes\.\n  found: none"):
        xt.data.count_fragments(path)
    with pytest.raises(ValueError, match="found: peaks and tile"):
        xt.data.count_fragments(path, peaks=PEAKS, tile=5)
    with pytest.raises(ValueError, match="tile, in base pairs, must be at least 1"):
        xt.data.count_fragments(path, tile=0)
    with pytest.raises(ValueError, match="'insertions' or 'fragments'"):
        xt.data.count_fragments(path, tile=5, count="reads")
    with pytest.raises(ValueError, match=r"none of the cells is in the file(.|\n)*without '-1'"):
        xt.data.count_fragments(path, tile=5, cells=["AAAC"])
    with pytest.raises(ValueError, match="occur more than once"):
        xt.data.count_fragments(path, tile=5, cells=["AAAC-1", "AAAC-1"])


def test_cells_without_fragments_are_said(write, caplog):
    with caplog.at_level("INFO", "crosstie"):
        out = xt.data.count_fragments(write(), tile=100, cells=["none", "AAAC-1"])
    assert out.obs["n_fragments"].tolist() == [0, 3]
    assert "1 of 2 cells have no fragment" in caplog.text


def test_the_result_is_a_view(write):
    rows = [("chr1", 100 + 10 * i, 150 + 10 * i, f"C{i % 3}-1", 1) for i in range(60)]
    atac = xt.data.count_fragments(write(rows), tile=50, min_fragments=1)
    genes = pd.DataFrame({"chrom": "1", "start": [50, 400], "end": [300, 700], "strand": "."}, index=["A", "B"])
    assert xt.data.gene_activity(atac, genes).shape == (3, 2)
