import pandas as pd
import pytest

from crosstie.links import Link, Linkage

from .small_views import lines_of_error

LINK = Link("adt", "rna", pd.DataFrame(columns=["source", "target", "column", "weight"]), pd.DataFrame())


def link(
    source: str = "adt",
    target: str = "rna",
    rows=(("CD3", "CD3D", 0, 0.5), ("CD3", "CD3E", 0, 0.5), ("CD4", "CD4", 1, 1.0)),
):
    return Link(
        source, target, pd.DataFrame(list(rows), columns=["source", "target", "column", "weight"]), pd.DataFrame()
    )


def test_linkage_finds_unconnected_views():
    assert Linkage.of(["rna", "adt"], link()).parts() == [["rna", "adt"]]
    with pytest.raises(ValueError, match=r"rna, adt \| atac"):
        Linkage.of(["rna", "atac", "adt"], link())
    with pytest.raises(KeyError, match="adt"):
        Linkage.of(["rna", "protein"], link())
    with pytest.raises(ValueError, match="no pairs"):
        Linkage.of(["rna", "adt"], link(rows=[]))


def test_parts_whatever_the_direction_of_the_links():
    edges = [("b", "a"), ("b", "c"), ("d", "c")]
    assert Linkage.of("dcba", [link(*edge) for edge in edges]).parts() == [["d", "c", "b", "a"]]


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        (
            lambda: Linkage.of(["rna", "adt"], LINK),
            [
                "link adt -> rna: it has no pairs of features.",
                "Remove the link, or give a table.",
            ],
        ),
        (
            lambda: Linkage.of(["rna", "adt"], []),
            [
                "links: the 2 views are not connected.",
                "found: unconnected parts rna | adt",
                "expected: every view reachable from every other through links",
                "Add a link between the parts: xt.links.by_name, by_table, by_var, paired, ...",
            ],
        ),
        (
            lambda: Linkage.of(["rna", "atac"], LINK),
            [
                "link adt -> rna: unknown name 'adt'.",
                "expected: one of 'rna', 'atac'",
            ],
        ),
    ],
)
def test_messages(call, lines):
    assert lines_of_error(call) == lines
