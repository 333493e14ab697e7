"""The same cells in every format that crosstie reads, each file exactly as the program that it stands for writes it."""

from __future__ import annotations

import gzip
import warnings
from functools import cache

import anndata as ad
import h5py
import mudata as md
import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse as sp

from crosstie._mudata import views_as_they_are
from crosstie.datasets import simulate_citeseq
from made_files.public_files import barcodes

N_CELLS = 90
BASES = list("ACGT")


@cache
def views():
    """Return RNA and antibodies of the same cells, in the same order, with nothing but names and counts."""
    mdata = simulate_citeseq(n_cells=N_CELLS, n_genes=120, n_proteins=24, seed=5)
    codes = [f"{code}-1" for code in barcodes(N_CELLS, seed=7)]
    out = {}
    for name, adata in mdata.mod.items():
        rows = np.argsort(adata.obs["true_cell"].to_numpy())
        x = sp.csr_matrix(adata.X[rows], dtype=np.float32)
        x.sort_indices()
        out[name] = ad.AnnData(x, obs=pd.DataFrame(index=codes), var=pd.DataFrame(index=list(adata.var_names)))
    return out


def peaks():
    """Return peaks of the same cells."""
    x = sp.random(N_CELLS, 40, 0.2, "csr", np.float32, random_state=0, data_rvs=lambda n: np.ones(n, np.float32))
    names = [f"chr1:{1000 * i}-{1000 * i + 500}" for i in range(40)]
    return ad.AnnData(x, obs=views()["rna"].obs.copy(), var=pd.DataFrame(index=names))


def ids(n):
    return [f"ENSG{i:011d}" for i in range(n)]


def joined(*kinds):
    """Return counts, ids, names and types of the features of several views side by side."""
    parts = {"Gene Expression": views()["rna"], "Antibody Capture": views()["adt"], "Peaks": peaks()}
    chosen = [parts[kind] for kind in kinds]
    names = [name for part in chosen for name in part.var_names]
    identity = [i for part in chosen for i in (ids(part.n_vars) if part is parts[kinds[0]] else part.var_names)]
    types = [kind for kind, part in zip(kinds, chosen, strict=True) for _ in range(part.n_vars)]
    return sp.hstack([part.X for part in chosen]).tocsr(), identity, names, types


def tenx_h5(path, *kinds, interval=False):
    """Write a matrix of Cell Ranger 3 or later."""
    x, identity, names, types = joined(*kinds)
    with h5py.File(path, "w") as file:
        matrix = file.create_group("matrix")
        matrix["barcodes"] = np.array(list(views()["rna"].obs_names), "S18")
        for name, values in (("data", x.data.astype("i4")), ("indices", x.indices.astype("i8"))):
            matrix.create_dataset(name, data=values, compression="gzip", maxshape=(None,))
        matrix["indptr"] = x.indptr.astype("i8")
        matrix["shape"] = np.array(x.shape[::-1], "i4")
        features = matrix.create_group("features")
        features["_all_tag_keys"] = np.array(["genome"], "S6")
        for name, values in (("id", identity), ("name", names), ("feature_type", types)):
            features[name] = np.array(values, "S40")
        features["genome"] = np.array(["GRCh38" if kind != "Antibody Capture" else "" for kind in types], "S8")
        if interval:
            features["interval"] = np.array([n if n.startswith("chr") else "chr1:5-9" for n in names], "S40")


def old_tenx_h5(path):
    """Write a matrix of Cell Ranger 1 or 2: a group per genome."""
    adata = views()["rna"]
    with h5py.File(path, "w") as file:
        group = file.create_group("hg19")
        values = {"barcodes": list(adata.obs_names), "genes": ids(adata.n_vars), "gene_names": list(adata.var_names)}
        for name, text in values.items():
            group[name] = np.array(text, "S40")
        group["data"], group["indices"] = adata.X.data.astype("i4"), adata.X.indices.astype("i8")
        group["indptr"], group["shape"] = adata.X.indptr.astype("i8"), np.array(adata.shape[::-1], "i4")


def write_mtx(path, x, *, zipped=True):
    """Write features × cells, sorted by cell, as Cell Ranger does."""
    columns = x.tocsr()
    rows = [
        f"{feature + 1} {cell + 1} {int(count)}"
        for cell in range(x.shape[0])
        for feature, count in zip(columns[cell].indices, columns[cell].data, strict=True)
    ]
    head = "%%MatrixMarket matrix coordinate integer general\n%metadata_json: {}\n"
    text = f"{head}{x.shape[1]} {x.shape[0]} {len(rows)}\n" + "\n".join(rows) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())


def write_lines(path, lines):
    text = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


def tenx_folder(folder, *kinds, prefix=""):
    """Write the folder of Cell Ranger 3: gzipped, with types of features."""
    folder.mkdir(parents=True)
    x, identity, names, types = joined(*kinds)
    write_lines(folder / f"{prefix}barcodes.tsv.gz", views()["rna"].obs_names)
    lines = ["\t".join(row) for row in zip(identity, names, types, strict=True)]
    write_lines(folder / f"{prefix}features.tsv.gz", lines)
    write_mtx(folder / f"{prefix}matrix.mtx.gz", x)


def old_tenx_folder(folder):
    """Write the folder of Cell Ranger 2: plain text, genes.tsv, in a folder of the genome."""
    folder = folder / "hg19"
    folder.mkdir(parents=True)
    adata = views()["rna"]
    write_lines(folder / "barcodes.tsv", adata.obs_names)
    write_lines(folder / "genes.tsv", ["\t".join(row) for row in zip(ids(adata.n_vars), adata.var_names, strict=True)])
    scipy.io.mmwrite(folder / "matrix.mtx", sp.coo_matrix(adata.X.T.astype(int)), field="integer")  # sorted by gene


def citeseq_count(folder):
    """Write the folder of CITE-seq-Count: umi_count and read_count, NAME-SEQUENCE, and the row `unmapped`."""
    adata = views()["adt"]
    rng = np.random.default_rng(0)
    names = [f"{name}-{''.join(rng.choice(BASES, 15))}" for name in adata.var_names]
    x = sp.hstack([adata.X, sp.csr_matrix(np.full((N_CELLS, 1), 7, np.float32))]).tocsr()
    for kind, times in (("umi_count", 1), ("read_count", 3)):
        (folder / kind).mkdir(parents=True)
        write_lines(folder / kind / "features.tsv.gz", [*names, "unmapped"])
        write_lines(folder / kind / "barcodes.tsv.gz", [name.removesuffix("-1") for name in adata.obs_names])
        write_mtx(folder / kind / "matrix.mtx.gz", x * times)
    (folder / "run_report.yaml").write_text("CITE-seq-Count Version: 1.4.5\n")


def tables(folder):
    """Write csv and tsv: cells in columns (R) and in rows (pandas)."""
    rna, adt = (view.to_df().astype(int) for view in views().values())
    rna.T.to_csv(folder / "genes_by_cells.csv.gz")
    adt.rename_axis("cell").to_csv(folder / "cells_by_proteins.tsv", sep="\t")


def loom(path, adata):
    with h5py.File(path, "w") as file:
        file.create_dataset("matrix", data=adata.X.toarray().T, compression="gzip", chunks=(16, 16))
        for group, name, names in (("row_attrs", "Gene", adata.var_names), ("col_attrs", "CellID", adata.obs_names)):
            file.create_group(group).create_dataset(name, data=list(names), dtype=h5py.string_dtype())
        for group in ("layers", "row_graphs", "col_graphs", "attrs"):
            file.create_group(group)
        file["attrs"]["LOOM_SPEC_VERSION"] = "3.0.0"


def legacy_h5ad(path, adata):
    """Write a file of anndata before 0.7: tables as arrays of records."""
    with h5py.File(path, "w") as file:
        x = file.create_group("X")
        x.attrs["h5sparse_format"], x.attrs["h5sparse_shape"] = "csr", np.array(adata.shape)
        x["data"], x["indices"], x["indptr"] = adata.X.data, adata.X.indices, adata.X.indptr
        for axis, names in (("obs", adata.obs_names), ("var", adata.var_names)):
            file[axis] = np.array([(name.encode(), 1.0) for name in names], [("index", "S40"), ("n", "f4")])


def with_counts_beside(folder):
    """Write h5ad files whose X is log-normalised and whose counts are in `raw` or in a layer."""
    rna = views()["rna"]
    log = ad.AnnData(rna.X.copy(), obs=rna.obs.copy(), var=rna.var.copy())
    log.X.data = np.log1p(log.X.data / 3)
    raw, layer = log.copy(), log.copy()
    raw.raw = rna
    layer.layers["counts"] = rna.X
    raw.write_h5ad(folder / "raw.h5ad")
    layer.write_h5ad(folder / "layer.h5ad")


def spatialdata(folder):
    """Write a SpatialData store with one table."""
    import zarr

    store = zarr.open_group(folder, mode="w", zarr_format=3)
    store.attrs["spatialdata_attrs"] = {"version": "0.2"}
    store.create_group("tables")
    views()["adt"].write_zarr(folder / "tables" / "table")


def write_all(folder):
    """Write every format into a folder."""
    rna, adt = views().values()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, adata in views().items():
            adata.write_h5ad(folder / f"{name}.h5ad")
            adata.write_zarr(folder / f"{name}.zarr")
            loom(folder / f"{name}.loom", adata)
        with views_as_they_are():
            hto = ad.AnnData(np.ones((N_CELLS, 3), np.float32), obs=rna.obs.copy())
            airr = ad.AnnData(obs=rna.obs.copy())
            md.MuData({"rna": rna.copy(), "adt": adt.copy()}).write_h5mu(folder / "both.h5mu")
            mdata = md.MuData({"rna": rna.copy(), "adt": adt.copy(), "hto": hto, "airr": airr})
            mdata.write_h5mu(folder / "hashed.h5mu")
        spatialdata(folder / "sdata.zarr")
    x, _, names, types = joined("Gene Expression", "Antibody Capture")
    var = pd.DataFrame({"feature_types": types}, index=names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ad.AnnData(x, obs=rna.obs.copy(), var=var).write_h5ad(folder / "mixed.h5ad")
    tenx_h5(folder / "filtered_feature_bc_matrix.h5", "Gene Expression", "Antibody Capture")
    tenx_h5(folder / "multiome.h5", "Gene Expression", "Peaks", interval=True)
    old_tenx_h5(folder / "filtered_gene_bc_matrices_h5.h5")
    tenx_folder(folder / "filtered_feature_bc_matrix", "Gene Expression", "Antibody Capture")
    tenx_folder(folder / "GSE1", "Gene Expression", "Antibody Capture", prefix="GSM1_sample_")
    old_tenx_folder(folder / "filtered_gene_bc_matrices")
    citeseq_count(folder / "cite")
    tables(folder)
    legacy_h5ad(folder / "legacy.h5ad", rna)
    with_counts_beside(folder)
