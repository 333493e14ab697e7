"""Settings out of their range or of the wrong kind, and public options of the library."""

import math
from dataclasses import fields
from typing import Literal, get_origin, get_type_hints

import numpy as np
import pandas as pd

import crosstie as xt
from bad_inputs.case import Case, Given, changed
from crosstie._errors import InputKeyError, InputTypeError, InputValueError
from crosstie.model.config import _RANGES

VALUE, TYPE, KEY = InputValueError, InputTypeError, InputKeyError
KINDS = get_type_hints(xt.Config)


def _set(name, value):
    return lambda g: xt.Config(**{name: value})


def _field_cases():
    """Yield three wrong values of every field of `Config`: out of range, of the wrong type, and not a number."""
    for field in fields(xt.Config):
        name, kind = field.name, KINDS[field.name]
        if get_origin(kind) is Literal:
            yield Case(
                "settings",
                f"{name} unknown",
                VALUE,
                (f"config: {name} is unknown", "'no such word'", "one of"),
                _set(name, "no such word"),
            )
            yield Case(
                "settings", f"{name} of a list", VALUE, (f"config: {name} is unknown", "['x']"), _set(name, ["x"])
            )
            continue
        low = _RANGES[name][0]
        wrong, nan = ((low - 1, 0.5), (math.nan, 0.5)) if name == "betas" else (low - 1, math.nan)
        whole = kind is int
        yield Case(
            "settings",
            f"{name} too small",
            VALUE,
            (f"config: {name} is out of its range", f"{low:g}"),
            _set(name, wrong if name == "betas" else int(wrong)),
        )
        yield Case(
            "settings", f"{name} not a number", TYPE if whole else VALUE, (f"config: {name} is", "nan"), _set(name, nan)
        )
        yield Case("settings", f"{name} of text", TYPE, (f"config: {name} is not", "'much'"), _set(name, "much"))


def _option(name, error, words, call):
    return Case("settings", name, error, words, call)


def _tl(verb, *views, **options):
    return lambda g: getattr(xt.tl, verb)(g.model, *(views or ("rna", "adt")), **options)


def _activity(**options):
    def call(g: Given):
        g.rna.var_names = [f"chr1:{10 * i}-{10 * i + 5}" for i in range(g.rna.n_vars)]
        g.rna.var["linked_gene"] = "CD4"
        return xt.data.gene_activity(g.rna, **options)

    return call


OPTIONS = [
    _option(
        "setting that there is not",
        KEY,
        ("config", "'n_latents'", "Did you mean 'n_latent'"),
        lambda g: xt.Config.from_json('{"n_latents": 3}'),
    ),
    _option("settings of a list", TYPE, ("not a JSON object", "list"), lambda g: xt.Config.from_json("[1]")),
    _option(
        "settings of no text", TYPE, ("config", "dict", "JSON text"), lambda g: xt.Config.from_json({"n_latent": 3})
    ),
    _option(
        "config that is a dictionary",
        TYPE,
        ("config", "dict", "xt.Config("),
        lambda g: g.integrate(config={"n_latent": 3}),
    ),
    _option(
        "no term to train on",
        VALUE,
        ("no term has a weight above 0",),
        lambda g: xt.Config(reconstruction=0, cycle=0, geometry=0, anchors=0, hold=0),
    ),
    _option(
        "closed form of features",
        VALUE,
        ("features='features' reads none", "encoder='mlp'"),
        lambda g: xt.Config(features="features"),
    ),
    _option("seed below 0", VALUE, ("seed", "-1", "at least 0"), lambda g: g.integrate(seed=-1)),
    _option("seed of text", TYPE, ("seed", "'lucky'", "whole number"), lambda g: g.integrate(seed="lucky")),
    _option(
        "device that there is not",
        VALUE,
        ("device", "'tpu9'"),
        lambda g: g.integrate(device="tpu9", config=xt.Config(training="full", n_steps=1)),
    ),
    _option(
        "neighbours below 1",
        VALUE,
        ("transfer_labels", "k=0", "at least 1"),
        _tl("transfer_labels", key="cell_type", k=0),
    ),
    _option("neighbours of a fraction", TYPE, ("impute", "2.5", "whole number"), _tl("impute", k=2.5)),
    _option("neighbours of text", TYPE, ("match_cells", "'3'", "whole number"), _tl("match_cells", k="3")),
    _option(
        "way of matching that there is not",
        VALUE,
        ("match_cells: how", "'best'", "one-to-one"),
        _tl("match_cells", how="best"),
    ),
    _option(
        "way of imputing that there is not",
        VALUE,
        ("impute: the method", "'magic'", "one of"),
        _tl("impute", method="magic"),
    ),
    _option("imputed into a csv file", VALUE, ("written as h5ad", "x.csv"), _tl("impute", out="x.csv")),
    _option(
        "imputed into a folder that is not there",
        VALUE,
        ("impute", "no folder"),
        lambda g: xt.tl.impute(g.model, "rna", "adt", out=g.folder / "none" / "x.h5ad"),
    ),
    _option("one view twice", VALUE, ("source and target are one view", "'rna'"), _tl("impute", "rna", "rna")),
    _option("unknown view to take from", KEY, ("view", "'gex'", "'rna', 'adt'"), _tl("match_cells", "gex", "adt")),
    _option("relations by chance alone", VALUE, ("relate", "n_permutations=0"), _tl("relate", n_permutations=0)),
    _option("relations in groups that there are not", KEY, ("'donors'",), _tl("relate", by="donors")),
    _option(
        "verdict from too few fits", VALUE, ("n_null", "1", "at least"), lambda g: xt.trust.diagnose(g.model, n_null=1)
    ),
    _option("verdict on no model", TYPE, ("diagnose", "dict"), lambda g: xt.trust.diagnose(g.views)),
    _option(
        "labels from no model",
        TYPE,
        ("transfer_labels", "dict", "Model"),
        lambda g: xt.tl.transfer_labels(g.views, "rna", "adt", key="cell_type"),
    ),
    _option(
        "length before a gene below 0",
        VALUE,
        ("upstream and downstream", "upstream=-1"),
        _activity(key="linked_gene", upstream=-1),
    ),
    _option("neither genes nor key", VALUE, ("exactly one of genes and key", "neither"), _activity()),
    _option("genes of no table", TYPE, ("genes", "list"), _activity(genes=["CD4"])),
    _option(
        "peaks without places",
        VALUE,
        ("no coordinates could be read", "'chr1:100-200'"),
        lambda g: xt.data.gene_activity(
            g.rna, pd.DataFrame({"chrom": ["chr1"], "start": [1], "end": [9]}, index=["A"])
        ),
    ),
    _option(
        "simulated panel that there is not",
        KEY,
        ("panel", "'mouse'"),
        lambda g: xt.datasets.simulate_citeseq(panel="mouse"),
    ),
    _option("simulated cells below 1", VALUE, ("n_cells", "-5"), lambda g: xt.datasets.simulate_citeseq(n_cells=-5)),
    _option("data set that there is not", KEY, ("'pbmc'",), lambda g: xt.datasets.fetch("pbmc")),
]

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
        ("written as HTML", "r.txt"),
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


def _without(n):
    return lambda a: a[:, n:].copy()


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
        ("used features are there", "Did you mean"),
        lambda g: g.model.embed(
            "rna", changed(g.rna, lambda a: setattr(a, "var_names", [n.capitalize() + "x" for n in a.var_names]))
        ),
    ),
    Case(
        "queries",
        "less than half of the features",
        KEY,
        ("used features are there", "missing is"),
        lambda g: g.model.embed("rna", g.rna[:, int(0.7 * g.rna.n_vars) :].copy()),
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

CASES = [*_field_cases(), *OPTIONS, *ARRAYS, *QUERIES]
