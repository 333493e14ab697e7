"""Settings out of their range or of the wrong kind, and public options of the library."""

import math
from dataclasses import fields
from typing import Literal, get_origin, get_type_hints

import pandas as pd

import crosstie as xt
from bad_inputs.case import Case, Given
from crosstie._errors import InputKeyError, InputTypeError, InputValueError
from crosstie.config import RANGES

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
        low = RANGES[name][0]
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
        ("features='features' does not use", "encoder='mlp'"),
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
    _option("imputed into a csv file", VALUE, ("must be an h5ad file", "x.csv"), _tl("impute", out="x.csv")),
    _option(
        "imputed into a folder that is not there",
        VALUE,
        ("impute", "no folder"),
        lambda g: xt.tl.impute(g.model, "rna", "adt", out=g.folder / "none" / "x.h5ad"),
    ),
    _option("one view twice", VALUE, ("source and target are the same view", "'rna'"), _tl("impute", "rna", "rna")),
    _option("unknown view to take from", KEY, ("view", "'gex'", "'rna', 'adt'"), _tl("match_cells", "gex", "adt")),
    _option("relations by chance alone", VALUE, ("relate", "n_permutations=0"), _tl("relate", n_permutations=0)),
    _option("relations in groups that there are not", KEY, ("'donors'",), _tl("relate", by="donors")),
    _option(
        "verdict from no fits",
        VALUE,
        ("n_stability", "0", "at least"),
        lambda g: xt.trust.diagnose(g.model, n_stability=0),
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
        ("no coordinates found in .var", "'chr1:100-200'"),
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

CASES = [*_field_cases(), *OPTIONS]
