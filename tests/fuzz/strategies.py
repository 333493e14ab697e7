"""What Hypothesis draws: matrices of every kind and fault, names, views, tables of links, and how many examples."""

from __future__ import annotations

import os

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

N_EXAMPLES = int(os.environ.get("CROSSTIE_FUZZ_EXAMPLES", "500"))  # of all properties together

GENES = ["CD3E", "CD4", "CD8A", "MS4A1", "CD19", "NCAM1", "ITGAX", "CD14", "FCGR3A", "PTPRC", "IL7R", "SELL", "CCR7",
         "ACTB", "GAPDH", "MALAT1", "Cd4", "MARCH1", "1-Mar", "ENSG00000010610.7"]  # fmt: skip
PROTEINS = ["CD3", "CD4", "CD8a", "CD20", "CD19", "CD56", "CD11c", "CD14", "CD16", "CD45RA", "CD127", "CD62L", "CCR7",
            "IgG1", "HTO1", "сd4", "CD4.1", "TCRαβ"]  # fmt: skip
FORMATS = {
    "dense": np.asarray,
    "fortran": np.asfortranarray,
    "csr": sp.csr_matrix,
    "csc": sp.csc_matrix,
    "csr_array": sp.csr_array,
    "csc_array": sp.csc_array,
}
DTYPES = ["float32", "float64", "int32", "int64", "uint16", "uint64", "bool", "int8", "float16", "complex64", "object"]
N_REAL = 7  # of them can hold the counts that are drawn
HARMLESS = ["none", "fractions", "zero cell", "zero feature", "constant feature", "log", "tiny"]
FAULTS = [*HARMLESS, "nan", "inf", "negative", "all zero", "all one", "huge", "copies", "one cell"]


def share_of(share: float) -> settings:
    """Return Hypothesis settings for a property that gets a share of all examples; few of them are always the same."""
    return settings(
        max_examples=max(1, round(share * N_EXAMPLES)),
        deadline=None,
        derandomize=N_EXAMPLES <= 1000,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


@st.composite
def matrices(draw: st.DrawFn, n_cells: int, n_features: int, *, usable: bool) -> object:
    """Draw counts, spoil them, and give them a type and a format; not every combination is `usable`."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.poisson(rng.gamma(1, draw(st.sampled_from([0.05, 1, 20])), n_features), (n_cells, n_features)).astype(float)
    x = _spoiled(x, draw(st.sampled_from(HARMLESS if usable else FAULTS)), rng)
    dtype = draw(st.sampled_from(DTYPES[:N_REAL] if usable else DTYPES))
    how = draw(st.sampled_from(list(FORMATS)))
    with np.errstate(all="ignore"):
        x = x.astype(dtype)
    return FORMATS["dense" if dtype in ("object", "float16") else how](x)


def _spoiled(x: np.ndarray, fault: str, rng: np.random.Generator) -> np.ndarray:
    if not x.size:
        return x
    i, j = rng.integers(x.shape[0]), rng.integers(x.shape[1])
    match fault:
        case "nan" | "inf" | "negative" | "huge" | "tiny":
            x[i, j] = {"nan": np.nan, "inf": np.inf, "negative": -1.0, "huge": 1e300, "tiny": 1e-300}[fault]
        case "fractions":
            x *= 1.37
        case "log":
            x = np.log1p(x)
        case "zero cell":
            x[i] = 0
        case "zero feature":
            x[:, j] = 0
        case "constant feature":
            x[:, j] = 3
        case "all zero" | "all one":
            x[:] = float(fault == "all one")
        case "copies":
            x[:] = x[i]
        case "one cell":
            x[1:] = 0
    return x


def names_of(pool: list[str], n: int) -> st.SearchStrategy[list[str]]:
    """Draw feature names: known ones, any text, and now and then the same twice."""
    known = st.permutations(pool).map(lambda names: (list(names) + [f"x{i}" for i in range(n)])[:n])
    return known | known | st.lists(st.sampled_from(pool) | st.text(max_size=8), min_size=n, max_size=n)


@st.composite
def views(draw: st.DrawFn, pool: list[str]) -> ad.AnnData:
    """Draw one view: three of four such as can be integrated, the others of any size, with any fault."""
    usable = draw(st.integers(0, 3)) < 3
    n_cells = draw(st.integers(10, 30) if usable else st.integers(0, 12))
    n_features = draw(st.integers(4, len(pool)) if usable else st.integers(0, 6))
    x = draw(matrices(n_cells, n_features, usable=usable))
    features = draw(names_of(pool, n_features))
    cells = [f"c{i}" for i in range(n_cells)]
    if draw(st.booleans()) and n_cells > 1:
        cells[1] = cells[0]
    obs = pd.DataFrame({"batch": draw(columns_of(n_cells))}, index=pd.Index(cells, dtype=object))
    return ad.AnnData(x, obs=obs, var=pd.DataFrame(index=pd.Index(features, dtype=object)))


def columns_of(n: int) -> st.SearchStrategy[pd.Series]:
    """Draw a column of labels: text, numbers, categories, missing values."""
    values = st.sampled_from(["a", "b", "B cell", ""]) | st.none() | st.integers(0, 2) | st.just(float("nan"))
    mixed = st.lists(values, min_size=n, max_size=n).map(lambda x: pd.Series(x, dtype=object).to_numpy())
    plain = st.lists(st.sampled_from(["a", "b"]), min_size=n, max_size=n)
    return plain | plain.map(pd.Categorical) | mixed


@st.composite
def link_tables(draw: st.DrawFn) -> pd.DataFrame:
    """Draw a table of pairs, right or not."""
    n = draw(st.integers(0, 8))
    name = (
        st.sampled_from(GENES + PROTEINS) | st.text(max_size=6) | st.none() | st.integers() | st.just("CD4/CD8A;CD19")
    )
    frame = pd.DataFrame({"protein": draw(st.lists(name, min_size=n, max_size=n)),
                          "gene": draw(st.lists(name, min_size=n, max_size=n))}, dtype=object)  # fmt: skip
    weight = st.floats(0.1, 9) | st.floats(allow_nan=True) | st.sampled_from([0, -1, "1", "x", None])
    match draw(st.sampled_from(["two", "weight", "third", "one", "four"])):
        case "weight" | "four" as kind:
            frame["note" if kind == "four" else "weight"] = draw(st.lists(weight, min_size=n, max_size=n))
            frame["more"] = 1
        case "third":
            frame["strength"] = draw(st.lists(weight, min_size=n, max_size=n))
        case "one":
            frame = frame[["protein"]]
    return frame


def coordinates(n_columns: int = 3) -> st.SearchStrategy[np.ndarray]:
    """Draw coordinates: normal, on a grid (many ties), or with a value that is not finite."""

    def made(args: tuple[int, int, str]) -> np.ndarray:
        n, seed, kind = args
        z = np.random.default_rng(seed).standard_normal((n, n_columns))
        if kind == "grid":
            return np.round(z)
        if kind == "point":
            return np.zeros_like(z)
        if kind == "bad" and n:
            z[0, 0] = np.nan
        return z * (1e200 if kind == "huge" else 1)

    kinds = st.sampled_from(["normal", "normal", "grid", "point", "bad", "huge"])
    return st.tuples(st.integers(0, 30), st.integers(0, 99), kinds).map(made)
