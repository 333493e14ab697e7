import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

import crosstie as xt


def atac(names, seed=0, n_cells=4, **var):
    counts = np.random.default_rng(seed).poisson(1.0, (n_cells, len(names))).astype(np.float32)
    adata = AnnData(sp.csr_matrix(counts), var=pd.DataFrame(var, index=pd.Index(names, dtype=object)))
    adata.obs["batch"] = [str(seed)] * n_cells
    return adata


def test_overlapping_peaks_become_one():
    a = atac(["chr1:100-200", "chr1:300-400", "chr1:900-950", "chr2:100-200"])
    b = atac(["1:150-350", "1:900-910", "1:940-960", "3:5-9"], seed=1)
    out = xt.data.join_peaks({"a": a, "b": b})
    assert list(out["a"].var_names) == list(out["b"].var_names) == ["chr1:100-400", "chr1:900-960"]
    assert out["a"].var["n_peaks"].tolist() == [2, 1]
    assert out["b"].var["n_peaks"].tolist() == [1, 2]
    x, y = a.X.toarray(), b.X.toarray()
    np.testing.assert_array_equal(out["a"].X.toarray(), np.c_[x[:, 0] + x[:, 1], x[:, 2]])
    np.testing.assert_array_equal(out["b"].X.toarray(), np.c_[y[:, 0], y[:, 1] + y[:, 2]])
    assert out["a"].obs.equals(a.obs)
    assert out["b"].var[["chrom", "start", "end"]].iloc[1].tolist() == ["chr1", 900, 960]


def test_all_peaks_are_kept_where_asked():
    a, b = atac(["chr1:100-200", "chr2:100-200"]), atac(["NC_000001.11:150-250", "NC_000003.12:5-9"], seed=1)
    out = xt.data.join_peaks({"a": a, "b": b}, keep="all")
    assert list(out["a"].var_names) == ["chr1:100-250", "chr2:100-200", "NC_000003.12:5-9"]
    assert out["a"].var["n_peaks"].tolist() == [1, 1, 0]
    assert out["b"].X[:, 1].sum() == 0
    assert out["a"].X.sum() == a.X.sum(), "no count is lost"


def test_peaks_that_touch_stay_apart_and_the_order_of_peaks_does_not_count():
    names = ["chr1:100-200", "chr1:200-300", "chr2:1-300", "chr1:150-160"]
    a, b = atac(names), atac(names[::-1], seed=1)
    out = xt.data.join_peaks({"a": a, "b": b})
    assert list(out["a"].var_names) == ["chr1:100-200", "chr1:200-300", "chr2:1-300"]
    again = xt.data.join_peaks({"a": a[:, [2, 0, 3, 1]].copy(), "b": b})
    assert set(again["a"].var_names) == set(out["a"].var_names)
    np.testing.assert_array_equal(again["a"][:, out["a"].var_names].X.toarray(), out["a"].X.toarray())


def test_three_experiments_against_a_naive_count():
    rng = np.random.default_rng(3)
    data = {}
    for i, name in enumerate("abc"):
        start = rng.integers(0, 3000, 60)
        data[name] = atac(
            sorted(
                {
                    f"chr{c}:{s}-{s + w}"
                    for c, s, w in zip(rng.integers(1, 3, 60), start, rng.integers(5, 60, 60), strict=True)
                }
            ),
            seed=i,
        )
    out = xt.data.join_peaks(data, keep="all")
    covered = {(c, x) for a in data.values() for c, s, e in places(a) for x in range(s, e)}
    for name, joined in out.items():
        assert joined.X.sum() == data[name].X.sum()
        for c, s, e in places(joined):
            assert all((c, x) in covered for x in range(s, e))
            assert (c, s - 1) not in covered or not any(
                c == d and t < s < f for a in data.values() for d, t, f in places(a)
            )
        for (c, s, e), column in zip(places(joined), joined.X.T.toarray(), strict=True):
            inside = [i for i, (d, t, f) in enumerate(places(data[name])) if c == d and s <= t and f <= e]
            np.testing.assert_array_equal(column, data[name].X[:, inside].sum(axis=1).A1 if inside else 0)


def places(adata):
    for name in adata.var_names:
        chrom, _, span = name.partition(":")
        start, _, end = span.partition("-")
        yield chrom, int(start), int(end)


def test_another_build_is_refused():
    a = atac(["chr1:249000000-249000100", "chr1:5-9"])
    with pytest.raises(ValueError, match=r"a and b are of different genome builds, and coordinates are not converted"):
        xt.data.join_peaks({"a": a, "b": atac(["chr17:83000000-83000100", "chr22:5-9", "chr1:5-9"])})
    with pytest.raises(ValueError, match=r"GRCh38; b: GRCh37"):
        xt.data.join_peaks({"a": atac(["chr1:5-9"], genome=["GRCh38"]), "b": atac(["1:5-9"], genome=["hg19"])})
    with pytest.raises(ValueError, match="no chromosome in common"):
        xt.data.join_peaks({"a": atac(["chr1:5-9"]), "b": atac(["chrX:5-9"])})


def test_peaks_of_another_genome_overlap_by_chance(caplog):
    rng = np.random.default_rng(0)
    start = np.sort(rng.choice(40_000_000 // 1000, 3000, replace=False)) * 1000
    other = np.sort(rng.choice(40_000_000 // 1000, 3000, replace=False)) * 1000

    def experiment(starts, seed):
        return atac([f"chr5:{s}-{s + 400}" for s in starts], seed=seed)

    with pytest.raises(ValueError, match=r"of a and b overlap no more than by chance(.|\n)*after a shift"):
        xt.data.join_peaks({"a": experiment(start, 0), "b": experiment(other, 1)})
    half = np.sort(np.r_[start[::2], other[::2]])
    with caplog.at_level("INFO", "crosstie"):
        joined = xt.data.join_peaks({"a": experiment(start, 0), "b": experiment(np.unique(half), 1)})
    assert joined["a"].n_vars >= 1500
    assert "joined peaks are in all experiments" in caplog.text


def test_what_cannot_be_joined():
    a = atac(["chr1:5-9"])
    with pytest.raises(ValueError, match="fewer than two experiments"):
        xt.data.join_peaks({"a": a})
    with pytest.raises(ValueError, match="'shared' or 'all'"):
        xt.data.join_peaks({"a": a, "b": a}, keep="some")
    with pytest.raises(ValueError, match="no peak overlaps peaks of all other experiments"):
        xt.data.join_peaks({"a": a, "b": atac(["chr1:50-90"])})
