"""Names of features and cells, and links between views."""

import numpy as np
import pandas as pd

import crosstie as xt
from bad_inputs.case import Case, Given
from crosstie._errors import InputKeyError, InputTypeError, InputValueError
from crosstie.links import Link, by_name, by_table, by_var, paired

VALUE, TYPE, KEY = InputValueError, InputTypeError, InputKeyError
PAIRS = pd.DataFrame({"source": ["CD3E"], "target": ["CD3"], "column": [0], "weight": [1.0]})


def _renamed(names, view="rna"):
    """Return a case's call: integrate after the features of a view were renamed by a function of name and number."""

    def call(g: Given):
        adata = g.views[view]
        adata.var_names = [names(name, i) for i, name in enumerate(adata.var_names)]
        return g.integrate()

    return call


def _cells(change):
    def call(g: Given):
        g.rna.obs_names = change([f"cell{i}" for i in range(g.rna.n_obs)])
        g.adt.obs_names = [f"cell{i}" for i in range(g.adt.n_obs)]
        return paired(g.views, "rna", "adt")

    return call


def _table(**columns):
    """Return a case's call: link by a table of these columns."""
    return lambda g: by_table(g.views, "adt", "rna", pd.DataFrame(columns))


def _weights(*weights):
    return _table(protein=["CD3", "CD4"], gene=["CD3E", "CD4"], weight=list(weights))


def _link(source="rna", target="adt", **columns):
    return Link(source, target, PAIRS.assign(**columns), pd.DataFrame())


def _paired_by(source, target):
    return lambda g: paired(g.views, "rna", "adt", cells=pd.DataFrame({"source": source, "target": target}))


def _named_genes(values):
    def call(g: Given):
        g.rna.var["linked_gene"] = values
        return by_var(g.views, "rna", "adt")

    return call


def _named(name, error, words, call):
    return Case("names", name, error, words, call)


def _linked(name, error, words, call):
    return Case("links", name, error, words, call)


NAMES = [
    _named(
        "features of another organism's numbering",
        VALUE,
        ("none of the table's", "adt features look like: 'p0'"),
        _renamed(lambda _, i: f"p{i}", "adt"),
    ),
    _named(
        "empty names", VALUE, ("none of the table's", "rna features look like"), _renamed(lambda _, i: "" if i else " ")
    ),
    _named(
        "letters of another alphabet that look alike",
        VALUE,
        ("none of the table's", "CYRILLIC", "only looks Latin"),
        _renamed(lambda n, _: n.translate(str.maketrans("ABCEHIKMOPST", "АВСЕНІКМОРЅТ")) + "Ж"),
    ),
    _named(
        "genes that became dates",
        VALUE,
        ("no name occurs in both", "dates", "spreadsheet", "'1-Mar'"),
        lambda g: (
            setattr(
                g.rna,
                "var_names",
                [f"{i % 28 + 1}-{('Mar', 'Sep')[i % 2]}" if i < 50 else f"g{i}" for i in range(g.rna.n_vars)],
            ),
            setattr(g.adt, "var_names", [f"MARCHF{i}" for i in range(g.adt.n_vars)]),
            by_name(g.views, "rna", "adt"),
        ),
    ),
    _named(
        "cells twice in a paired link",
        VALUE,
        ("occur more than once", "'cell1'", "obs_names_make_unique"),
        _cells(lambda n: [n[1], *n[1:]]),
    ),
    _named(
        "no cell in common",
        VALUE,
        ("no cell is shared", "rna: 'cell0-1'", "cells="),
        _cells(lambda n: [f"{x}-1" for x in n]),
    ),
    _named("view without a name", VALUE, ("view name ''", "a name"), lambda g: xt.integrate({"": g.rna, "adt": g.adt})),
    _named("view named by a number", TYPE, ("name", "1", "text"), lambda g: xt.integrate({1: g.rna, "adt": g.adt})),
    _named(
        "column of names that is not there",
        KEY,
        ("column of rna.var", "'symbol'"),
        lambda g: by_table(g.views, "adt", "rna", target_names="symbol"),
    ),
    _named(
        "only controls in the panel",
        VALUE,
        ("none of the table's", "'IgG1_0'"),
        _renamed(lambda _, i: f"IgG1_{i}", "adt"),
    ),
]

LINKS = [
    _linked(
        "no link at all", VALUE, ("not connected", "rna | adt", "xt.links.by_name"), lambda g: g.integrate(links=[])
    ),
    _linked(
        "link without pairs",
        VALUE,
        ("has no pairs", "give a table"),
        lambda g: g.integrate(links=Link("rna", "adt", PAIRS[:0], pd.DataFrame())),
    ),
    _linked(
        "view linked to itself", VALUE, ("linked to itself", "rna -> rna", "two views"), lambda g: _link("rna", "rna")
    ),
    _linked(
        "view paired with itself", VALUE, ("linked to itself", "paired link"), lambda g: paired(g.views, "rna", "rna")
    ),
    _linked(
        "view linked to itself by name",
        VALUE,
        ("linked to itself", "adt -> adt"),
        lambda g: by_name(g.views, "adt", "adt"),
    ),
    _linked("unknown view", KEY, ("unknown name 'atac'", "'rna', 'adt'"), lambda g: by_table(g.views, "atac", "rna")),
    _linked(
        "link to a view that there is not",
        KEY,
        ("link rna -> atac", "'atac'"),
        lambda g: g.integrate(links=_link("rna", "atac")),
    ),
    _linked(
        "unknown feature",
        KEY,
        ("view 'rna' lacks 1 of its 1 features", "'nogene'"),
        lambda g: g.integrate(links=Link("rna", "adt", PAIRS.assign(source="nogene"), pd.DataFrame())),
    ),
    _linked(
        "pairs without a column",
        VALUE,
        ("lacks columns", "missing ['weight']", "source, target, column, weight"),
        lambda g: Link("rna", "adt", PAIRS.drop(columns="weight"), pd.DataFrame()),
    ),
    _linked(
        "pairs of no table",
        TYPE,
        ("pairs", "list", "DataFrame"),
        lambda g: Link("rna", "adt", [("CD3E", "CD3")], pd.DataFrame()),
    ),
    _linked(
        "weight of text in a link",
        VALUE,
        ("weights must be finite and not 0", "'heavy'"),
        lambda g: Link("rna", "adt", PAIRS.assign(weight="heavy"), pd.DataFrame()),
    ),
    _linked(
        "weight of 0 in a link",
        VALUE,
        ("weights must be finite and not 0", "0.0"),
        lambda g: Link("rna", "adt", PAIRS.assign(weight=0.0), pd.DataFrame()),
    ),
    _linked(
        "weight of 0 in a table",
        VALUE,
        ("1 of the 2 weights", "0.0 in row 2", "Remove the rows"),
        _weights(1.0, 0.0),
    ),
    _linked("weight missing in a table", VALUE, ("1 of the 2 weights", "nan in row 1"), _weights(np.nan, 1.0)),
    _linked("weight of text in a table", VALUE, ("2 of the 2 weights", "'much' in row 1"), _weights("much", "more")),
    _linked("infinite weight in a table", VALUE, ("1 of the 2 weights", "inf in row 2"), _weights(1.0, np.inf)),
    _linked("one column", VALUE, ("fewer than two columns", "columns 'protein'"), _table(protein=["CD3"])),
    _linked("no rows", VALUE, ("the table is empty", "0 rows", "one row per pair"), _table(protein=[], gene=[])),
    _linked(
        "rows without names",
        VALUE,
        ("the table is empty", "2 rows, none of them with two names"),
        _table(protein=[None, "CD3"], gene=["CD3E", None]),
    ),
    _linked(
        "pairs that no view has",
        VALUE,
        ("none of the table's 1 pairs", "adt features look like"),
        _table(protein=["Q"], gene=["R"]),
    ),
    _linked(
        "table that is a list",
        TYPE,
        ("by_table: `table`", "list", "DataFrame or the path"),
        lambda g: by_table(g.views, "adt", "rna", [("CD3", "CD3E")]),
    ),
    _linked(
        "what becomes of isoforms",
        VALUE,
        ("isoforms", "'lose'", "'keep' or 'drop'"),
        lambda g: by_table(g.views, "adt", "rna", isoforms="lose"),
    ),
    _linked(
        "column that names no gene",
        VALUE,
        ("names no feature of adt", "Pass target_names"),
        _named_genes("nothing at all"),
    ),
    _linked(
        "no column of genes",
        KEY,
        ("column of rna.var", "'linked_gene'", "gene_activity"),
        lambda g: by_var(g.views, "rna", "adt"),
    ),
    _linked(
        "paired table without columns",
        VALUE,
        ("lacks columns", "'a'", "source, target"),
        lambda g: paired(g.views, "rna", "adt", cells=pd.DataFrame({"a": ["x"]})),
    ),
    _linked(
        "paired table that is a list",
        TYPE,
        ("paired: `cells`", "list", "DataFrame"),
        lambda g: paired(g.views, "rna", "adt", cells=[("a", "b")]),
    ),
    _linked(
        "paired with a cell that is not there",
        KEY,
        ("lacks 1 of 1 cells", "'nobody'"),
        lambda g: _paired_by(["nobody"], [g.adt.obs_names[0]])(g),
    ),
    _linked(
        "cell with two partners",
        VALUE,
        ("at most one partner", "occur more than once"),
        lambda g: _paired_by([g.rna.obs_names[0]] * 2, list(g.adt.obs_names[:2]))(g),
    ),
    _linked(
        "shared cell without a name", VALUE, ("1 missing names",), lambda g: _paired_by([None], [g.adt.obs_names[0]])(g)
    ),
    _linked(
        "a path where links are wanted",
        TYPE,
        ("links", "str", "xt.links.by_table"),
        lambda g: g.integrate(links="links.csv"),
    ),
    _linked(
        "tables where links are wanted",
        TYPE,
        ("links", "DataFrame", "xt.links.by_table"),
        lambda g: g.integrate(links=[PAIRS]),
    ),
    _linked(
        "table for three views",
        VALUE,
        ("a table links two views", "one by one"),
        lambda g: xt.links.suggest(g.views | {"rna2": g.rna}, table=PAIRS),
    ),
    _linked(
        "cells of link_data in another order",
        VALUE,
        ("link_data of 'rna'", "Reorder it"),
        lambda g: g.integrate(link_data={"rna": g.rna[::-1].copy()}),
    ),
    _linked(
        "learned links of a correlation above 1",
        VALUE,
        ("by_cca", "min_correlation=2"),
        lambda g: xt.links.by_cca(g.model, "rna", "adt", min_correlation=2),
    ),
]

CASES = [*NAMES, *LINKS]
