"""Public functions of arrays, and new cells that do not fit a model."""

import numpy as np
import pandas as pd

import crosstie as xt
from bad_inputs.case import Case, changed
from crosstie._errors import InputKeyError, InputTypeError, InputValueError

VALUE, TYPE, KEY = InputValueError, InputTypeError, InputKeyError
ARRAYS = [
    Case(
        "functions",
        "coordinates of one axis",
        VALUE,
        ("foscttm, x", "(3,)", "(n_cells, n_latent)"),
        lambda g: xt.metrics.foscttm([1, 2, 3], [1, 2, 3]),
    ),
    Case(
        "functions",
        "coordinates of text",
        TYPE,
        ("foscttm, x", "not numbers"),
        lambda g: xt.metrics.foscttm([["a"]], [["b"]]),
    ),
    Case(
        "functions",
        "coordinates in ragged rows",
        VALUE,
        ("foscttm, x", "rows of unequal length"),
        lambda g: xt.metrics.foscttm([[1], [1, 2]], [[1], [1]]),
    ),
    Case(
        "functions",
        "complex coordinates",
        TYPE,
        ("foscttm, x", "not numbers", "complex"),
        lambda g: xt.metrics.foscttm(np.eye(3) * 1j, np.eye(3)),
    ),
    Case(
        "functions",
        "coordinates not finite",
        VALUE,
        ("mixing, view 'a'", "NaN or infinity in 1 of 3 cells"),
        lambda g: xt.metrics.mixing({"a": np.diag([np.nan, 1, 1]), "b": np.eye(3)}),
    ),
    Case(
        "functions",
        "coordinates whose squares overflow",
        VALUE,
        ("latent coordinates are too large", "1e+200", "Divide all views by one number"),
        lambda g: xt.metrics.foscttm(np.eye(3) * 1e200, np.eye(3)),
    ),
    Case(
        "functions",
        "cells not paired",
        VALUE,
        ("paired by row", "x (3, 3), y (4, 4)"),
        lambda g: xt.metrics.foscttm(np.eye(3), np.eye(4)),
    ),
    Case(
        "functions",
        "coordinates of one view",
        VALUE,
        ("needs at least two views", "'a'"),
        lambda g: xt.metrics.evaluate({"a": np.eye(3)}),
    ),
    Case(
        "functions",
        "coordinates of no mapping",
        TYPE,
        ("mixing", "list", "mapping"),
        lambda g: xt.metrics.mixing([np.eye(3), np.eye(3)]),
    ),
    Case(
        "functions",
        "coordinates of two widths",
        VALUE,
        ("differ in width", "'a': 3, 'b': 4"),
        lambda g: xt.metrics.evaluate({"a": np.eye(3), "b": np.eye(4)}),
    ),
    Case(
        "functions",
        "labels of a view that there is not",
        KEY,
        ("evaluate, labels", "'c'"),
        lambda g: xt.metrics.evaluate({"a": np.eye(3), "b": np.eye(3)}, {"c": ["x"] * 3}),
    ),
    Case(
        "functions",
        "identity twice",
        VALUE,
        ("occur more than once", "'1'"),
        lambda g: xt.metrics.evaluate({"a": np.eye(3), "b": np.eye(3)}, pairs={"a": [1, 1, 2], "b": [1, 2, 3]}),
    ),
    Case(
        "functions",
        "matches of unequal length",
        VALUE,
        ("two ends of pairs", "source (2,), target (3,)"),
        lambda g: xt.metrics.matching_accuracy([0, 1], [0, 1, 2], list("abc"), list("abc")),
    ),
    Case(
        "functions",
        "matches beyond the cells",
        VALUE,
        ("names rows that true_source does not have", "0 to 9"),
        lambda g: xt.metrics.matching_accuracy([0, 9], [0, 1], list("abc"), list("abc")),
    ),
    Case(
        "functions",
        "matches of fractions",
        TYPE,
        ("matching_accuracy", "row numbers", "float64"),
        lambda g: xt.metrics.matching_accuracy([0.5], [0], list("abc"), list("abc")),
    ),
    Case(
        "functions",
        "cells drawn below 1",
        VALUE,
        ("max_cells must be at least 1", "0"),
        lambda g: xt.metrics.foscttm(np.eye(3), np.eye(3), max_cells=0),
    ),
    Case(
        "functions",
        "cells drawn of a fraction",
        TYPE,
        ("max_cells", "1.5", "whole number"),
        lambda g: xt.metrics.foscttm(np.eye(3), np.eye(3), max_cells=1.5),
    ),
    Case(
        "functions",
        "perplexity out of reach",
        VALUE,
        ("perplexity", "perplexity=30", "Lower the perplexity"),
        lambda g: xt.metrics.ilisi(np.eye(5), list("ababa")),
    ),
    Case(
        "functions",
        "neighbours of a score below 1",
        VALUE,
        ("number of neighbours must be at least 1", "k=0"),
        lambda g: xt.metrics.mixing({"a": np.eye(3), "b": np.eye(3)}, k=0),
    ),
    Case(
        "functions",
        "distance that there is not",
        VALUE,
        ("metric", "'cosine'", "'correlation'"),
        lambda g: xt.metrics.foscttm_one_sided(np.eye(3), np.eye(3), metric="cosine"),
    ),
    Case(
        "functions",
        "correlation of a constant",
        VALUE,
        ("correlation distance is undefined", 'Pass metric="euclidean"'),
        lambda g: xt.metrics.foscttm_one_sided(np.ones((3, 3)), np.eye(3)),
    ),
    Case(
        "functions",
        "anchors of unequal length",
        VALUE,
        ("anchors", "vectors of one length", "(2,)"),
        lambda g: xt.anchors.Anchors(np.arange(2), np.arange(3), np.ones(2)),
    ),
    Case(
        "functions",
        "anchors of two widths",
        VALUE,
        ("anchors", "3 and 4"),
        lambda g: xt.anchors.find(np.eye(3), np.eye(4)),
    ),
    Case(
        "functions",
        "anchors not finite",
        VALUE,
        ("anchors", "NaN"),
        lambda g: xt.anchors.find(np.full((20, 3), np.nan), np.ones((20, 3))),
    ),
    Case(
        "functions",
        "anchors among no neighbours",
        VALUE,
        ("anchors", "k=0"),
        lambda g: xt.anchors.find(np.eye(12), np.eye(12), k=0),
    ),
    Case(
        "functions",
        "new coordinates under a key of another run",
        VALUE,
        ("write", "other cells"),
        lambda g: g.model.write({"rna": g.rna[::-1].copy(), "adt": g.adt}),
    ),
    Case(
        "functions",
        "write into one view",
        KEY,
        ("write: view", "'adt'"),
        lambda g: g.model.write({"rna": g.rna, "other": g.adt}),
    ),
    Case(
        "functions",
        "plot of colours for no view",
        KEY,
        ("'gex'",),
        lambda g: xt.pl.embedding(g.model.latents, colour={"gex": ["a"]}),
    ),
    Case(
        "functions",
        "report into a text file",
        VALUE,
        ("must be an HTML file", "r.txt"),
        lambda g: xt.report.write(g.model, g.folder / "r.txt"),
    ),
    Case("functions", "report of no run", VALUE, ("none", "run"), lambda g: xt.report.write(g.folder / "none")),
    Case(
        "functions",
        "report of a table",
        TYPE,
        ("report", "DataFrame"),
        lambda g: xt.report.write(pd.DataFrame(), g.folder / "r.html"),
    ),
]


QUERIES = [
    Case(
        "queries",
        "other features",
        KEY,
        ("only 0 of the", "used features are there"),
        lambda g: g.model.embed(
            "rna", changed(g.rna, lambda a: setattr(a, "var_names", [f"q{i}" for i in range(a.n_vars)]))
        ),
    ),
    Case(
        "queries",
        "other organism",
        KEY,
        ("used features are there", "found: features such as", "expected"),
        lambda g: g.model.embed(
            "rna", changed(g.rna, lambda a: setattr(a, "var_names", [n.capitalize() + "x" for n in a.var_names]))
        ),
    ),
    Case(
        "queries",
        "features that tell too little",
        KEY,
        ("used features are there", "found: features such as", "expected"),
        lambda g: g.model.embed("rna", g.rna[:, -5:].copy()),
    ),
    Case("queries", "no cells", VALUE, ("no cells", "'rna'"), lambda g: g.model.embed("rna", g.rna[:0].copy())),
    Case("queries", "no cells to extend with", VALUE, ("no cells",), lambda g: g.model.extend(g.rna[:0].copy(), "rna")),
    Case("queries", "no AnnData", TYPE, ("not an AnnData", "ndarray"), lambda g: g.model.embed("rna", np.ones((3, 5)))),
    Case(
        "queries",
        "no AnnData to extend with",
        TYPE,
        ("not an AnnData", "DataFrame"),
        lambda g: g.model.extend(pd.DataFrame(), "rna"),
    ),
    Case("queries", "unknown view", KEY, ("unknown name 'gex'", "'rna', 'adt'"), lambda g: g.model.embed("gex")),
    Case("queries", "like an unknown view", KEY, ("unknown name 'gex'",), lambda g: g.model.extend(g.rna, "gex")),
    Case(
        "queries",
        "name that is taken",
        VALUE,
        ("there is a view 'adt' already", "another name"),
        lambda g: g.model.extend(g.rna, "rna", name="adt"),
    ),
    Case(
        "queries",
        "not a number among new cells",
        VALUE,
        ("'rna'", "not finite"),
        lambda g: g.model.embed("rna", changed(g.rna, lambda a: setattr(a, "X", np.full(a.shape, np.nan)))),
    ),
    Case(
        "queries",
        "negative among new cells",
        VALUE,
        ("negative values",),
        lambda g: g.model.embed("rna", changed(g.rna, lambda a: setattr(a, "X", -np.ones(a.shape)))),
    ),
    Case(
        "queries",
        "translation to an unknown view",
        KEY,
        ("unknown name 'atac'",),
        lambda g: g.model.translate("rna", "atac"),
    ),
    Case(
        "queries",
        "model that is not fitted",
        VALUE,
        ("not fitted", "model.fit()"),
        lambda g: xt.Model(g.views).embed("rna"),
    ),
    Case(
        "queries",
        "fitted without its data",
        VALUE,
        ("loaded from a file, without data", "xt.Model(data)"),
        lambda g: xt.Model.load(g.saved()).fit(),
    ),
    Case(
        "queries",
        "neighbours without the data",
        VALUE,
        ("loaded without data", 'method="regression"'),
        lambda g: xt.tl.impute(xt.Model.load(g.saved()), "rna", "adt"),
    ),
    Case(
        "queries",
        "data of another run",
        VALUE,
        ("other cells than the fitted one", "that the model was fitted on"),
        lambda g: xt.Model.load(g.saved()).with_data({"rna": g.rna[::-1].copy(), "adt": g.adt}),
    ),
]

CASES = [*ARRAYS, *QUERIES]
