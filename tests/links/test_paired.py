import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crosstie.links import Link, Linkage, Paired, paired

from .small_views import lines_of_error, logged, with_cells

NO_REPORT = pd.DataFrame(columns=["feature", "status", "entry", "targets", "reason"])


def view(cells):
    return AnnData(np.ones((len(cells), 3), np.float32), obs=pd.DataFrame(index=list(cells)))


def data(rna="abcd", atac="xcbz"):
    return {"rna": view(rna), "atac": view(atac)}


def test_cells_of_one_name_are_paired_and_counted(caplog):
    caplog.set_level("INFO", logger="crosstie")
    link = paired(data(), "rna", "atac")
    assert link.cells.values.tolist() == [["b", "b"], ["c", "c"]]
    assert link.edge == ("rna", "atac")
    assert "rna -> atac: 2 shared cells (of 4 and 4)" in caplog.text
    rows = link.rows(pd.Index(list("abcd")), pd.Index(list("xcbz")))
    np.testing.assert_array_equal(rows, [[1, 2], [2, 1]])


@pytest.mark.parametrize("kind", ["table", "series"])
def test_cells_may_be_named(kind):
    table = pd.DataFrame({"source": ["a", "d"], "target": ["x", "z"]})
    cells = table if kind == "table" else table.set_index("source")["target"]
    link = paired(data(), "rna", "atac", cells=cells)
    np.testing.assert_array_equal(link.rows(pd.Index(list("abcd")), pd.Index(list("xcbz"))), [[0, 3], [0, 3]])
    back = link.reversed()
    assert back.edge == ("atac", "rna")
    np.testing.assert_array_equal(back.rows(pd.Index(list("xcbz")), pd.Index(list("abcd"))), [[0, 3], [0, 3]])


def test_bad_pairs_are_refused():
    with pytest.raises(ValueError, match=r"no cell is shared(.|\n)*rna: 'a', 'b'(.|\n)*Give the pairs"):
        paired(data(atac="wxyz"), "rna", "atac")
    with pytest.raises(KeyError, match="paired: view: unknown name 'adt'"):
        paired(data(), "rna", "adt")
    with pytest.raises(KeyError, match=r"view 'atac' lacks 1 of 2 cells, the first: unknown name 'q'"):
        paired(data(), "rna", "atac", cells=pd.DataFrame({"source": ["a", "b"], "target": ["x", "q"]}))
    with pytest.raises(ValueError, match=r"at most one partner(.|\n)*of atac, 0 missing names and 1 that occur more"):
        paired(data(), "rna", "atac", cells=pd.DataFrame({"source": ["a", "b"], "target": ["x", "x"]}))
    with pytest.raises(ValueError, match=r"lacks columns(.|\n)*expected: source, target"):
        paired(data(), "rna", "atac", cells=pd.DataFrame({"rna": ["a"], "atac": ["x"]}))
    with pytest.raises(ValueError, match="linked to itself"):
        paired(data(), "rna", "rna")


@pytest.mark.filterwarnings("ignore:Observation names are not unique")
def test_a_name_that_two_cells_of_a_view_bear_is_refused_only_where_it_is_needed():
    twice = {"rna": view("aabc"), "atac": view("abcd")}
    with pytest.raises(ValueError, match=r"cell names of 'rna' occur more than once(.|\n)*obs_names_make_unique"):
        paired(twice, "rna", "atac")
    link = paired(twice, "rna", "atac", cells=pd.Series({"b": "b", "c": "d"}))
    np.testing.assert_array_equal(link.rows(pd.Index(list("aabc")), pd.Index(list("abcd"))), [[2, 3], [1, 3]])


def test_shared_cells_connect_views_beside_features():
    cells = pd.DataFrame({"source": ["a"], "target": ["a"]})
    pairs = pd.DataFrame([("g", "g", 0, 1.0)], columns=["source", "target", "column", "weight"])
    features, bridge = Link("rna", "adt", pairs, NO_REPORT), Paired("atac", "rna", cells)
    graph = Linkage.of(["rna", "adt", "atac"], [features, bridge])
    assert graph.links == (features,)
    assert graph.paired == (bridge,)
    assert graph.edges == [("rna", "adt"), ("atac", "rna")]
    assert Linkage.of(["rna", "atac"], bridge).edges == [("atac", "rna")]
    again = Paired("adt", "rna", cells)
    assert Linkage.of(["rna", "adt"], [features, again]).edges == [("rna", "adt")]
    with pytest.raises(ValueError, match=r"rna, adt \| atac"):
        Linkage.of(["rna", "adt", "atac"], [features, again])
    with pytest.raises(KeyError, match="unknown name 'atac'"):
        Linkage.of(["rna", "adt"], [features, bridge])


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        (
            lambda: paired(with_cells("ab", "cd"), "rna", "adt"),
            [
                "paired link rna -> adt: no cell is shared.",
                "found: rna: 'a', 'b'; adt: 'c', 'd'",
                "expected: cells with the same name in both views",
                "Give the pairs: cells=DataFrame with columns source and target.",
            ],
        ),
        (
            lambda: paired(with_cells("ab", "ab"), "rna", "adt").rows(pd.Index(list("aab")), pd.Index(list("ab"))),
            [
                "paired link rna -> adt: cell names of 'rna' occur more than once.",
                "found: 'a'",
                "Make them unique: adata.obs_names_make_unique().",
            ],
        ),
    ],
)
def test_messages(call, lines):
    assert lines_of_error(call) == lines


def test_log(caplog):
    said = logged(caplog, lambda: paired(with_cells("abc", "bcd"), "rna", "adt"))
    assert said == ["rna -> adt: 2 shared cells (of 3 and 3)."]
