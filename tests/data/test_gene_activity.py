import os
import time
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import crosstie as xt
from crosstie.data.gene_activity import expand, gene_activity, overlaps, split_names

DATA = Path(os.environ.get("CROSSTIE_DATA", Path(__file__).parents[2].parent / "shared" / "data"))


def make(x, names, **var):
    obs = pd.DataFrame({"batch": ["a"] * len(x)}, index=[f"c{i}" for i in range(len(x))])
    return ad.AnnData(np.asarray(x, np.float32), obs=obs, var=pd.DataFrame(var, index=pd.Index(names, dtype=object)))


def random_case(seed=0, n_peaks=60, n_genes=25, n_cells=7):
    """Small chromosomes, so that intervals overlap, nest, touch, and reach over both ends."""
    rng = np.random.default_rng(seed)
    chrom, start = rng.integers(1, 4, n_peaks), rng.integers(0, 200, n_peaks)
    names = [f"chr{c}:{s}-{s + w}" for c, s, w in zip(chrom, start, rng.integers(1, 30, n_peaks), strict=True)]
    begin = rng.integers(0, 200, n_genes)
    genes = pd.DataFrame(
        {
            "chrom": rng.integers(1, 4, n_genes).astype(str),
            "start": begin,
            "end": begin + rng.integers(1, 60, n_genes),
            "strand": rng.choice(["+", "-", "."], n_genes, p=[0.45, 0.45, 0.1]),
        },
        index=[f"G{i}" for i in range(n_genes)],
    )
    return make(rng.poisson(1.0, (n_cells, n_peaks)), names), genes


def naive(adata, genes, upstream, downstream):
    """Cells × genes by a double loop over single bases."""
    out = {}
    for gene, (chrom, start, end, strand) in genes.iterrows():
        before, behind = {"+": (upstream, downstream), "-": (downstream, upstream), ".": (0, 0)}[strand]
        window = set(range(start - before, end + behind))
        hit = []
        for j, name in enumerate(adata.var_names):
            place, span = name.split(":")
            low, high = map(int, span.split("-"))
            if place == f"chr{chrom}" and window.intersection(range(low, high)):
                hit.append(j)
        if hit:
            out[gene] = (adata.X[:, hit].sum(1), len(hit))
    return out


@pytest.mark.filterwarnings("ignore:.*not unique")
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("upstream", "downstream"), [(0, 0), (20, 0), (7, 3), (5000, 0)])
def test_the_sum_of_a_double_loop(seed, upstream, downstream):
    adata, genes = random_case(seed)
    found = gene_activity(adata, genes, upstream=upstream, downstream=downstream)
    expected = naive(adata, genes, upstream, downstream)
    assert list(found.var_names) == list(expected)
    assert np.array_equal(found.X.toarray(), np.column_stack([x for x, _ in expected.values()]))
    assert list(found.var["n_peaks"]) == [n for _, n in expected.values()]
    assert found.obs.equals(adata.obs)
    columns = ["start", "end", "strand"]
    assert found.var[columns].equals(genes.loc[found.var_names, columns])


def gene(strand, start=1000, end=2000):
    return pd.DataFrame({"chrom": ["1"], "start": [start], "end": [end], "strand": [strand]}, index=["G"])


@pytest.mark.parametrize(
    ("strand", "peak", "inside"),
    [
        ("+", (700, 800), False),  # ends where the 200 bases before the gene begin
        ("+", (700, 801), True),
        ("+", (1999, 2100), True),
        ("+", (2000, 2100), False),
        ("-", (900, 1000), False),
        ("-", (900, 1001), True),
        ("-", (2199, 2300), True),
        ("-", (2200, 2300), False),
        (".", (999, 1000), False),
        (".", (999, 1001), True),
        ("+", (1, 9000), True),
        ("-", (1500, 1501), True),
    ],
)
def test_edges_and_strands(strand, peak, inside):
    adata = make([[1, 5]], [f"chr1:{peak[0]}-{peak[1]}", "chr1:1500-1600"])
    found = gene_activity(adata, gene(strand), upstream=200)
    assert found.X.toarray().tolist() == [[6.0 if inside else 5.0]]


def test_bases_upstream_do_not_reach_into_another_chromosome():
    adata = make([[1, 2, 4]], ["1:0-5", "2:0-5", "3:90-100"])
    genes = pd.DataFrame(
        {"chrom": ["2", "1"], "start": [0, 95], "end": [3, 100], "strand": ["+", "-"]}, index=["A", "B"]
    )
    found = gene_activity(adata, genes, upstream=10**6)
    assert list(found.var_names) == ["A"]
    assert found.X.toarray().tolist() == [[2.0]]


intervals = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(1, 12)), max_size=25)


@settings(deadline=None)
@given(intervals, intervals)
def test_overlaps_are_those_of_all_pairs(left, right):
    def arrays(given):
        chrom, start, width = np.array(given, np.int64).reshape(-1, 3).T
        return chrom, start, start + width

    expected = [
        (i, j)
        for i, (c, s, w) in enumerate(left)
        for j, (d, t, v) in enumerate(right)
        if c == d and max(s, t) < min(s + w, t + v)
    ]
    found = list(zip(*(side.tolist() for side in overlaps(arrays(left), arrays(right))), strict=True))
    assert sorted(found) == expected  # each once


def test_order_of_peaks_and_genes_changes_nothing():
    adata, genes = random_case(3)
    rng = np.random.default_rng(1)
    found = gene_activity(adata, genes, upstream=10)
    other = gene_activity(adata[::-1, rng.permutation(adata.n_vars)], genes.sample(frac=1, random_state=0), upstream=10)
    assert np.array_equal(other[adata.obs_names, found.var_names].X.toarray(), found.X.toarray())


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.csc_matrix, sp.csr_array])
def test_every_kind_of_matrix_in_any_slot(kind):
    adata, genes = random_case(1)
    expected = gene_activity(adata, genes)
    adata.layers["counts"] = kind(adata.X)
    adata.X = None
    found = gene_activity(adata, genes, slot="layers/counts")
    assert sp.issparse(found.X)
    assert found.X.format == "csr"
    assert found.X.dtype == np.float32
    assert (found.X != expected.X).nnz == 0


def test_what_is_left_out_is_counted(tmp_path, caplog):
    path = tmp_path / "genes.gtf"
    rows = [("1", 101, 200, "A"), ("1", 9000, 9001, "B"), ("7", 1, 5, "C")]
    path.write_text("".join(f'{c}\tx\tgene\t{s}\t{e}\t.\t+\t.\tgene_id "{n}";\n' for c, s, e, n in rows))
    adata = make([[1, 2, 3]], ["chr1:150-160", "chr1:5000-5001", "no peak"])
    with caplog.at_level("INFO", "crosstie"):
        found = xt.data.gene_activity(adata, str(path), upstream=0)
    assert list(found.var_names) == ["A"]
    assert found.X.toarray().tolist() == [[1.0]]
    assert "1 of 3 features have no readable coordinates" in caplog.text
    assert "2 chromosomes" not in caplog.text
    assert "such as '1' to 'chr1'" in caplog.text
    assert "1 of 3 peaks have a gene; 1 genes, 2 genes without a peak left out" in caplog.text


def test_a_gene_without_strand_is_its_body(caplog):
    with caplog.at_level("WARNING", "crosstie"):
        gene_activity(make([[1, 2]], ["chr1:1500-1600", "chr1:990-995"]), gene("*"))
    assert "1 of 1 have no strand" in caplog.text


def test_by_key():
    column = ["B", "A/B", np.nan, "A; B,C", "", "B ", "D/D"]
    x = np.array([[1, 2, 4, 8, 16, 32, 64], [0, 0, 1, 0, 0, 0, 0]])
    found = gene_activity(make(x, [f"p{i}" for i in range(7)], linked_gene=column), key="linked_gene")
    assert list(found.var_names) == ["B", "A", "C", "D"]
    assert found.X.toarray().tolist() == [[43.0, 10.0, 8.0, 64.0], [0.0] * 4]
    assert list(found.var["n_peaks"]) == [4, 2, 1, 1]


def test_by_key_of_a_categorical_column():
    adata = make([[1, 2, 4]], list("abc"), near=pd.Categorical(["X", None, "X"]))
    assert gene_activity(adata, key="near").X.toarray().tolist() == [[5.0]]


def test_split_and_expand():
    assert split_names(" A /B;B, nan,.,") == ["A", "B"]
    assert split_names("HLA-A") == ["HLA-A"]
    row, item = expand(np.array([1, -1, 0, 2, 1]), [["a"], ["b", "c"], []])
    assert row.tolist() == [0, 0, 2, 4, 4]
    assert [["a", "b", "c"][i] for i in item] == ["b", "c", "a", "b", "c"]
    assert all(len(part) == 0 for part in expand(np.array([], np.int64), []))


def test_errors():
    adata, genes = make([[1, 2]], ["chr1:1-5", "chr1:9-12"], linked_gene=["", None]), gene("+")
    for options, found in (({}, "neither"), ({"genes": genes, "key": "linked_gene"}, "both")):
        with pytest.raises(ValueError, match=rf"exactly one of genes and key(.|\n)*found: {found}"):
            gene_activity(adata, **options)
    with pytest.raises(ValueError, match="upstream=-1, downstream=0"):
        gene_activity(adata, genes, upstream=-1)
    with pytest.raises(KeyError, match=r"unknown name 'linked'(.|\n)*Did you mean 'linked_gene'"):
        gene_activity(adata, key="linked")
    with pytest.raises(ValueError, match=r"no peak has a gene(.|\n)*2 peaks such as 'chr1:1-5'"):
        gene_activity(adata, key="linked_gene")
    with pytest.raises(ValueError, match=r"no peak has a gene(.|\n)*1 genes such as 'G'"):
        gene_activity(adata, genes, upstream=0)
    with pytest.raises(ValueError, match=r"slot(.|\n)*'obsm/X_lsi'(.|\n)*counts of peaks"):
        gene_activity(adata, genes, slot="obsm/X_lsi")
    with pytest.raises(KeyError, match="layers/counts"):
        gene_activity(adata, genes, slot="layers/counts")
    with pytest.raises(ValueError, match="chromosome in common"):
        gene_activity(adata, genes.assign(chrom="9"))
    with pytest.raises(ValueError, match="negative values"):
        gene_activity(make([[-1, 2]], ["chr1:1-5", "chr1:9-12"]), genes)


def test_a_genome_takes_seconds():
    rng = np.random.default_rng(0)
    start, begin = rng.integers(0, 2 * 10**8, 100_000), rng.integers(0, 2 * 10**8, 60_000)
    peaks = {"chrom": rng.integers(1, 23, 100_000).astype(str), "start": start, "end": start + 500}
    genes = {"chrom": rng.integers(1, 23, 60_000).astype(str), "start": begin, "end": begin + 30_000, "strand": "-"}
    x = sp.random(200, 100_000, 0.01, format="csr", dtype=np.float32, random_state=0)
    adata = ad.AnnData(x, var=pd.DataFrame(peaks, index=[f"p{i}" for i in range(100_000)]))
    begun = time.perf_counter()
    found = gene_activity(adata, pd.DataFrame(genes, index=[f"g{i}" for i in range(60_000)]))
    assert time.perf_counter() - begun < 10
    assert found.var["n_peaks"].sum() > 40_000


@pytest.mark.real_data
def test_real_peaks_add_up_to_their_genes():
    path = DATA / "snare_mop" / "atac.h5ad"
    if not path.exists():
        pytest.skip(f"no real data: set CROSSTIE_DATA to the folder that holds {path.parent.name}")
    atac = ad.read_h5ad(path)
    found = gene_activity(atac, key="linked_gene")
    assert found.shape == (10_309, 1_674)
    assert found.X.sum() == atac.X.sum()
    peaks = (atac.var["linked_gene"] == "Lsamp").to_numpy()
    assert np.array_equal(found[:, "Lsamp"].X.toarray().ravel(), np.asarray(atac.X[:, peaks].sum(1)).ravel())
    assert found.var.loc["Lsamp", "n_peaks"] == peaks.sum() == 183
    # Rgs20 of the mouse lies at chr1:4,909,576-5,070,285 (mm10) on the reverse strand; one peak is at its promoter.
    genes = pd.DataFrame({"chrom": ["1"], "start": [4_909_575], "end": [5_070_285], "strand": ["-"]}, index=["Rgs20"])
    by_place = gene_activity(atac, genes)
    assert np.array_equal(by_place.X.toarray(), found[:, "Rgs20"].X.toarray())
    assert by_place.var.loc["Rgs20", "n_peaks"] == 19
    assert gene_activity(atac, genes, upstream=0).var.loc["Rgs20", "n_peaks"] == 18
