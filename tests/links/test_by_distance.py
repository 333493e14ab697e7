"""Links by distance: every gene with the peaks around it."""

import numpy as np
import pandas as pd
import pytest

import crosstie as xt
from crosstie.links import by_distance

from .small_views import lines_of_error, logged, rows, view

GENES = pd.DataFrame(
    {
        "chrom": ["chr1", "chr1", "2"],
        "start": [500_000, 700_000, 100],
        "end": [510_000, 720_000, 200],
        "strand": ["+", "-", "."],
        "gene_id": ["ENSG00000000001", "ENSG00000000002", ""],
    },
    index=["A", "B", "C"],
)
PEAKS = {
    "chr1:505000-505500": 0,  # in the body of A
    "chr1:498500-499000": 0,  # its promoter
    "chr1:497000-497500": 500,  # before the promoter, which starts at 498,000
    "chr1:511000-511500": 1000,  # behind it
    "chr1:612000-612500": 102_000,  # behind A; 87,500 before B
    "chr1:721500-722100": 0,  # the promoter of B, on the other strand
    "chr3:100-200": None,
}


@pytest.fixture
def data():
    return {"rna": view(["A", "B", "C", "nothing"]), "atac": view(list(PEAKS))}


def weights(link, gene):
    pairs = link.pairs[link.pairs["source"] == gene]
    return dict(zip(pairs["target"], pairs["weight"], strict=True))


def test_weights_fall_with_distance(data):
    link = by_distance(data, "rna", "atac", genes=GENES)
    assert (link.edge, link.origin, link.n_columns) == (("rna", "atac"), "distance", 2)
    expected = {peak: (1 + d / 1000) ** -0.75 for peak, d in list(PEAKS.items())[:5]}
    assert weights(link, "A") == pytest.approx(expected)
    of_b = weights(link, "B")
    assert of_b["chr1:721500-722100"] == 1
    assert of_b["chr1:612000-612500"] == pytest.approx(88.5**-0.75)


def test_window_and_decay(data):
    near = by_distance(data, "rna", "atac", genes=GENES, window=1000, decay=2)
    assert weights(near, "A") == pytest.approx({peak: (1 + d / 1000) ** -2.0 for peak, d in list(PEAKS.items())[:4]})
    flat = by_distance(data, "rna", "atac", genes=GENES, window=0, decay=0)
    assert set(weights(flat, "A")) == {"chr1:505000-505500", "chr1:498500-499000"}
    assert (flat.pairs["weight"] == 1).all()


def test_report_accounts_for_every_gene(data, caplog):
    lines = logged(caplog, lambda: by_distance(data, "rna", "atac", genes=GENES))
    assert (
        "rna -> atac: 2 of 4 genes linked to 6 of 7 peaks within 150000 bases; 1 without a peak near, 1 not"
        in (lines[-1])
    )
    assert rows(by_distance(data, "rna", "atac", genes=GENES).report) == [
        ("A", "linked", "A", "", "5 peaks"),
        ("B", "linked", "B", "", "2 peaks"),
        ("C", "no peak near", "C", "", ""),
        ("nothing", "not annotated", "", "", ""),
    ]


def test_genes_by_identifier_in_any_spelling(data):
    data["rna"] = view(["ENSG00000000001.7", "b"])
    link = by_distance(data, "rna", "atac", genes=GENES)
    assert set(link.pairs["source"]) == {"ENSG00000000001.7", "b"}
    data["rna"] = view(["g0", "g1"], symbol=["A", "B"])
    assert set(by_distance(data, "rna", "atac", genes=GENES, source_names="symbol").pairs["source"]) == {"g0", "g1"}


def test_all_pairs_are_those_of_a_loop():
    """A search in sorted starts gives what comparing every gene with every peak gives."""
    rng = np.random.default_rng(0)
    start = rng.integers(10_000, 3_000_000, 40)
    genes = pd.DataFrame(
        {
            "chrom": rng.choice(["chr1", "chr2"], 40),
            "start": start,
            "end": start + rng.integers(1, 50_000, 40),
            "strand": rng.choice(["+", "-"], 40),
        },
        index=[f"g{i}" for i in range(40)],
    )
    low = rng.integers(0, 3_000_000, 300)
    names = [f"{c}:{a}-{a + 400}" for c, a in zip(rng.choice(["chr1", "chr2"], 300), low, strict=True)]
    data = {"rna": view(list(genes.index)), "atac": view(names)}
    expected = {}
    for gene, row in genes.iterrows():
        left, right = row.start - 2000 * (row.strand == "+"), row.end + 2000 * (row.strand == "-")
        for name, a in zip(names, low, strict=True):
            distance = max(left - (a + 400), a - right, 0)
            if name.split(":")[0] == row.chrom and distance <= 20_000:
                expected[gene, name] = (1 + distance / 1000) ** -0.75
    link = by_distance(data, "rna", "atac", genes=genes, window=20_000)
    found = dict(zip(zip(link.pairs["source"], link.pairs["target"], strict=True), link.pairs["weight"], strict=True))
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"window": -1}, "link: window, in base pairs, must be at least 0."),
        ({"decay": -0.5}, "link: decay."),
        ({"decay": float("nan")}, "link: decay."),
        ({"genes": GENES.assign(chrom="chr9")}, "genes: no chromosome in common with the peaks."),
        ({"genes": GENES.iloc[2:], "window": 10}, "genes: no chromosome in common with the peaks."),
        ({"genes": GENES.assign(start=9_000_000, end=9_000_100)}, "link rna -> atac: no peak is within 150,000 bases"),
        (
            {"genes": GENES.set_axis(["x", "y", "z"]).assign(gene_id="")},
            "link rna -> annotation: the annotation has none of",
        ),
    ],
)
def test_errors(data, change, said):
    assert lines_of_error(lambda: by_distance(data, "rna", "atac", **{"genes": GENES, **change}))[0].startswith(said)


def test_an_integration_by_distance():
    """On simulated chromatin, whose peaks name their genes too, both kinds of link find the cell types."""
    mdata = xt.datasets.simulate_teaseq(n_cells=800, n_genes=600, peaks=True, seed=1)
    views = {name: mdata[name] for name in ("rna", "atac")}
    link = by_distance(views, "rna", "atac", genes=xt.datasets.gene_table())
    model = xt.integrate(views, [link], modality={"atac": "atac"})
    label = {name: adata.obs["cell_type"].astype(str).to_numpy() for name, adata in views.items()}
    found = xt.metrics.nearest_labels(model.embed("rna"), label["rna"], model.embed("atac"))
    assert (found == label["atac"]).mean() > 0.75
