"""Small files of exactly the layouts of the public data sets, with simulated cells in them."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
import zipfile

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse as sp

from crosstie.datasets import simulate_citeseq, simulate_teaseq

BASES = np.array(list("ACGT"))
TEA = {
    "teaseq_pbmc": ("GSM4949911_X061-AP0C1W1", "fulldepth", "fulldepth"),
    "teaseq_pbmc_w3": ("GSM5123951_X066-MP0C1W3", "200M", "48M"),
}
NEURIPS = {"bmmc_citeseq": "cite", "bmmc_multiome": "multiome"}
TENX = {"pbmc_10k_protein_v3": "pbmc_10k_protein_v3", "pbmc_5k_protein_v3": "5k_pbmc_protein_v3"}


def barcodes(n, seed=0):
    letters = np.random.default_rng(seed).choice(BASES, (n, 16))
    return ["".join(row) for row in letters]


def paired(mdata):
    """Return views with rows that are the same cells."""
    return {view: adata[np.argsort(adata.obs["true_cell"].to_numpy())] for view, adata in mdata.mod.items()}


def cells(n_cells, seed=1, **options):
    return paired(simulate_citeseq(n_cells=n_cells, n_genes=200, n_proteins=30, seed=seed, **options))


def packed(text):
    return gzip.compress(text if isinstance(text, bytes) else text.encode(), mtime=0)


def h5(names, ids, kinds, counts, codes, interval=None):
    """Return a matrix of Cell Ranger: CSC of features × barcodes."""
    x = sp.csc_matrix(counts.T)
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        matrix = file.create_group("matrix")
        matrix["barcodes"] = np.array([f"{c}-1" for c in codes], dtype="S18")
        matrix.create_dataset("data", data=x.data.astype("i4"), compression="gzip")
        matrix.create_dataset("indices", data=x.indices.astype("i8"), compression="gzip")
        matrix["indptr"] = x.indptr.astype("i8")
        matrix["shape"] = np.array(x.shape, dtype="i4")
        features = matrix.create_group("features")
        features["id"], features["name"] = (np.array(list(v), dtype="S60") for v in (ids, names))
        features["feature_type"] = np.array(kinds, dtype="S40")
        features["genome"] = np.array(["GRCh38"] * len(kinds), dtype="S10")
        if interval is not None:
            features["interval"] = np.array(interval, dtype="S60")
    return memory.getvalue()


def mtx(x):
    memory = io.BytesIO()
    scipy.io.mmwrite(memory, sp.coo_matrix(x.T.astype(int)), field="integer")
    return packed(memory.getvalue())


def h5ad(adata, tmp_path):
    path = tmp_path / "written.h5ad"
    adata.write_h5ad(path, compression="gzip")
    return packed(path.read_bytes())


def citeseq_pbmc(n_cells=120):
    """Return the files of GSE164378 (3'), and the views that they hold; donors P1 and P2, some doublets."""
    views = cells(n_cells)
    codes = [f"L{1 + i % 8}_{code}" for i, code in enumerate(barcodes(n_cells))]
    obs = pd.DataFrame(index=codes)
    obs["nCount_ADT"] = np.asarray(views["adt"].X.sum(axis=1)).ravel().astype(int)
    obs["orig.ident"] = "SeuratProject"
    obs["donor"] = np.where(np.arange(n_cells) % 3 == 0, "P2", "P1")
    obs["time"] = 7
    obs["celltype.l1"] = views["rna"].obs["cell_type"].astype(str).to_numpy()
    obs["celltype.l2"] = views["rna"].obs["state"].astype(str).to_numpy()
    obs.loc[codes[1], ["celltype.l1", "celltype.l2"]] = ["other", "Doublet"]
    obs["celltype.l3"] = obs["celltype.l2"] + "_1"
    files = {"GSE164378_sc.meta.data_3P.csv.gz": packed(obs.to_csv(quoting=csv.QUOTE_NONNUMERIC))}
    for view, start in (("rna", "GSM5008737_RNA_3P"), ("adt", "GSM5008738_ADT_3P")):
        names = views[view].var_names
        files[f"{start}-matrix.mtx.gz"] = mtx(views[view].X)
        files[f"{start}-features.tsv.gz"] = packed("".join(f"{n}\t{n}\tGene Expression\n" for n in names))
        files[f"{start}-barcodes.tsv.gz"] = packed("\n".join(codes) + "\n")
        views[view] = ad.AnnData(views[view].X, obs=obs.copy(), var=pd.DataFrame(index=names))
    return files, views


def teaseq(name="teaseq_pbmc", n_cells=100):
    """Return the two files of a TEA-seq sample (and labels, where they are published), and the views."""
    views = paired(simulate_teaseq(n_cells=n_cells, n_genes=150, n_proteins=20, peaks=True, seed=3))
    rna, atac, adt = (views[view] for view in ("rna", "atac", "adt"))
    codes, start = barcodes(n_cells, seed=2), TEA[name]
    peaks = atac.var_names.astype(str)
    place = pd.Series(peaks, index=atac.var["linked_gene"].astype(str)).groupby(level=0).first()
    interval = [place.get(gene, "chrY:1-2") for gene in rna.var_names] + list(peaks)
    stem = f"{start[0]}_leukopak_perm-cells_tea_"
    matrix = h5(
        [*rna.var_names, *peaks],
        [*(f"ENSG{i:011d}" for i in range(rna.n_vars)), *peaks],
        ["Gene Expression"] * rna.n_vars + ["Peaks"] * len(peaks),
        sp.hstack([rna.X, atac.X]).toarray(),
        codes,
        interval,
    )
    table = pd.DataFrame(adt.X.toarray().astype(int), columns=adt.var_names)
    table.insert(0, "total", table.sum(axis=1))
    table.insert(0, "cell_barcode", codes)
    files = {
        f"{stem}{start[1]}_cellranger-arc_filtered_feature_bc_matrix.h5": matrix,
        f"{stem}{start[2]}_adt_counts.csv.gz": packed(table.to_csv(index=False)),
    }
    if name == "teaseq_pbmc_w3":
        label = rna.obs["cell_type"].astype(str)
        rows = "".join(f"{c}-3,{t}\n" for c, t in zip(codes, label, strict=True))
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w") as archive:
            archive.writestr("Figure4_type_labels.csv", "barcode,predicted.celltype.l2\n" + rows)
            archive.writestr("__MACOSX/._Figure4_type_labels.csv", "x")
        files["elife-63632-fig4-data2-v1.zip"] = memory.getvalue()
    return files, views


def own_labels(views, codes):
    rows = zip(codes, views["rna"].obs["cell_type"].astype(str), strict=True)
    return ("barcode,cell_type\n" + "".join(f"{c}-1,{t}\n" for c, t in rows)).encode()


def tenx(name="pbmc_10k_protein_v3", n_cells=60):
    views = cells(n_cells)
    rna, adt = views["rna"], views["adt"]
    proteins = [f"{n}_TotalSeqB" for n in adt.var_names]
    matrix = h5(
        [*rna.var_names, *proteins],
        [*(f"ENSG{i:011d}" for i in range(rna.n_vars)), *proteins],
        ["Gene Expression"] * rna.n_vars + ["Antibody Capture"] * adt.n_vars,
        sp.hstack([rna.X, adt.X]).toarray(),
        barcodes(n_cells),
    )
    return {f"{TENX[name]}_filtered_feature_bc_matrix.h5": matrix}, views


def neurips(tmp_path, name="bmmc_citeseq", n_cells=60):
    """Return the file of the NeurIPS challenge: normalised X, counts in a layer, types of features GEX, ADT or ATAC."""
    if name == "bmmc_citeseq":
        views = cells(n_cells)
        kinds = {"rna": "GEX", "adt": "ADT"}
    else:
        views = paired(simulate_teaseq(n_cells=n_cells, n_genes=100, n_proteins=10, peaks=True, seed=3))
        kinds = {"rna": "GEX", "atac": "ATAC"}
    counts = sp.hstack([views[view].X for view in kinds]).tocsr()
    var = pd.DataFrame({"feature_types": [kinds[v] for v in kinds for _ in views[v].var_names]})
    var.index = [n for v in kinds for n in views[v].var_names]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Variable names are not unique")  # as in the file at the source
        both = ad.AnnData(counts.log1p(), var=var, layers={"counts": counts})
    both.obs_names = [f"{c}-1-s1d1" for c in barcodes(n_cells)]
    both.obs["batch"] = pd.Categorical(np.where(np.arange(n_cells) % 2, "s1d1", "s4d8"))
    both.obs["cell_type"] = pd.Categorical(views["rna"].obs["cell_type"].astype(str))
    both.obsm["GEX_X_pca"] = np.zeros((n_cells, 2))
    file = f"GSE194122_openproblems_neurips2021_{NEURIPS[name]}_BMMC_processed.h5ad.gz"
    return {file: h5ad(both, tmp_path)}, {v: views[v] for v in kinds}


def bmcite(n_cells=50):
    """Return the tables of GSE128639, as R writes them: names of cells without a place for the first column."""
    views = cells(n_cells)
    codes = [f"{'ab'[i % 2]}_{c}.1" for i, c in enumerate(barcodes(n_cells))]
    files = {}
    for view, accession, assay in (("rna", "GSM3681518", "RNA"), ("adt", "GSM3681519", "ADT")):
        table = pd.DataFrame(views[view].X.T.toarray().astype(int), index=views[view].var_names)
        text = "\t".join(codes) + "\n" + table.to_csv(sep="\t", header=False)
        files[f"{accession}_MNC_{assay}_counts.tsv.gz"] = packed(text)
    return files, views
