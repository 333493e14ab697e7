import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crosstie.links import by_name, by_table, by_table_and_var, by_var
from crosstie.links.suggest import suggest

GENES = ["CD3D", "CD3E", "CD4", "MS4A1", "PTPRC", "ACTB"]
PROTEINS = ["CD3", "CD4", "CD20", "CD45RA"]


def view(names, **var):
    return AnnData(var=pd.DataFrame(var, index=names))


@pytest.fixture
def data():
    return {"rna": view(GENES), "adt": view(PROTEINS), "rna2": view(GENES[::-1])}


def same(one, other):
    return one.edge == other.edge and one.pairs.equals(other.pairs)


def test_like_views_by_name_and_others_by_table(data):
    found = suggest(data, {"rna": "rna", "adt": "protein", "rna2": "rna"})
    expected = [by_table(data, "rna", "adt"), by_name(data, "rna", "rna2"), by_table(data, "adt", "rna2")]
    assert [link.edge for link in found] == [("rna", "adt"), ("rna", "rna2"), ("adt", "rna2")]
    assert all(same(a, b) for a, b in zip(found, expected, strict=True))


def test_columns_of_names_by_view(data):
    coded = data | {"rna2": view([f"G{i}" for i in range(6)], symbol=GENES[::-1])}
    kinds = {"rna": "rna", "adt": "protein", "rna2": "rna"}
    assert len(suggest(coded, kinds)) == 1
    found = suggest(coded, kinds, names={"rna2": "symbol"})
    assert [link.edge for link in found] == [("rna", "adt"), ("rna", "rna2"), ("adt", "rna2")]
    assert same(found[1], by_name(coded, "rna", "rna2", target_names="symbol"))
    assert same(found[2], by_table(coded, "adt", "rna2", target_names="symbol"))
    back = {name: coded[name] for name in ("rna2", "adt")}
    found = suggest(back, {name: kinds[name] for name in back}, names={"rna2": "symbol"})
    assert same(found[0], by_table(back, "rna2", "adt", source_names="symbol"))
    with pytest.raises(KeyError, match=r"column of rna2\.var: unknown name 'symbols'"):
        suggest(back, {name: kinds[name] for name in back}, names={"rna2": "symbols"})


@pytest.mark.parametrize("first", ["gene", "protein"])
def test_a_table_is_taken_instead_of_the_rule(data, first, caplog):
    data = {name: data[name] for name in ("rna", "adt")}
    table = pd.DataFrame({"gene": ["ACTB", "CD4"], "protein": ["CD3", "CD4"]})
    table = table[[first, *table.columns.drop(first)]]
    with caplog.at_level("INFO", "crosstie"):
        (link,) = suggest(data, {"rna": "rna", "adt": "protein"}, table=table)
    assert link.edge == ("rna", "adt")
    assert set(zip(link.pairs["source"], link.pairs["target"], strict=True)) == {("ACTB", "CD3"), ("CD4", "CD4")}
    assert caplog.text.count("antibodies linked") == 1  # the way that was not taken is not said
    assert ("the first column names features of adt" in caplog.text) == (first == "protein")


def test_a_table_with_columns_of_names(data):
    coded = {"adt": data["adt"], "rna": view([f"G{i}" for i in range(6)], symbol=GENES)}
    table = pd.DataFrame({"gene": ["ACTB"], "protein": ["CD3"]})
    (link,) = suggest(coded, {"adt": "protein", "rna": "rna"}, table=table, names={"rna": "symbol"})
    assert link.edge == ("adt", "rna")
    assert link.pairs[["source", "target"]].to_numpy().tolist() == [["CD3", "G5"]]


PEAKS = ["chr1:1-5", "chr1:7-9", "chr2:1-5", "chr3:4-8"]


@pytest.fixture
def chromatin(data):
    activity, cytof = view(["Cd4", "ACTB", "PTPRC", "MS4A1"]), view(["141Pr_CD3", "CD20(Nd142)Di", "HLADR_174Yb"])
    atac = view(PEAKS, linked_gene=["CD3D", "CD4/CD3E", "", "ACTB"])
    return data | {"atac": atac, "activity": activity, "atac2": view(PEAKS[1:]), "cytof": cytof}


@pytest.mark.parametrize(
    ("first", "second", "rule"),
    [
        (("atac", "atac"), ("rna", "rna"), lambda d: by_var(d, "atac", "rna")),
        (("atac", "atac"), ("activity", "activity"), lambda d: by_var(d, "atac", "activity")),
        (("activity", "activity"), ("rna", "rna"), lambda d: by_name(d, "activity", "rna")),
        (("atac", "atac"), ("atac2", "atac"), lambda d: by_name(d, "atac", "atac2")),
        (("adt", "protein"), ("atac", "atac"), lambda d: by_table_and_var(d, "adt", "atac")),
        (("cytof", "cytometry"), ("atac", "atac"), lambda d: by_table_and_var(d, "cytof", "atac")),
        (("cytof", "cytometry"), ("adt", "protein"), lambda d: by_name(d, "cytof", "adt")),
        (("cytof", "cytometry"), ("rna", "rna"), lambda d: by_table(d, "cytof", "rna")),
        (("adt", "protein"), ("activity", "activity"), lambda d: by_table(d, "adt", "activity")),
    ],
)
def test_the_rule_for_two_modalities_either_way(chromatin, first, second, rule):
    expected = rule(chromatin)
    (there,), (back,) = (suggest(chromatin, dict(pair)) for pair in ((first, second), (second, first)))
    assert same(there, expected)
    assert back.edge == expected.edge[::-1]

    def pairs(link):
        return set(zip(link.pairs["source"], link.pairs["target"], strict=True))

    assert pairs(back.reversed()) == pairs(expected) != set()


def test_five_modalities_at_once(chromatin, caplog):
    kinds = {"rna": "rna", "adt": "protein", "atac": "atac", "activity": "activity", "cytof": "cytometry"}
    with caplog.at_level("INFO", "crosstie"):
        found = suggest(chromatin, kinds)
    assert len(found) == 10
    assert "rna -> atac: linked by var, 4 columns." in caplog.text
    assert "adt -> atac: linked by table and var, 2 columns." in caplog.text


def test_columns_of_names_beside_peaks(chromatin):
    coded = chromatin | {"rna": view([f"G{i}" for i in range(6)], symbol=GENES)}
    (link,) = suggest(coded, {"rna": "rna", "atac": "atac"}, names={"rna": "symbol"})
    assert same(link.reversed(), by_var(coded, "atac", "rna", target_names="symbol"))


def test_peaks_that_name_no_gene(chromatin, caplog):
    with pytest.raises(
        ValueError, match=r'atac2\.var has no column \'linked_gene\'(.|\n)*gene_activity\(atac2, genes="'
    ):
        suggest(chromatin, {"rna": "rna", "atac2": "atac"})
    with pytest.raises(ValueError, match=r"adt – atac2: atac2\.var has no column"):
        suggest(chromatin, {"adt": "protein", "atac2": "atac"})
    with caplog.at_level("INFO", "crosstie"):
        found = suggest(chromatin, {"rna": "rna", "atac2": "atac", "adt": "protein"})
    assert [link.edge for link in found] == [("rna", "adt")]
    assert "not linked: rna – atac2: atac2.var has no column 'linked_gene'" in caplog.text


def test_what_cannot_be_linked(data):
    kinds = {"rna": "rna", "adt": "protein", "rna2": "rna"}
    with pytest.raises(ValueError, match=r"a table links two views\.\n  found: 'rna', 'adt', 'rna2'"):
        suggest(data, kinds, table=pd.DataFrame({"a": ["CD4"], "b": ["CD4"]}))
    two = {name: data[name] for name in ("rna", "adt")}
    with pytest.raises(ValueError, match="none of the table's 1 pairs occurs in both views"):
        suggest(two, {"rna": "rna", "adt": "protein"}, table=pd.DataFrame({"a": ["X"], "b": ["Y"]}))
    with pytest.raises(ValueError, match=r"no two views could be linked(.|\n)*no rule links rna and none"):
        suggest(two, {"rna": "rna", "adt": "none"})


def test_cells_of_one_name_in_two_views_are_hinted_at(caplog):
    caplog.set_level("INFO", logger="crosstie")
    cells = [f"AAAC-{i}" for i in range(10)]

    def named(own):
        return AnnData(
            np.ones((10, 2), np.float32), obs=pd.DataFrame(index=own), var=pd.DataFrame(index=["CD3E", "CD4"])
        )

    suggest({"rna": named(cells), "adt": named(cells[:6] + list("abcd"))}, {"rna": "rna", "adt": "protein"})
    assert "rna and adt have 6 cell names in common; they are treated as different cells" in caplog.text
    assert "xt.links.paired(data, 'rna', 'adt')" in caplog.text
    caplog.clear()
    suggest({"rna": named(cells), "adt": named(cells[:5] + list("abcde"))}, {"rna": "rna", "adt": "protein"})
    assert "in common" not in caplog.text


def test_modalities_are_guessed_where_not_given(data):
    given = suggest(data, {"rna": "rna", "adt": "protein", "rna2": "rna"})
    assert all(same(a, b) for a, b in zip(suggest(data), given, strict=True))


def test_columns_of_names_reach_every_rule(chromatin):
    coded = chromatin | {
        "rna": view([f"G{i}" for i in range(6)], symbol=GENES),
        "rna2": view([f"H{i}" for i in range(6)], symbol=GENES[::-1]),
        "adt": view(["p1", "p2", "p3", "p4"], antibody=PROTEINS),
    }
    names = {"rna": "symbol", "rna2": "symbol", "adt": "antibody"}
    (found,) = suggest(coded, {"rna": "rna", "rna2": "rna"}, names=names)
    assert same(found, by_name(coded, "rna", "rna2", source_names="symbol", target_names="symbol"))
    (found,) = suggest(coded, {"adt": "protein", "rna": "rna"}, names=names)
    assert same(found, by_table(coded, "adt", "rna", source_names="antibody", target_names="symbol"))
    (found,) = suggest(coded, {"adt": "protein", "atac": "atac"}, names=names)
    assert same(found, by_table_and_var(coded, "adt", "atac", source_names="antibody"))
