"""Small versions of the files and names that the pages use, and one complete run."""

import gzip
import hashlib
import os
import shutil
from functools import partial
from pathlib import Path

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
import scipy.io
from typer.testing import CliRunner

import crosstie as xt
from crosstie._mudata import views_as_they_are
from crosstie.cli import app
from made_files import formats

from .pages import words

RUN = "crosstie integrate rna=rna.h5ad adt=adt.h5ad --out run/ --label-key cell_type"
N_CELLS, N_GENES, N_PROTEINS = 300, 400, 30


def _named(adata, own, shared=()):
    """Call cells by their true number where they are shared, and else by their view."""
    out = adata.copy()
    out.obs_names = [f"cell-{c}" if c in shared else f"{own}-{c}" for c in out.obs["true_cell"]]
    out.obs["donor"] = np.where(np.arange(out.n_obs) % 2, "d1", "d2")
    return out


@pytest.fixture(scope="session")
def site():
    """The views of the pages: a hundred cells are in both rna and atac."""
    size = {"n_cells": N_CELLS, "n_genes": N_GENES, "n_proteins": N_PROTEINS}
    with views_as_they_are():
        tea = xt.datasets.simulate_teaseq(**size, peaks=True, seed=1)
        new = xt.datasets.simulate_teaseq(**size | {"n_cells": 60}, peaks=True, seed=2)["rna"]
    shared = set(range(100))
    views = {name: _named(tea[name], name, shared) for name in ("rna", "atac")}
    views["adt"] = _named(tea["adt"], "adt")
    views["query"] = _named(new, "new")
    return views


@pytest.fixture(scope="session")
def more(site):
    """Other data that a page names: a bridge, a reference of CITE-seq, genes under identifiers."""
    rna, adt, atac = (site[name] for name in ("rna", "adt", "atac"))
    ensembl = rna.copy()
    ensembl.var["gene_symbols"] = ensembl.var_names
    ensembl.var_names = [f"ENSG{i:011d}" for i in range(ensembl.n_vars)]
    every = set(range(N_CELLS))
    cytof = adt[:, :15].copy()
    cytof.X = np.arcsinh(cytof.X.toarray() / 5)
    return {
        "ensembl": ensembl,
        "cytof": cytof,
        "bridge_rna": _named(rna, "bridge", every),
        "bridge_atac": _named(atac, "bridge", every),
        "cite_rna": _named(rna, "cite", every),
        "cite_adt": _named(adt, "cite", every),
    }


def _write_genes(path):
    with gzip.open(path, "wt") as file:
        for gene, row in xt.datasets.gene_table().iterrows():
            fields = [row["chrom"], "made", "gene", row["start"] + 1, row["end"], ".", row["strand"], "."]
            file.write("\t".join(map(str, [*fields, f'gene_id "{gene}"; gene_name "{gene}";'])) + "\n")


def _write_fragments(folder, atac):
    """The cells of a view as fragments in its peaks, and two sets of peaks."""
    counts = atac.X.tocoo()
    places = [name.replace("-", ":").split(":") for name in atac.var_names]
    rows = sorted(
        (places[peak][0], int(places[peak][1]), int(places[peak][2]), f"{atac.obs_names[cell]}-1", int(n))
        for cell, peak, n in zip(counts.row, counts.col, counts.data, strict=True)
    )
    with gzip.open(folder / "fragments.tsv.gz", "wt", compresslevel=1) as file:
        file.write("# id=made\n# pipeline_name=cellranger-arc\n")
        file.writelines("\t".join(map(str, row)) + "\n" for row in rows)
    for name, shift in (("peaks.bed", 0), ("other_peaks.bed", 40)):
        lines = (f"{chrom}\t{int(start) + shift}\t{int(end) + shift}\n" for chrom, start, end in places)
        (folder / name).write_text("".join(lines))


def _write_cells(path):
    """A table of an image, as mcmicro writes it."""
    imaged = xt.datasets.simulate_tissue(n_cells=200, n_rna=50, n_genes=200, n_linked=20, seed=0)["tissue"]
    table = imaged.to_df().reset_index(drop=True)
    table.insert(0, "CellID", range(1, len(table) + 1))
    table["X_centroid"], table["Y_centroid"] = imaged.obsm["spatial"].T
    table.to_csv(path, index=False)


@pytest.fixture(scope="session")
def files(site, more, tmp_path_factory):
    """The files of the pages."""
    folder = tmp_path_factory.mktemp("files")
    for name, adata in {**site, **more}.items():
        adata.write_h5ad(folder / f"{name}.h5ad")
    with views_as_they_are():
        mudata.MuData({"rna": more["cite_rna"], "adt": more["cite_adt"]}).write_h5mu(folder / "pbmc.h5mu")
        mudata.MuData({"rna": more["bridge_rna"], "atac": more["bridge_atac"]}).write_h5mu(folder / "multiome.h5mu")
    _write_genes(folder / "genes.gtf.gz")
    _write_fragments(folder, site["atac"])
    _write_cells(folder / "cells.csv")
    formats.tenx_h5(folder / "filtered_feature_bc_matrix.h5", "Gene Expression", "Antibody Capture")
    pairs = pd.DataFrame(
        {"protein": ["CD3", "CD4", "CD8", "CD14", "CD19"], "gene": ["CD3D", "CD4", "CD8A", "CD14", "CD19"]}
    )
    pairs.to_csv(folder / "links.csv", index=False)
    pairs.to_csv(folder / "protein_gene_conversion.csv", index=False)
    adt = site["adt"]
    scipy.io.mmwrite(folder / "adt.mtx", adt.X.T)  # as R writes it: features as rows
    for file, names in (("adt_features.txt", adt.var_names), ("adt_cells.txt", adt.obs_names)):
        (folder / file).write_text("\n".join(names) + "\n")
    return folder


class Shell:
    """Runs `crosstie` commands in the folder that one is in; a run that was made before is copied."""

    def __init__(self, kept):
        self.kept, self.runs = kept, {}

    def __call__(self, command):
        """Run a command and return its result, which may be a failure."""
        (program, *arguments), target = words(command.split(" > ")[0]), command.partition(" > ")[2]
        assert program == "crosstie"
        if arguments[0] == "integrate":
            return self._integrate(arguments)
        result = CliRunner().invoke(app, arguments)
        if target:
            with open(target.strip(), "w") as file:
                file.write(result.stdout)
        return result

    def _integrate(self, arguments):
        """Integrate. But for the first run, pictures and the verdict's refits are left out: they take the time."""
        at = arguments.index("--out") + 1
        out = arguments[at]
        key = (*arguments[:at], *arguments[at + 1 :], *_contents(arguments))
        if "--overwrite" not in arguments and os.path.isdir(out):
            return CliRunner().invoke(app, arguments)  # says what is wrong
        if key not in self.runs:
            short = [] if arguments == words(RUN)[1:] and not self.runs else ["--no-plots", "--no-verdict"]
            result = CliRunner().invoke(app, [*arguments, *short])
            if result.exit_code:
                return result
            self.runs[key] = self.kept / str(len(self.runs)), result
            shutil.copytree(out, self.runs[key][0])
            return result
        folder, result = self.runs[key]
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(folder, out)
        return result


def _contents(arguments):
    paths = [word.rpartition("=")[2] for word in arguments]
    return [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths if os.path.isfile(path)]


@pytest.fixture(scope="session")
def shell(files, tmp_path_factory):
    """A shell in which the run of all pages was made, whole."""
    made = Shell(tmp_path_factory.mktemp("runs"))
    folder = tmp_path_factory.mktemp("first")
    shutil.copytree(files, folder, dirs_exist_ok=True)
    before = os.getcwd()
    os.chdir(folder)
    try:
        result = made(RUN)
        assert result.exit_code == 0, result.output
    finally:
        os.chdir(before)
    return made


@pytest.fixture
def at_home(files, shell, tmp_path, monkeypatch):
    """Stand in a folder of one's own with the files of the pages."""
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def names(site, more, monkeypatch):
    """The names that blocks of Python may take as given; simulators simulate fewer cells."""
    for simulator in ("simulate_citeseq", "simulate_teaseq"):
        monkeypatch.setattr(xt.datasets, simulator, partial(_smaller, getattr(xt.datasets, simulator)))
    views = {name: site[name].copy() for name in ("rna", "adt", "atac")}
    return {"xt": xt, "pd": pd, "anndata": anndata, **views, "data": dict(views), "new_rna": site["query"], **more}


def _smaller(simulate, **options):
    return simulate(**options | {"n_cells": N_CELLS, "n_genes": N_GENES})
