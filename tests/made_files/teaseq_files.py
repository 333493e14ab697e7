"""Small files of exactly the layouts that Cell Ranger ARC and BarCounter write."""

from __future__ import annotations

import gzip

import h5py
import numpy as np
import scipy.sparse as sp

BASES = np.array(list("ACGT"))
GENES = ["CD3D", "CD4", "CD8A", "CD19", "TBCE", "TBCE", "MS4A1"]  # symbols repeat in real references
PEAKS = ["chr1:9795-10695", "chr1:180720-181653", "chrX:5000-5900", "KI270728.1:1-500"]
ADT = ["CD10", "CD3", "CD4", "TCR-a/b", "HLA-DR", "IgG1-K-Isotype-Control"]
START = "_leukopak_perm-cells_tea_"


def barcodes(n, seed=0):
    """Barcodes of 16 bases, as sequences."""
    letters = np.random.default_rng(seed).choice(BASES, (n, 16))
    return ["".join(row) for row in letters]


def write_h5(path, names, counts, kinds, cells, *, interval=True, compression="gzip"):
    """Write a Cell Ranger ARC matrix: CSC of features × barcodes, byte strings of fixed length."""
    x = sp.csc_matrix(counts.T)
    with h5py.File(path, "w") as file:
        matrix = file.create_group("matrix")
        matrix["barcodes"] = np.array([f"{c}-1" for c in cells], dtype="S18")
        matrix.create_dataset("data", data=x.data.astype("i4"), compression=compression)
        matrix.create_dataset("indices", data=x.indices.astype("i8"), compression=compression)
        matrix.create_dataset("indptr", data=x.indptr.astype("i8"), compression=compression)
        matrix["shape"] = np.array(x.shape, dtype="i4")
        features = matrix.create_group("features")
        features["_all_tag_keys"] = np.array([b"genome", b"interval"])
        genes = [kind == "Gene Expression" for kind in kinds]
        features["id"] = np.array(
            [f"ENSG{i:011d}" if g else n for i, (g, n) in enumerate(zip(genes, names, strict=True))], dtype="S40"
        )
        features["name"] = np.array(names, dtype="S40")
        features["feature_type"] = np.array(kinds, dtype="S40")
        features["genome"] = np.array(["GRCh38"] * len(names), dtype="S10")
        if interval:
            place = [f"chr1:{1000 * i}-{1000 * i + 1}" if gene else names[i] for i, gene in enumerate(genes)]
            features["interval"] = np.array(place, dtype="S40")


def write_adt(path, table, cells):
    """Write BarCounter's table: cell_barcode (without -1), total, one column an antibody."""
    rows = ["cell_barcode,total," + ",".join(ADT)]
    rows += [f"{c},{int(r.sum())}," + ",".join(str(int(v)) for v in r) for c, r in zip(cells, table, strict=True)]
    with gzip.open(path, "wt") as file:
        file.write("\n".join(rows) + "\n")
