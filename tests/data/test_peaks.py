import time

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crosstie.data.peaks import coordinate_columns, read_peaks


def atac(names, **var) -> AnnData:
    return AnnData(var=pd.DataFrame(var, index=pd.Index(names, dtype=object)))


def rows(peaks) -> list[tuple[str, int, int]]:
    return list(peaks.itertuples(index=False, name=None))


@pytest.mark.parametrize("between", [":-", "--", "__", ":_", "-_"])
@pytest.mark.parametrize(
    "chrom", ["chr1", "X", "GL000194.1", "chrUn_KI270742v1", "chr6_GL000256v2_alt", "HLA-DRB1", "HSCHR1-2", "chr1_2"]
)
def test_every_way_to_name_a_peak(chrom, between):
    first, second = between
    peaks = read_peaks(atac([f"{chrom}{first}100{second}200", f"{chrom}{first}0{second}1"]))
    assert rows(peaks) == [(chrom, 100, 200), (chrom, 0, 1)]
    assert peaks["start"].dtype == peaks["end"].dtype == np.int64
    assert list(peaks.columns) == ["chrom", "start", "end"]


@pytest.mark.parametrize(
    "columns",
    ["chrom start end", "seqnames start end", "chr start stop", "chromosome chromStart chromEnd", "#Chrom Start End"],
)
def test_columns_by_many_names(columns):
    chrom, start, end = columns.split()
    var = {chrom: pd.Categorical(["chr1", "2"]), start: [5, "7"], end: [9.0, 8.0], "strand": ["+", "-"]}
    found = read_peaks(atac(["a", "b"], **var))
    assert rows(found) == [("chr1", 5, 9), ("2", 7, 8)]
    assert list(found.index) == ["a", "b"]


def test_columns_come_before_interval_and_interval_before_names():
    names = ["chr1:1-2"]
    assert rows(read_peaks(atac(names, interval=["chr2:3-4"]))) == [("chr2", 3, 4)]
    columns = {"chrom": ["chr3"], "start": [5], "end": [6]}
    assert rows(read_peaks(atac(names, interval=["chr2:3-4"], **columns))) == [("chr3", 5, 6)]
    empty = {name: [np.nan] for name in columns}
    assert rows(read_peaks(atac(names, interval=[np.nan], **empty))) == [("chr1", 1, 2)]


def test_two_of_three_columns_are_none():
    assert coordinate_columns(pd.DataFrame(columns=["chrom", "start", "width"])) == {}
    assert rows(read_peaks(atac(["chr1:1-2"], chrom=["x"], start=[3]))) == [("chr1", 1, 2)]


BAD = ["CD4", "", "chr1", "chr1:5", "chr1:200-100", "chr1:7-7", "chr1:-5-9", "chr1:1-2-3", "a\nchr1:1-2", ":1-2", "1-2"]


@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_peak_is_left_out_and_counted(bad, caplog):
    with caplog.at_level("WARNING", "crosstie"):
        peaks = read_peaks(atac(["chr1:1-2", bad, "chr2_3_4"]))
    assert list(peaks.index) == ["chr1:1-2", "chr2_3_4"]
    assert "1 of 3 features have no readable coordinates (names) and are left out: " in caplog.text
    assert repr(bad) in caplog.text


def test_bad_columns_are_left_out_and_counted(caplog):
    start, end = [1, 2.5, -1, np.nan, 9, 9, 9, "x"], [5, 5, 5, 5, 9, 10, np.inf, 5]
    with caplog.at_level("WARNING", "crosstie"):
        peaks = read_peaks(atac(list("abcdefgh"), chrom=["1"] * 8, start=start, end=end))
    assert list(peaks.index) == ["a", "f"]
    assert "6 of 8" in caplog.text
    assert "columns chrom, start, end" in caplog.text


@pytest.mark.filterwarnings("ignore:Transforming to str index")  # of an index of no names: older anndata
def test_nothing_to_read():
    with pytest.raises(ValueError, match=r"no coordinates found in(.|\n)*found: names 'CD4', 'CD8'; columns 'x'"):
        read_peaks(atac(["CD4", "CD8"], x=[1, 2]))
    with pytest.raises(ValueError, match=r"columns chrom, start, end(.|\n)*Add the columns"):
        read_peaks(atac([]))
    with pytest.raises(TypeError, match=r"found: list\n  expected: AnnData"):
        read_peaks([])


def test_genes_of_a_multiome_are_no_peaks():
    names, types = ["chr1:1-2", "CD4"], ["Peaks", "Gene Expression"]
    multiome = atac(names, feature_types=types, interval=["chr1:1-2", "chr1:50-90"])
    with pytest.raises(ValueError, match=r"1 Peaks, 1 Gene Expression(.|\n)*== \"Peaks\"\]"):
        read_peaks(multiome)
    assert len(read_peaks(multiome[:, multiome.var["feature_types"] == "Peaks"])) == 1


@pytest.mark.filterwarnings("ignore:.*not unique")
def test_repeated_names_are_repeated_peaks():
    assert rows(read_peaks(atac(["chr1:1-2", "chr1:1-2"]))) == [("chr1", 1, 2)] * 2


def test_many_peaks_are_read_in_no_time():
    names = [f"chr{i % 20}_{i}_{i + 500}" for i in range(200_000)]
    start = time.perf_counter()
    peaks = read_peaks(atac(names))
    assert time.perf_counter() - start < 4
    assert rows(peaks.iloc[[-1]]) == [("chr19", 199_999, 200_499)]
