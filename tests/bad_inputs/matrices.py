"""Matrices of the wrong numbers, shape or kind."""

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

import crosstie as xt
from bad_inputs.case import Case, Given, changed
from crosstie._errors import InputKeyError, InputTypeError, InputValueError
from crosstie.data import Recipe, View


def _one(value):
    def call(g: Given):
        x = g.rna.X.toarray() if sp.issparse(g.rna.X) else np.array(g.rna.X)
        x = x.astype(float)
        x[3, 5] = value
        return g.matrix(x)

    return call


def _broken(change):
    """Return a case's call: integrate with a sparse matrix whose index was damaged after it was made."""

    def call(g: Given):
        x = sp.csr_matrix(g.rna.X)
        g.rna.X = x
        change(g.rna.X)
        return g.integrate()

    return call


def _text(g: Given):
    g.rna.layers["text"] = np.full(g.rna.shape, "7")
    return g.integrate(slot={"rna": "layers/text"})


def _few_vary(g: Given):
    x = np.ones(g.rna.shape, np.float32)
    x[::2, :2] = 2
    return Recipe.fit(View.of("rna", ad.AnnData(x), modality="none"))


def _cube(g: Given):
    g.rna.obsm["cube"] = np.ones((g.rna.n_obs, 4, 2))
    return g.integrate(slot={"rna": "obsm/cube"})


def _backed_gone(g: Given):
    rna = ad.read_h5ad(g.files() / "rna.h5ad", backed="r")
    rna.file.close()
    rna.file._file = None
    (g.folder / "rna.h5ad").write_bytes(b"other")
    return g.integrate(rna)


def _table_of_text(g: Given):
    g.rna.obsm["clinic"] = pd.DataFrame({c: ["x"] * g.rna.n_obs for c in "abc"}, index=g.rna.obs_names)
    return g.integrate(slot={"rna": "obsm/clinic"})


def _error(name, error, words, call):
    return Case("matrices", name, error, words, call)


VALUE, TYPE, KEY = InputValueError, InputTypeError, InputKeyError
CASES = [
    _error("not a number", VALUE, ("view 'rna'", "1 NaN or infinite values", "Remove or fill them"), _one(np.nan)),
    _error("infinite", VALUE, ("not finite", "1 NaN or infinite values"), _one(np.inf)),
    _error("negative", VALUE, ("negative values", "values from -1", "layers/counts"), _one(-1)),
    _error("too large for 32 bits", VALUE, ("not finite", "more than 32 bits"), _one(1e300)),
    _error("so large that sums overflow", VALUE, ("too large", "1e+38"), _one(1e38)),
    _error(
        "whole numbers of 64 bits at their end",
        VALUE,
        ("too large", "9.22e+18"),
        lambda g: g.matrix(np.full(g.rna.shape, np.iinfo(np.int64).max) - np.eye(*g.rna.shape, dtype=np.int64)),
    ),
    _error("all zero", VALUE, ("all values are zero", "Point slot="), lambda g: g.matrix(np.zeros(g.rna.shape))),
    _error("all zero and sparse", VALUE, ("all values are zero",), lambda g: g.matrix(sp.csr_matrix(g.rna.shape))),
    _error("one cell", VALUE, ("too few cells", "1 cells", "at least 10"), lambda g: g.integrate(g.rna[:1].copy())),
    _error("no cells", VALUE, ("too few cells", "0 cells"), lambda g: g.integrate(g.rna[:0].copy())),
    _error(
        "one feature",
        VALUE,
        ("too few features", "1 features", "at least 3"),
        lambda g: g.integrate(g.rna[:, :1].copy()),
    ),
    _error("no features", VALUE, ("too few features", "0 features"), lambda g: g.integrate(g.rna[:, :0].copy())),
    _error(
        "features as rows",
        VALUE,
        ("no name occurs", "rna features look like: 'rna-0'"),
        lambda g: g.integrate(g.rna.T.copy(), modality={"rna": "rna", "adt": "rna"}),
    ),
    _error(
        "Python objects", TYPE, ("not numeric", "object"), lambda g: g.matrix(np.full(g.rna.shape, None, dtype=object))
    ),
    _error("text", TYPE, ("not numeric", "dtype <U1"), _text),
    _error(
        "complex",
        TYPE,
        ("not numeric", "complex64"),
        lambda g: g.matrix(sp.csr_matrix(g.rna.X).toarray() * np.complex64(1 + 1j)),
    ),
    _error(
        "complex and sparse",
        TYPE,
        ("not numeric", "complex64"),
        lambda g: g.matrix(sp.csr_matrix(g.rna.X).astype(np.complex64)),
    ),
    _error(
        "dates",
        TYPE,
        ("not numeric", "datetime64"),
        lambda g: (
            changed(g.rna, lambda a: a.layers.update(d=np.zeros(a.shape, "datetime64[s]")))
            and g.integrate(slot={"rna": "layers/d"})
        ),
    ),
    _error(
        "masked values",
        VALUE,
        ("masked", "filled"),
        lambda g: g.matrix(np.ma.masked_less(np.asarray(sp.csr_matrix(g.rna.X).toarray()), 1)),
    ),
    _error(
        "column number beyond the matrix",
        VALUE,
        ("sparse matrix is damaged", "column"),
        _broken(lambda x: x.indices.__setitem__(0, 10**6)),
    ),
    _error(
        "column number below 0",
        VALUE,
        ("sparse matrix is damaged", "column"),
        _broken(lambda x: x.indices.__setitem__(0, -1)),
    ),
    _error(
        "row pointers that fall",
        VALUE,
        ("sparse matrix is damaged", "row"),
        _broken(lambda x: x.indptr.__setitem__(1, 10**5)),
    ),
    _error("only two features vary", VALUE, ("fewer than three features vary", "found: 2"), _few_vary),
    _error(
        "every cell alike",
        VALUE,
        ("features vary",),
        lambda g: g.matrix(np.tile(np.arange(g.rna.n_vars, dtype=np.float32), (g.rna.n_obs, 1))),
    ),
    _error("array of three axes", VALUE, ("obsm/cube", "3 axes", "cells × features"), _cube),
    _error("table of text", TYPE, ("not numeric",), _table_of_text),
    _error(
        "no matrix",
        VALUE,
        ("X is empty", "layers/counts", "slot={'rna': 'layers/counts'}"),
        lambda g: (
            changed(g.rna, lambda a: a.layers.update(counts=a.X.copy()))
            and changed(g.rna, lambda a: setattr(a, "X", None))
            and g.integrate()
        ),
    ),
    _error(
        "slot that is not there",
        KEY,
        ("slot", "'layers/count'", "'X'"),
        lambda g: g.integrate(slot={"rna": "layers/count"}),
    ),
    _error("slot of another grammar", KEY, ("slot", "'counts'"), lambda g: g.integrate(slot="counts")),
    _error("slot that is no text", TYPE, ("slot", "3", "a mapping by view"), lambda g: g.integrate(slot=3)),
    _error(
        "file behind the matrix is gone",
        VALUE,
        ("view 'rna': the file that holds its matrix cannot be read", "Open it again"),
        _backed_gone,
    ),
    _error("no AnnData", TYPE, ("view 'rna' is not an AnnData", "ndarray"), lambda g: g.integrate(np.ones((20, 5)))),
    _error(
        "no views by name",
        TYPE,
        ("neither a MuData nor a mapping", "list", '{"rna": rna'),
        lambda g: xt.integrate([g.rna, g.adt]),
    ),
    _error(
        "one view",
        VALUE,
        ("nothing to integrate", "'rna'", "at least two views"),
        lambda g: xt.integrate({"rna": g.rna}),
    ),
    _error(
        "fractions among counts of new cells",
        VALUE,
        ("hold fractions", "whole numbers"),
        lambda g: g.model.embed("rna", changed(g.rna, lambda a: setattr(a, "X", a.X * 0.37))),
    ),
    _error(
        "modality that there is not",
        KEY,
        ("modality", "'rnaseq'", "Did you mean 'rna'"),
        lambda g: View.of("rna", g.rna, modality="rnaseq"),
    ),
]
