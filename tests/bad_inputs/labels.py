"""Labels and batches of cells, and graphs of views."""

import numpy as np
import pandas as pd

import crosstie as xt
from bad_inputs.case import Case, Given
from crosstie._errors import InputKeyError, InputTypeError, InputValueError
from crosstie.links import Link, Linkage

VALUE, TYPE, KEY = InputValueError, InputTypeError, InputKeyError
LINK = Link(
    "rna", "adt", pd.DataFrame({"source": ["a"], "target": ["b"], "column": [0], "weight": [1.0]}), pd.DataFrame()
)


def _transfer(labels=None, **options):
    """Return a case's call: transfer labels that a function of the number of cells makes."""
    return lambda g: xt.tl.transfer_labels(
        g.model, "rna", "adt", **({} if labels is None else {"labels": labels(g.rna.n_obs)}), **options
    )


def _batches(values):
    def call(g: Given):
        g.rna.obs["donor"] = values(g.rna.n_obs)
        return g.integrate(batch_key={"rna": "donor"})

    return call


def _labelled(name, error, words, call):
    return Case("labels", name, error, words, call)


def _graph(name, error, words, call):
    return Case("graphs", name, error, words, call)


def _odd(g: Given):
    odd = g.adt.copy()
    odd.var_names = [f"o{i}" for i in range(odd.n_vars)]
    return odd


LABELS = [
    _labelled(
        "no such column",
        KEY,
        ("column of model.obs['rna']", "'celltype'", "Did you mean 'cell_type'"),
        _transfer(key="celltype"),
    ),
    _labelled(
        "all missing",
        VALUE,
        ("no cell of 'rna' has a label", "Give another key"),
        _transfer(lambda n: np.full(n, np.nan)),
    ),
    _labelled("too few", VALUE, ("there must be one label per cell", "3 labels"), _transfer(lambda n: ["a", "b", "c"])),
    _labelled(
        "of other cells",
        VALUE,
        ("index of the labels must name every cell of 'rna' once", "Use NaN"),
        _transfer(lambda n: pd.Series("a", [f"other{i}" for i in range(n)])),
    ),
    _labelled(
        "neither key nor labels", VALUE, ("give either `key` or `labels`", "neither key nor labels"), _transfer()
    ),
    _labelled(
        "both key and labels",
        VALUE,
        ("give either `key` or `labels`", "both key and labels"),
        _transfer(lambda n: ["a"] * n, key="cell_type"),
    ),
    _labelled("no levels", VALUE, ("key is an empty list", "coarse to fine"), _transfer(key=[])),
    _labelled(
        "levels that do not nest",
        VALUE,
        ("levels do not nest", "from coarse to fine"),
        _transfer(key=["true_cell", "cell_type"]),
    ),
    _labelled("label without a parent", KEY, ("parents lack a label",), _transfer(key="cell_type", parents={})),
    _labelled("parents of no mapping", TYPE, ("parents", "list", "mapping"), _transfer(key="cell_type", parents=["T"])),
    _labelled(
        "lists in place of labels",
        TYPE,
        ("labels", "list", "text or numbers"),
        _transfer(lambda n: pd.Series([["a"]] * n, dtype=object).to_numpy()),
    ),
    _labelled(
        "confidence above 1",
        VALUE,
        ("`abstain_at` is out of range", "1.5", "in [0, 1]"),
        _transfer(key="cell_type", abstain_at=1.5),
    ),
    _labelled(
        "confidence not a number",
        VALUE,
        ("`abstain_at` is out of range", "nan"),
        _transfer(key="cell_type", abstain_at=float("nan")),
    ),
    _labelled("confidence of text", TYPE, ("abstain_at", "'high'"), _transfer(key="cell_type", abstain_at="high")),
    _labelled(
        "batch missing for a cell",
        VALUE,
        ("1 cells have no 'donor'", "Fill it"),
        _batches(lambda n: [None] + ["a"] * (n - 1)),
    ),
    _labelled(
        "no such batch column",
        KEY,
        ("batch_key, a column of obs", "'donors'"),
        lambda g: g.integrate(batch_key="donors"),
    ),
    _labelled("batch column of no text", TYPE, ("batch_key", "7", "column"), lambda g: g.integrate(batch_key=7)),
    _labelled(
        "one class for a silhouette",
        VALUE,
        ("silhouette", "1 classes"),
        lambda g: xt.metrics.silhouette(np.eye(5), ["a"] * 5),
    ),
    _labelled(
        "one batch for a mixing index",
        VALUE,
        ("nothing to mix", "one batch, 'a'"),
        lambda g: xt.metrics.ilisi(np.eye(5), ["a"] * 5),
    ),
    _labelled(
        "missing label in a score",
        VALUE,
        ("1 of 3 labels are missing", "fillna"),
        lambda g: xt.metrics.transfer_accuracy(["a", None, "b"], ["a", "a", "a"]),
    ),
    _labelled(
        "every label excluded",
        VALUE,
        ("no cell is left to score", "['a']"),
        lambda g: xt.metrics.ari(["a", "a"], ["a", "b"], exclude=["a"]),
    ),
]

GRAPHS = [
    _graph(
        "view that nothing links",
        VALUE,
        ("3 views are not connected", "rna, adt | odd", "Add a link between the parts"),
        lambda g: xt.integrate(g.views | {"odd": _odd(g)}, modality={"odd": "none"}),
    ),
    _graph(
        "two views that no rule links",
        VALUE,
        ("no two views could be linked", "no rule links rna and none"),
        lambda g: xt.links.suggest({"rna": g.rna, "odd": _odd(g)}, {"rna": "rna", "odd": "none"}),
    ),
    _graph(
        "modality of a view that there is not",
        KEY,
        ("modality", "'protein'"),
        lambda g: g.integrate(modality={"protein": "protein"}),
    ),
    _graph("linkage of no views", VALUE, ("no views",), lambda g: Linkage.of([], [])),
    _graph("linkage of one name twice", VALUE, ("'rna'", "twice"), lambda g: Linkage.of(["rna", "rna", "adt"], LINK)),
    _graph(
        "modality of no mapping", TYPE, ("modality", "'rna'", '{"rna": "rna"'), lambda g: g.integrate(modality="rna")
    ),
    _graph(
        "link_data of no mapping", TYPE, ("link_data", "AnnData", "mapping"), lambda g: g.integrate(link_data=g.rna)
    ),
]


CASES = [*LABELS, *GRAPHS]
