"""Odd inputs that are right after all: what is done with them is said, and the result is as it should be."""

import numpy as np
import pandas as pd
import scipy.sparse as sp

import crosstie as xt
from bad_inputs.case import Accepted, Given, changed


def _same(g: Given, x) -> bool:
    """Whether another form of the same matrix gives the same coordinates."""
    expected = g.integrate().latents["rna"]
    g.rna.X = x
    return np.allclose(g.integrate().latents["rna"], expected, atol=1e-4)


def _dense(g: Given) -> np.ndarray:
    return sp.csr_matrix(g.rna.X).toarray()


def _in_parts(g: Given) -> bool:
    """Whether a sparse matrix with two entries in one place counts their sum."""
    half = sp.coo_matrix(_dense(g) / 2)
    rows, columns = np.tile(half.row, 2), np.tile(half.col, 2)
    x = sp.csr_matrix(half.shape, dtype=np.float32)
    twice = sp.csr_matrix((np.tile(half.data, 2), (rows, columns)), shape=half.shape)
    order = np.lexsort((columns, rows))
    x.data, x.indices = np.tile(half.data, 2)[order].astype(np.float32), columns[order].astype(np.int32)
    x.indptr = (2 * np.diff(twice.indptr)).cumsum(dtype=np.int32)
    x.indptr = np.concatenate([[0], x.indptr]).astype(np.int32)
    return _same(g, x)


def _fits(model) -> bool:
    return all(np.isfinite(z).all() for z in model.latents.values())


def _versions(g: Given) -> bool:
    ids = [f"ENSG{i:011d}" for i in range(g.rna.n_vars)]
    other = g.rna.copy()
    g.rna.var_names, other.var_names = [f"{n}.12" for n in ids], [f"{n}.3" for n in ids]
    link = xt.links.by_name({"a": g.rna, "b": other}, "a", "b")
    return link.n_columns == g.rna.n_vars and list(link.pairs["target"]) == list(other.var_names)


def _repeated(g: Given) -> bool:
    names = list(g.rna.var_names)
    g.rna.var_names = [names[1], *names[1:]]
    model = g.integrate()
    return _fits(model) and model.recipes["rna"].features.is_unique


def _swapped(g: Given) -> bool:
    table = pd.DataFrame({"gene": ["CD4", "CD8A"], "protein": ["CD4", "CD8"]})
    link = xt.links.suggest(g.views, {"rna": "rna", "adt": "protein"}, table=table)[0]
    return link.edge == ("rna", "adt") and len(link.pairs) > 0


def _greek(g: Given) -> bool:
    return xt.links.lookup("TCRγδ") == xt.links.lookup("TCR gamma delta") is not None


def _missing_features(g: Given) -> bool:
    z = g.model.embed("rna", g.rna[:, : int(0.9 * g.rna.n_vars)].copy())
    return np.isfinite(z).all()


def _reordered(g: Given) -> bool:
    return np.allclose(g.model.embed("rna", g.rna[:, ::-1].copy()), g.model.embed("rna", g.rna), atol=1e-4)


def _one_cell(g: Given) -> bool:
    return g.model.embed("rna", g.rna[:1].copy()).shape == (1, g.model.n_latent)


def _one_class(g: Given) -> bool:
    labels = xt.tl.transfer_labels(g.model, "rna", "adt", labels=["T"] * g.rna.n_obs)
    return set(labels["label"]) == {"T"} and np.allclose(labels["confidence"], 1)


def _mixed_labels(g: Given) -> bool:
    n = g.rna.n_obs
    labels = xt.tl.transfer_labels(
        g.model, "rna", "adt", labels=pd.Series(["a", 1] * (n // 2), dtype=object).to_numpy()
    )
    return set(labels["label"]) <= {"a", 1}


def _copies(g: Given) -> bool:
    return _fits(xt.integrate({"rna": g.rna, "again": g.rna.copy()}, modality={"again": "rna"}))


def _extra_file(g: Given) -> bool:
    (g.saved() / ".DS_Store").write_bytes(b"x")
    return np.array_equal(xt.Model.load(g.folder / "model").latents["rna"], g.model.latents["rna"])


ACCEPTED = [
    Accepted("whole numbers of 64 bits", "", lambda g: _same(g, _dense(g).astype(np.int64))),
    Accepted("columns first in memory", "", lambda g: _same(g, np.asfortranarray(_dense(g)))),
    Accepted("sparse by column", "", lambda g: _same(g, sp.csc_matrix(_dense(g)))),
    Accepted("two entries in one place", "", _in_parts),
    Accepted("true and false", "", lambda g: _fits(g.matrix(_dense(g) > 1))),
    Accepted("fractions", "not counts", lambda g: _fits(g.matrix(_dense(g) * 1.37))),
    Accepted("logarithms", "taken as log-normalised", lambda g: _fits(g.matrix(np.log1p(_dense(g))))),
    Accepted(
        "negative intensities",
        "taken as transformed",
        lambda g: _fits(
            xt.integrate(
                {
                    "rna": g.rna,
                    "adt": changed(g.adt, lambda a: setattr(a, "X", np.arcsinh(sp.csr_matrix(a.X).toarray() - 1.0))),
                },
                modality={"adt": "cytometry"},
            )
        ),
    ),
    Accepted("a cell without counts", "", lambda g: _fits(g.matrix(_dense(g) * (np.arange(g.rna.n_obs) > 0)[:, None]))),
    Accepted("a feature that is never seen", "", lambda g: _fits(g.matrix(_dense(g) * (np.arange(g.rna.n_vars) > 0)))),
    Accepted("a feature twice", "occur more than once", _repeated),
    Accepted("versions of Ensembl identifiers", "", _versions),
    Accepted("Greek letters", "", _greek),
    Accepted("table with its columns swapped", "", _swapped),
    Accepted("new cells that lack some features", "used features of rna are missing", _missing_features),
    Accepted("new cells with features in another order", "", _reordered),
    Accepted("one new cell", "", _one_cell),
    Accepted("one class of labels", "", _one_class),
    Accepted("labels of text and numbers", "", _mixed_labels),
    Accepted("the same cells twice", "hold the same matrix", _copies),
    Accepted("a file more in a saved model", "", _extra_file),
]
