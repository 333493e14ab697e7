"""The mistakes that the FAQ explains, made on purpose: each function returns the message."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from typer.testing import CliRunner

import crosstie as xt
from crosstie.cli import app
from made_files import formats

MISTAKES: list[Callable[[dict[str, AnnData], Path], str]] = []


def mistake(function: Callable[[dict[str, AnnData], Path], str]) -> Callable[[dict[str, AnnData], Path], str]:
    """Put a mistake on the list."""
    MISTAKES.append(function)
    return function


def message(make: Callable[[], object]) -> str:
    """Return the message of the error that a call raises."""
    try:
        make()
    except (KeyError, TypeError, ValueError) as error:
        return str(error)
    raise AssertionError("no error was raised")


def said(*words: str) -> str:
    """Return what a command that fails says, without the name of the program before it."""
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 2, result.output
    lines = result.stderr.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("crosstie: error: "))
    return "\n".join(lines[first:]).removeprefix("crosstie: error: ").rstrip()


def warned(make: Callable[[], object], level: int = logging.WARNING) -> str:
    """Return the lines that a call logs at a level."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage()) if record.levelno == level else None  # type: ignore[method-assign]
    log = logging.getLogger("crosstie")
    log.addHandler(handler)
    before = log.level
    log.setLevel(logging.INFO)
    try:
        make()
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
    return "\n".join(lines)


def _ensembl(rna: AnnData) -> AnnData:
    rna = rna.copy()
    rna.var_names = [f"ENSG{i:011d}" for i in range(rna.n_vars)]
    return rna


def _with(adata: AnnData, x: object) -> AnnData:
    adata = adata.copy()
    adata.X = x
    return adata


# ---- links


@mistake
def identifiers_and_symbols(site, folder):
    return message(lambda: xt.integrate({"rna": _ensembl(site["rna"]), "adt": site["adt"]}))


@mistake
def peaks_without_genes(site, folder):
    del site["atac"].var["linked_gene"]
    return message(lambda: xt.integrate({"rna": site["rna"], "atac": site["atac"]}))


@mistake
def unconnected(site, folder):
    data = {name: site[name] for name in ("rna", "adt", "atac")}
    return message(lambda: xt.integrate(data, xt.links.by_table(data, "rna", "adt")))


@mistake
def no_common_chromosome(site, folder):
    genes = xt.datasets.gene_table().assign(chrom="scaffold_1")
    return message(lambda: xt.data.gene_activity(site["atac"], genes))


@mistake
def nothing_shared(site, folder):
    return message(lambda: xt.links.paired({"rna": site["rna"], "adt": site["adt"]}, "rna", "adt"))


@mistake
def shared_but_not_said(site, folder):
    adt = site["adt"].copy()
    adt.obs_names = [f"cell-{i}" for i in range(adt.n_obs)]
    rna = site["rna"].copy()
    rna.obs_names = [f"cell-{i}" for i in range(rna.n_obs)]
    lines = warned(lambda: xt.links.suggest({"rna": rna, "adt": adt}), logging.INFO)
    return next(line for line in lines.splitlines() if "in common" in line)


# ---- values


@mistake
def scaled(site, folder):
    x = site["rna"].X.toarray()
    return message(lambda: xt.integrate({"rna": _with(site["rna"], x - x.mean(0)), "adt": site["adt"]}))


@mistake
def normalised(site, folder):
    rna = _with(site["rna"], np.log1p(site["rna"].X.toarray() / 3))
    return warned(lambda: xt.data.View.of("rna", rna, modality="rna"))


@mistake
def not_finite(site, folder):
    x = site["rna"].X.toarray()
    x[0, :5] = np.nan
    return message(lambda: xt.integrate({"rna": _with(site["rna"], x), "adt": site["adt"]}))


@mistake
def transposed(site, folder):
    return message(lambda: xt.integrate({"rna": site["rna"], "adt": site["adt"][:8].copy()}))


@mistake
def repeated_names(site, folder):
    rna = site["rna"].copy()
    rna.var_names = [*rna.var_names[:-2], *rna.var_names[:2]]
    return warned(lambda: xt.data.View.of("rna", rna, modality="rna"))


@mistake
def given_twice(site, folder):
    return warned(
        lambda: xt.Model({"one": site["adt"], "two": site["adt"]}, modality={"one": "protein", "two": "protein"})
    )


# ---- names and files


@mistake
def wrong_column(site, folder):
    return message(lambda: xt.integrate({"rna": site["rna"], "adt": site["adt"]}, batch_key="donr"))


@mistake
def no_such_file(site, folder):
    return said("integrate", "rna=rma.h5ad", "adt=adt.h5ad", "--out", "new", "-q")


@mistake
def no_name(site, folder):
    return said("integrate", "rna.h5ad", "adt.h5ad", "--out", "new", "-q")


@mistake
def not_empty(site, folder):
    return said("integrate", "rna=rna.h5ad", "adt=adt.h5ad", "--out", "run", "-q")


@mistake
def no_run(site, folder):
    return said("diagnose", "runs", "-q")


@mistake
def cell_ranger(site, folder):
    formats.tenx_h5("filtered_feature_bc_matrix.h5", "Gene Expression")
    return said("integrate", "filtered_feature_bc_matrix.h5", "--out", "new", "-q")


# ---- after the fit


@mistake
def query_of_other_names(site, folder):
    model = xt.Model.load("run/model")
    return message(lambda: model.embed("rna", _ensembl(site["rna"])))


@mistake
def query_normalised(site, folder):
    model = xt.Model.load("run/model")
    query = _with(site["query"], np.log1p(site["query"].X.toarray() / 3))
    return message(lambda: model.embed("rna", query))


@mistake
def filtered_afterwards(site, folder):
    model = xt.Model.load("run/model")
    return message(lambda: model.write({"rna": site["rna"][:-5], "adt": site["adt"]}))


@mistake
def without_data(site, folder):
    return message(lambda: xt.Model.load("run/model").fit())


@mistake
def no_labels(site, folder):
    model = xt.Model.load("run/model")
    return message(lambda: xt.tl.transfer_labels(model, "rna", "adt", key="celltype"))


@mistake
def impute_from_folder(site, folder):
    return message(lambda: xt.tl.impute(xt.Model.load("run/model"), "rna", "adt"))


@mistake
def table_of_other_names(site, folder):
    table = pd.DataFrame({"protein": ["P01730", "P08571"], "gene": ["CD4", "CD14"]})
    return message(lambda: xt.links.by_table(site, "adt", "rna", table))
